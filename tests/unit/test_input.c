/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/input.h"

#include "bytes.h"

#define MAX_FRAME (1u << 20)

/* What was cut out of a stream: all bodies, each with its length before it. */
struct cut {
	struct bytes bodies;
	size_t n;
};

struct rig {
	struct slab_pool pool;
	struct input in;
	struct cut cut;
	size_t most; /* that the pool had charged */
};

static void
rig_init(struct rig *r, size_t memory)
{
	*r = (struct rig){ 0 };
	assert_int_equal(slab_pool_init(&r->pool, memory, MAX_FRAME), 0);
}

static void
rig_fini(struct rig *r)
{
	input_drop(&r->in);
	assert_int_equal(r->pool.used, 0);
	slab_pool_fini(&r->pool);
	bytes_free(&r->cut.bodies);
}

static void
take_frames(struct rig *r)
{
	uint32_t len;

	while (input_peek(&r->in, MAX_FRAME, &len) == FRAME_OK) {
		put_be(&r->cut.bodies, len, 4);
		put(&r->cut.bodies, input_frame(&r->in) + 5, len);
		r->cut.n++;
		input_skip(&r->in, 5 + (size_t)len);
	}
	input_rest(&r->in);
}

/* The kernel has `len` bytes: they come in as many pieces as there is room. */
static void
receive(struct rig *r, const uint8_t *data, size_t len)
{
	while (len > 0) {
		uint8_t *at = NULL;
		size_t room = 0, n;

		assert_true(input_room(&r->in, &r->pool, &at, &room));
		assert_true(room > 0);
		assert_ptr_equal(at, r->in.slab->data + r->in.end);
		assert_true(r->in.end + room <= r->in.slab->cap);
		assert_true(r->in.end + room <= r->in.slab->charged);
		r->most = r->pool.used > r->most ? r->pool.used : r->most;
		n = len < room ? len : room;
		memcpy(at, data, n);
		input_received(&r->in, n);
		data += n;
		len -= n;
		take_frames(r);
	}
}

static void
put_body(struct bytes *stream, struct bytes *bodies, size_t len, uint8_t fill)
{
	size_t start = stream->len;

	put_fill(stream, fill, len);
	put_prefix_before(stream, start);
	put_be(bodies, len, 4);
	put_fill(bodies, fill, len);
}

static void
expect_cut(struct rig *r, const struct bytes *bodies)
{
	assert_int_equal(r->cut.bodies.len, bodies->len);
	assert_memory_equal(r->cut.bodies.at, bodies->at, bodies->len);
	assert_null(r->in.slab); /* idle: it holds nothing */
	assert_int_equal(r->pool.used, 0);
}

static void
put_corpus(struct bytes *stream, struct bytes *bodies)
{
	static const size_t lens[] = { 1, 0, 7, 300, 5, 1000, 2, 60 };

	for (size_t i = 0; i < COUNT(lens); i++)
		put_body(stream, bodies, lens[i], (uint8_t)(i + 1));
}

TEST(all_cuts_in_two_and_byte_by_byte_give_the_same_frames)
{
	struct bytes stream = { 0 }, bodies = { 0 };
	struct rig r;

	put_corpus(&stream, &bodies);
	for (size_t cut = 0; cut <= stream.len; cut++) {
		rig_init(&r, 4 << 20);
		receive(&r, stream.at, cut);
		receive(&r, stream.at + cut, stream.len - cut);
		expect_cut(&r, &bodies);
		rig_fini(&r);
	}
	rig_init(&r, 4 << 20);
	for (size_t i = 0; i < stream.len; i++)
		receive(&r, stream.at + i, 1);
	expect_cut(&r, &bodies);
	rig_fini(&r);
	bytes_free(&stream);
	bytes_free(&bodies);
}

/* Frames around the size of a slab, and up to the longest there is. */
TEST(frames_of_any_size_come_out_whole_however_they_are_cut)
{
	static const size_t lens[] = {
		10,
		SLAB_SIZE - 6,
		SLAB_SIZE - 5,
		SLAB_SIZE - 4,
		3,
		SLAB_SIZE,
		MAX_FRAME - 1,
		MAX_FRAME,
		SLAB_SIZE / 2,
		SLAB_SIZE / 2,
		2 * SLAB_SIZE,
		1,
		MAX_FRAME,
	};
	struct chance c = chance_new("input");
	struct bytes stream = { 0 }, bodies = { 0 };

	for (size_t i = 0; i < COUNT(lens); i++)
		put_body(&stream, &bodies, lens[i], (uint8_t)(i + 1));
	for (unsigned round = 0; round < rounds(60); round++) {
		struct rig r;
		size_t at = 0;

		rig_init(&r, 4 << 20);
		while (at < stream.len) {
			size_t n = chance_one_in(&c, 3)
			                   ? 1 + chance_below(&c, 10)
			                   : 1 + chance_below(&c, 200000);

			n = n < stream.len - at ? n : stream.len - at;
			receive(&r, stream.at + at, n);
			at += n;
		}
		assert_int_equal(r.cut.n, COUNT(lens));
		expect_cut(&r, &bodies);
		/* one large one, and the slab that it moves out of */
		assert_true(r.most <= MAX_FRAME + 2 * SLAB_SIZE);
		rig_fini(&r);
	}
	bytes_free(&stream);
	bytes_free(&bodies);
}

TEST(two_way_cuts_around_a_large_frames_edges_give_the_same_frames)
{
	struct bytes stream = { 0 }, bodies = { 0 };
	size_t edges[5] = { 0 };

	put_body(&stream, &bodies, 20, 1);
	edges[1] = stream.len;
	put_body(&stream, &bodies, MAX_FRAME, 2);
	edges[2] = stream.len;
	put_body(&stream, &bodies, SLAB_SIZE - 5, 3);
	edges[3] = stream.len;
	put_body(&stream, &bodies, 20, 4);
	edges[4] = stream.len;
	for (size_t e = 0; e < COUNT(edges); e++) {
		for (int off = -8; off <= 8; off++) {
			size_t cut = edges[e] + (size_t)off;
			struct rig r;

			if (cut > stream.len)
				continue;
			rig_init(&r, 4 << 20);
			receive(&r, stream.at, cut);
			receive(&r, stream.at + cut, stream.len - cut);
			expect_cut(&r, &bodies);
			rig_fini(&r);
		}
	}
	bytes_free(&stream);
	bytes_free(&bodies);
}

TEST(a_large_frame_is_paid_for_as_it_arrives_not_as_it_claims)
{
	struct bytes b = { 0 };
	struct rig r;
	uint8_t *at;
	size_t room;

	rig_init(&r, 64 << 20);
	put_hex(&b, "ce 00 10 00 00"); /* a MiB, it says */
	put_fill(&b, 1, 100);
	receive(&r, b.at, b.len);
	assert_int_equal(r.pool.used, SLAB_SIZE);
	assert_true(input_room(&r.in, &r.pool, &at, &room));
	assert_true(r.pool.used <= 2 * SLAB_SIZE + 65536);
	put_fill(&b, 1, 600000);
	receive(&r, b.at + 105, 600000);
	assert_true(r.pool.used <= 600000 + SLAB_SIZE + 65536);
	bytes_free(&b);
	rig_fini(&r);
}

TEST(what_comes_behind_a_large_frame_is_not_put_into_its_slab)
{
	struct bytes b = { 0 }, bodies = { 0 };
	struct rig r;
	uint8_t *at;
	size_t room;

	rig_init(&r, 64 << 20);
	put_body(&b, &bodies, 500000, 1);
	receive(&r, b.at, b.len - 10);
	assert_true(input_room(&r.in, &r.pool, &at, &room));
	assert_int_equal(room, 10);
	bytes_free(&b);
	bytes_free(&bodies);
	rig_fini(&r);
}

/* As much as there is room for; how many bytes of it are no whole frame. */
static size_t
receive_once(struct rig *r, const uint8_t *data)
{
	uint8_t *at = NULL;
	size_t room = 0;

	assert_true(input_room(&r->in, &r->pool, &at, &room));
	memcpy(at, data, room);
	input_received(&r->in, room);
	take_frames(r);
	return input_length(&r->in);
}

TEST(long_frames_of_one_length_are_cut_once_and_then_read_whole)
{
	struct bytes b = { 0 }, bodies = { 0 };
	struct rig r;
	size_t left;

	rig_init(&r, 4 << 20);
	for (unsigned i = 0; i < 20; i++)
		put_body(&b, &bodies, 65563, (uint8_t)i);
	left = receive_once(&r, b.at);
	assert_int_equal(left, SLAB_SIZE - 3 * 65568);
	for (unsigned i = 3; i < 18; i += 3) {
		left = receive_once(&r, b.at + i * 65568u + left);
		assert_int_equal(left, 0);
	}
	bytes_free(&b);
	bytes_free(&bodies);

	/* shorter ones: the last guess, and then as much as there is room for */
	for (unsigned i = 0; i < 2000; i++)
		put_body(&b, &bodies, 995, (uint8_t)i);
	assert_int_equal(receive_once(&r, b.at), 3 * 65568 % 1000);
	left = receive_once(&r, b.at + (size_t)3 * 65568);
	assert_int_equal(left, SLAB_SIZE % 1000);
	bytes_free(&b);
	bytes_free(&bodies);
	rig_fini(&r);
}

TEST(a_slab_that_others_point_into_is_left_to_them)
{
	struct bytes b = { 0 }, bodies = { 0 };
	struct slab *held;
	struct rig r;

	rig_init(&r, 4 << 20);
	put_body(&b, &bodies, 1000, 1);
	put_hex(&b, "ce 00");
	receive(&r, b.at, b.len);
	held = slab_ref(r.in.slab);
	input_drop(&r.in);
	assert_int_equal(r.pool.used, SLAB_SIZE);
	assert_int_equal(held->data[5], 1);
	slab_unref(held);
	bytes_free(&b);
	bytes_free(&bodies);
	rig_fini(&r);
}

TEST(at_the_ceiling_it_is_refused_and_nothing_changes_until_there_is_memory)
{
	struct bytes b = { 0 }, bodies = { 0 };
	struct slab *others[3];
	struct rig r;
	uint8_t *at;
	size_t room;

	rig_init(&r, 4 * SLAB_SIZE);
	for (int i = 0; i < 3; i++)
		assert_non_null(others[i] = slab_new(&r.pool));
	put_body(&b, &bodies, 400000, 1);
	receive(&r, b.at, 100);
	/* a large slab would be one too many */
	assert_false(input_room(&r.in, &r.pool, &at, &room));
	assert_int_equal(input_length(&r.in), 100);
	assert_memory_equal(input_frame(&r.in), b.at, 100);
	assert_int_equal(r.pool.used, 4 * SLAB_SIZE);
	for (int i = 0; i < 3; i++)
		slab_unref(others[i]);
	receive(&r, b.at + 100, b.len - 100);
	expect_cut(&r, &bodies);
	bytes_free(&b);
	bytes_free(&bodies);
	rig_fini(&r);
}

TEST(a_large_frame_is_not_begun_when_the_end_of_it_does_not_fit)
{
	struct bytes b = { 0 }, bodies = { 0 };
	struct slab *others[2];
	struct rig r;
	uint8_t *at;
	size_t room;

	rig_init(&r, 5 * SLAB_SIZE);
	for (int i = 0; i < 2; i++)
		assert_non_null(others[i] = slab_new(&r.pool));
	put_body(&b, &bodies, 3 * SLAB_SIZE, 1);
	receive(&r, b.at, 100);
	assert_false(input_room(&r.in, &r.pool, &at, &room));
	slab_unref(others[0]);
	assert_false(input_room(&r.in, &r.pool, &at, &room));
	/* when nobody else has any it has to do */
	slab_unref(others[1]);
	assert_true(input_room(&r.in, &r.pool, &at, &room));
	assert_true(r.pool.used < 3 * SLAB_SIZE);
	receive(&r, b.at + 100, b.len - 100);
	expect_cut(&r, &bodies);
	bytes_free(&b);
	bytes_free(&bodies);
	rig_fini(&r);
}

TEST(without_memory_for_another_slab_the_room_in_this_one_will_do)
{
	struct bytes b = { 0 }, bodies = { 0 };
	struct slab *held;
	struct rig r;
	uint8_t *at;
	size_t room;

	rig_init(&r, SLAB_SIZE);
	for (int i = 0; i < 25; i++)
		put_body(&b, &bodies, 10000, 1);
	put_hex(&b, "ce 00 00 00");
	receive(&r, b.at, b.len);
	held = slab_ref(r.in.slab); /* as an outbox does */
	assert_true(input_room(&r.in, &r.pool, &at, &room));
	assert_int_equal(room, SLAB_SIZE - b.len);
	/* when that is used up, there is none */
	input_received(&r.in, room);
	assert_false(input_room(&r.in, &r.pool, &at, &room));
	slab_unref(held);
	bytes_free(&b);
	bytes_free(&bodies);
	rig_fini(&r);
}

TEST(a_short_beginning_can_be_moved_out_of_its_slab_and_goes_on)
{
	struct bytes b = { 0 }, bodies = { 0 };

	for (size_t size = 1; size <= 600000; size = size * 5 + 1) {
		for (size_t begun = 1; begun < size && begun < 6000;
		     begun = begun * 2 + 3) {
			struct rig r;

			b.len = bodies.len = 0;
			rig_init(&r, 8 * SLAB_SIZE);
			put_body(&b, &bodies, size, 1);
			receive(&r, b.at, begun);
			assert_true(input_squeeze(&r.in, &r.pool));
			/* with a byte behind it */
			assert_int_equal(r.pool.used, begun + 1);
			assert_int_equal(r.in.slab->data[r.in.end], 0);
			assert_false(input_squeeze(&r.in, &r.pool));
			receive(&r, b.at + begun, b.len - begun);
			expect_cut(&r, &bodies);
			rig_fini(&r);
		}
	}
	bytes_free(&b);
	bytes_free(&bodies);
}

TEST(a_long_beginning_is_worth_its_slab)
{
	struct bytes b = { 0 }, bodies = { 0 };
	struct rig r;

	rig_init(&r, 8 * SLAB_SIZE);
	assert_false(input_squeeze(&r.in, &r.pool)); /* nothing is there */
	put_body(&b, &bodies, 100000, 1);
	receive(&r, b.at, SLAB_SIZE / 8 + 1);
	assert_false(input_squeeze(&r.in, &r.pool));
	bytes_free(&b);
	bytes_free(&bodies);
	rig_fini(&r);
}

TEST(a_peek_tells_what_the_prefix_tells)
{
	struct bytes b = { 0 };
	struct rig r;
	uint32_t len = 7;

	rig_init(&r, 4 << 20);
	assert_int_equal(input_peek(&r.in, MAX_FRAME, &len), FRAME_SHORT);
	put_hex(&b, "47 45 54");
	receive(&r, b.at, b.len);
	assert_int_equal(input_peek(&r.in, MAX_FRAME, &len), FRAME_BAD_MAGIC);
	input_drop(&r.in);
	b.len = 0;
	put_hex(&b, "ce 00 10 00 01");
	receive(&r, b.at, b.len);
	assert_int_equal(input_peek(&r.in, MAX_FRAME, &len), FRAME_TOO_BIG);
	assert_int_equal(len, MAX_FRAME + 1);
	bytes_free(&b);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			all_cuts_in_two_and_byte_by_byte_give_the_same_frames),
		cmocka_unit_test(
			frames_of_any_size_come_out_whole_however_they_are_cut),
		cmocka_unit_test(
			two_way_cuts_around_a_large_frames_edges_give_the_same_frames),
		cmocka_unit_test(
			a_large_frame_is_paid_for_as_it_arrives_not_as_it_claims),
		cmocka_unit_test(
			what_comes_behind_a_large_frame_is_not_put_into_its_slab),
		cmocka_unit_test(
			long_frames_of_one_length_are_cut_once_and_then_read_whole),
		cmocka_unit_test(a_slab_that_others_point_into_is_left_to_them),
		cmocka_unit_test(
			at_the_ceiling_it_is_refused_and_nothing_changes_until_there_is_memory),
		cmocka_unit_test(
			a_large_frame_is_not_begun_when_the_end_of_it_does_not_fit),
		cmocka_unit_test(
			without_memory_for_another_slab_the_room_in_this_one_will_do),
		cmocka_unit_test(
			a_short_beginning_can_be_moved_out_of_its_slab_and_goes_on),
		cmocka_unit_test(a_long_beginning_is_worth_its_slab),
		cmocka_unit_test(a_peek_tells_what_the_prefix_tells),
	};

	return RUN(tests);
}
