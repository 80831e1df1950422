/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/gap.h"
#include "outboxes.h"
#include "proto/bytes.h"

static struct loss
drop(struct rig *r, size_t keep)
{
	struct loss loss;

	assert_int_equal(
		outbox_drop_oldest(&r->o, keep, &loss.frames, &loss.bytes), 0);
	return loss;
}

static void
expect_loss(struct loss loss, uint64_t frames, uint64_t bytes)
{
	assert_int_equal(loss.frames, frames);
	assert_int_equal(loss.bytes, bytes);
}

/* The length of a GAP of ours. */
static size_t
gap_len(void)
{
	uint8_t frame[GAP_MAX];

	return gap_put(frame, (struct loss){ 0, 0 }, GAP_DROPPED);
}

static void
put_gap(struct bytes *b, uint64_t frames, uint64_t bytes)
{
	uint8_t frame[GAP_MAX];
	const struct loss loss = { frames, bytes };

	put(b, frame, gap_put(frame, loss, GAP_DROPPED));
}

/* A frame as push() and answer() make it. */
static void
put_filled(struct bytes *b, size_t len, uint8_t fill)
{
	uint8_t frame[4096];

	make_frame(frame, len, fill);
	put(b, frame, len);
}

/* All that is left to come is this. */
static void
expect_rest(struct rig *r, struct bytes *want)
{
	struct bytes out = { 0 };

	assert_int_equal(r->o.bytes, want->len);
	while (!outbox_is_empty(&r->o))
		take(&r->o, SIZE_MAX / 2, &out);
	assert_int_equal(out.len, want->len);
	assert_memory_equal(out.at, want->at, want->len);
	assert_int_equal(r->o.bytes, 0);
	assert_int_equal(r->o.answer_bytes, 0);
	assert_int_equal(r->o.retained_bytes, 0);
	bytes_free(&out);
	bytes_free(want);
}

TEST(the_oldest_go_whole_and_a_gap_stands_where_they_were)
{
	struct bytes want = { 0 };
	struct rig r;

	rig_init(&r);
	for (uint8_t i = 0; i < 10; i++)
		push(&r, 100, i);
	expect_loss(drop(&r, 1000), 0, 0);
	/* the GAP takes room, too: six are not enough to lose */
	expect_loss(drop(&r, 400 + gap_len() - 1), 7, 700);
	put_gap(&want, 7, 700);
	for (uint8_t i = 7; i < 10; i++)
		put_filled(&want, 100, i);
	expect_rest(&r, &want);
	rig_fini(&r);
}

TEST(losses_one_after_the_other_are_one_gap)
{
	struct bytes want = { 0 };
	struct rig r;

	rig_init(&r);
	for (uint8_t i = 0; i < 20; i++) {
		push(&r, 100, i);
		drop(&r, 500);
		assert_true(r.o.bytes <= 500);
	}
	put_gap(&want, 16, 1600);
	for (uint8_t i = 16; i < 20; i++)
		put_filled(&want, 100, i);
	expect_rest(&r, &want);
	rig_fini(&r);
}

TEST(a_frame_of_which_a_byte_is_sent_is_sent_whole)
{
	for (size_t sent = 1; sent < 100; sent++) {
		struct bytes out = { 0 }, want = { 0 };
		struct rig r;

		rig_init(&r);
		for (uint8_t i = 0; i < 5; i++)
			push(&r, 100, i);
		take(&r.o, sent, &out);
		expect_loss(drop(&r, 0), 4, 400);
		put_filled(&want, 100, 0);
		memmove(want.at, want.at + sent, want.len -= sent);
		put_gap(&want, 4, 400);
		expect_rest(&r, &want);
		bytes_free(&out);
		rig_fini(&r);
	}
}

TEST(a_gap_never_moves_past_an_answer)
{
	struct bytes want = { 0 };
	struct rig r;

	rig_init(&r);
	for (uint8_t i = 0; i < 3; i++) {
		push(&r, 100, i);
		push(&r, 200, i);
		answer(&r, 10, i);
	}
	expect_loss(drop(&r, 0), 6, 900);
	for (uint8_t i = 0; i < 3; i++) {
		put_gap(&want, 2, 300);
		put_filled(&want, 10, i);
	}
	expect_rest(&r, &want);
	rig_fini(&r);
}

TEST(a_head_and_its_body_go_together)
{
	struct bytes out = { 0 }, want = { 0 };
	struct rig r;

	rig_init(&r);
	deliver(&r, 1, NULL, 2000, 0x11);
	deliver(&r, 2, NULL, 3000, 0x22);
	deliver(&r, 3, NULL, 50, 0x33);
	deliver(&r, 4, NULL, 60, 0x44);
	deliver(&r, 5, NULL, 2000, 0x55);
	take(&r.o, 5, &out);
	expect_loss(drop(&r, 2008 + gap_len() + 2013 + 73), 2, 3013 + 63);
	put_deliver(&want, 1, NULL, 2000, 0x11);
	memmove(want.at, want.at + 5, want.len -= 5);
	put_gap(&want, 2, 3013 + 63);
	put_deliver(&want, 4, NULL, 60, 0x44);
	put_deliver(&want, 5, NULL, 2000, 0x55);
	expect_rest(&r, &want);
	bytes_free(&out);
	rig_fini(&r);
}

TEST(a_body_whose_head_is_sent_is_sent)
{
	struct bytes out = { 0 }, want = { 0 };
	struct rig r;

	rig_init(&r);
	deliver(&r, 1, NULL, 2000, 0x11);
	deliver(&r, 2, NULL, 2000, 0x22);
	take(&r.o, 13, &out);
	expect_loss(drop(&r, 0), 1, 2013);
	put_fill(&want, 0x11, 2000);
	put_gap(&want, 1, 2013);
	expect_rest(&r, &want);
	bytes_free(&out);
	rig_fini(&r);
}

TEST(retained_values_are_neither_owed_nor_dropped)
{
	struct bytes want = { 0 };
	struct rig r;

	rig_init(&r);
	deliver(&r, 1, &two_s_old, 50, 0x11);
	deliver(&r, 1, &two_s_old, 5000, 0x22);
	assert_int_equal(outbox_owes(&r.o), 0);
	push(&r, 100, 3);
	deliver(&r, 1, &two_s_old, 50, 0x44);
	expect_loss(drop(&r, 100), 0, 0);
	expect_loss(drop(&r, 99), 1, 100);
	put_deliver(&want, 1, &two_s_old, 50, 0x11);
	put_deliver(&want, 1, &two_s_old, 5000, 0x22);
	put_gap(&want, 1, 100);
	put_deliver(&want, 1, &two_s_old, 50, 0x44);
	expect_rest(&r, &want);
	rig_fini(&r);
}

TEST(without_messages_there_is_nothing_to_drop)
{
	struct bytes want = { 0 }, out = { 0 };
	struct rig r;

	rig_init(&r);
	expect_loss(drop(&r, 0), 0, 0);
	for (uint8_t i = 0; i < 5; i++) {
		answer(&r, 100, i);
		put_filled(&want, 100, i);
	}
	take(&r.o, 30, &out);
	memmove(want.at, want.at + 30, want.len -= 30);
	expect_loss(drop(&r, 0), 0, 0);
	expect_rest(&r, &want);
	bytes_free(&out);
	rig_fini(&r);
}

/* The newest was lost because only answers could have made room for it. */
TEST(two_gaps_that_become_neighbours_become_one)
{
	struct bytes want = { 0 };
	struct rig r;

	rig_init(&r);
	answer(&r, 10, 1);
	push(&r, 200, 2);
	outbox_gap(&r.o, 5, 5000, GAP_DROPPED);
	push(&r, 300, 3);
	answer(&r, 10, 4);
	outbox_gap(&r.o, 7, 7000, GAP_DROPPED);
	expect_loss(drop(&r, 0), 2, 500);
	put_filled(&want, 10, 1);
	put_gap(&want, 7, 5500);
	put_filled(&want, 10, 4);
	put_gap(&want, 7, 7000);
	expect_rest(&r, &want);
	rig_fini(&r);
}

TEST(a_gap_of_another_reason_stays_itself)
{
	struct bytes want = { 0 };
	const struct loss other = { 5, 5000 };
	uint8_t frame[GAP_MAX];
	struct rig r;

	rig_init(&r);
	push(&r, 200, 2);
	outbox_gap(&r.o, 5, 5000, "another");
	push(&r, 300, 3);
	expect_loss(drop(&r, 0), 2, 500);
	put_gap(&want, 1, 200);
	put(&want, frame, gap_put(frame, other, "another"));
	put_gap(&want, 1, 300);
	expect_rest(&r, &want);
	rig_fini(&r);
}

TEST(a_gap_that_is_being_written_is_not_raised)
{
	struct bytes want = { 0 }, out = { 0 };
	struct rig r;

	rig_init(&r);
	push(&r, 100, 1);
	push(&r, 100, 2);
	push(&r, 100, 3);
	expect_loss(drop(&r, 200 + gap_len()), 1, 100);
	take(&r.o, 1, &out);
	expect_loss(drop(&r, 198 + gap_len()), 1, 100);
	put_gap(&want, 1, 100);
	memmove(want.at, want.at + 1, --want.len);
	put_gap(&want, 1, 100);
	put_filled(&want, 100, 3);
	expect_rest(&r, &want);
	bytes_free(&out);
	rig_fini(&r);
}

TEST(a_cut_counts_what_was_dropped_before_it)
{
	uint64_t frames, bytes;
	struct rig r;

	rig_init(&r);
	for (uint8_t i = 0; i < 10; i++) {
		push(&r, 100, i);
		answer(&r, 10, i);
	}
	drop(&r, 700);
	outbox_cut(&r.o, &frames, &bytes);
	assert_int_equal(frames, 10);
	assert_int_equal(bytes, 1000);
	assert_true(outbox_is_empty(&r.o));
	assert_int_equal(r.o.bytes, 0);
	rig_fini(&r);
}

TEST(what_is_left_of_a_slab_by_drops_is_packed)
{
	struct bytes out = { 0 };
	struct rig r;

	rig_init(&r);
	answer(&r, 10, 0);
	for (int i = 0; i < 60; i++)
		push(&r, 4000, 0x11);
	take(&r.o, 3, &out);
	outbox_pack(&r.o);
	assert_int_equal(r.slab->refs, 2);
	drop(&r, 50000);
	outbox_pack(&r.o);
	assert_int_equal(r.slab->refs, 2);
	drop(&r, 9000);
	outbox_pack(&r.o);
	assert_int_equal(r.slab->refs, 1);
	bytes_free(&out);
	rig_fini(&r);
}

/* Quadratic, this would take minutes. */
TEST(a_drop_costs_the_same_behind_a_hundred_thousand_answers)
{
	static const uint8_t one[] = { 0xce, 0, 0, 0, 1, 0x11 };
	unsigned n = rounds(100000);
	uint64_t lost = 0;
	struct rig r;

	rig_init(&r);
	memcpy(r.slab->data, one, sizeof(one));
	memcpy(r.slab->data + sizeof(one), one, sizeof(one));
	for (unsigned i = 0; i < n; i++) {
		outbox_push(&r.o, r.slab, 0, 2 * sizeof(one), 2);
		outbox_answer(&r.o, one, sizeof(one));
	}
	while (lost < 2 * n) {
		struct loss loss = drop(&r, r.o.bytes - 1);

		assert_in_range(loss.frames, 1, 2 * n);
		lost += loss.frames;
	}
	assert_int_equal(lost, 2 * n);
	rig_fini(&r);
}

/* ---- all of it, at random --------------------------------------------------- */

/*
 * The reference is a list of every frame that was given to the outbox, in
 * order. What comes out is held against it: a frame has to be the next of the
 * list, byte for byte; a GAP has to stand for the next so many of the list,
 * all of them messages, and of so many bytes.
 */
struct given {
	struct bytes frame;
	bool droppable;
	bool gone; /* another got it */
};

struct reference {
	struct given *list;
	size_t n, cap;
	size_t next;      /* to come out */
	struct bytes out; /* not looked at yet */
	uint64_t taken;   /* bytes, in all */
	uint64_t drop_at; /* how many those were at the last loss */
	uint64_t gap_at;  /* where the last GAP begins, if nothing followed */
	bool after_gap;
	uint64_t offered; /* up to here messages may have gone to others */
	uint64_t received, announced;
};

static void
give(struct reference *ref, struct bytes frame, bool droppable)
{
	if (ref->n == ref->cap) {
		ref->cap = ref->cap * 2 + 64;
		ref->list = realloc(ref->list, ref->cap * sizeof(ref->list[0]));
		assert_non_null(ref->list);
	}
	ref->list[ref->n++] =
		(struct given){ .frame = frame, .droppable = droppable };
}

static struct given *
next_given(struct reference *ref)
{
	while (ref->next < ref->n && ref->list[ref->next].gone)
		ref->next++;
	assert_true(ref->next < ref->n);
	return &ref->list[ref->next++];
}

static void
see_gap(struct reference *ref, struct loss loss)
{
	uint64_t bytes = 0;

	assert_true(loss.frames > 0);
	for (uint64_t i = 0; i < loss.frames; i++) {
		struct given *g = next_given(ref);

		assert_true(g->droppable);
		bytes += g->frame.len;
		bytes_free(&g->frame);
	}
	assert_int_equal(loss.bytes, bytes);
	ref->announced += loss.frames;
}

static void
see_frame(struct reference *ref, const uint8_t *frame, size_t len)
{
	struct given *g = next_given(ref);

	assert_int_equal(len, g->frame.len);
	assert_memory_equal(frame, g->frame.at, len);
	ref->received += g->droppable;
	bytes_free(&g->frame);
}

/* Everything but GAPs is filled with something else than 0x94 0x07. */
static bool
is_gap(const uint8_t *frame, size_t len)
{
	return len > 7 && frame[5] == 0x94 && frame[6] == 0x07;
}

static void
see_all(struct reference *ref)
{
	size_t at = 0;

	while (ref->out.len - at >= 5) {
		const uint8_t *frame = ref->out.at + at;
		uint64_t begins = ref->taken - ref->out.len + at;
		size_t len = 5 + (size_t)load_be32(frame + 1);

		if (ref->out.len - at < len)
			break;
		if (is_gap(frame, len)) {
			/* two in a row: the first had begun to be sent, or what
			   was between them went to another */
			if (ref->after_gap)
				assert_true(ref->drop_at > ref->gap_at ||
				            begins < ref->offered);
			ref->gap_at = begins;
			see_gap(ref, gap_loss(frame));
		} else {
			see_frame(ref, frame, len);
		}
		ref->after_gap = is_gap(frame, len);
		at += len;
	}
	if (at > 0)
		memmove(ref->out.at, ref->out.at + at, ref->out.len -= at);
}

/* No outbox pins more than eight times what it owes, but for the slab that is
   being filled and two pieces of its own memory. */
static void
step_pack(struct rig *r)
{
	size_t owed = r->o.bytes + r->o.sent;

	outbox_pack(&r->o);
	if (r->pool.used > 8 * owed + SLAB_SIZE + 2 * 65536)
		fail_msg("%zu bytes pinned, %zu owed", r->pool.used, owed);
}

static void
fresh_slab(struct rig *r, size_t len)
{
	if (r->used + len <= SLAB_SIZE)
		return;
	slab_unref(r->slab);
	r->slab = slab_new(&r->pool);
	assert_non_null(r->slab);
	r->used = 0;
}

static size_t
some_len(struct chance *c)
{
	if (chance_one_in(c, 200))
		return HIGH +
		       chance_below(c, 2 * HIGH); /* more than the mark */
	return 5 + chance_below(c, chance_one_in(c, 10) ? 5000 : 300);
}

/* No byte that an array with four elements begins with. */
static uint8_t
some_fill(struct chance *c)
{
	return (uint8_t)chance_below(c, 0x90);
}

static void
step_push(struct rig *r, struct reference *ref, struct chance *c)
{
	uint32_t n = 1 + chance_below(c, 5), start;
	size_t len = some_len(c);

	fresh_slab(r, n * len + 5);
	if (chance_one_in(c, 3)) /* another's message in between */
		into_slab(r, 5, 0);
	start = r->used;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t off = into_slab(r, len, some_fill(c));
		struct bytes frame = { 0 };

		put(&frame, r->slab->data + off, len);
		give(ref, frame, true);
	}
	assert_int_equal(outbox_push(&r->o, r->slab, start, r->used - start, n),
	                 0);
}

/* As the store has it: in a slab of its own, of just its size. */
static void
deliver_retained(struct rig *r, uint32_t sub, const struct deliver_info *info,
                 size_t len, uint8_t fill)
{
	struct slab *slab = slab_new_small(&r->pool, (uint32_t)len);

	assert_non_null(slab);
	memset(slab->data, fill, len);
	assert_int_equal(
		outbox_deliver(&r->o, sub, info, slab, 0, (uint32_t)len), 0);
	slab_unref(slab);
}

static void
step_deliver(struct rig *r, struct reference *ref, struct chance *c)
{
	const struct deliver_info info = { chance_any(c) };
	const struct deliver_info *which = chance_one_in(c, 4) ? &info : NULL;
	uint32_t sub = (uint32_t)chance_any(c);
	size_t len = some_len(c) * (chance_one_in(c, 2) ? 1 : 8) % 20000 + 1;
	struct bytes frame = { 0 };

	fresh_slab(r, len);
	if (which)
		deliver_retained(r, sub, which, len, (uint8_t)sub);
	else
		deliver(r, sub, NULL, len, (uint8_t)sub);
	put_deliver(&frame, sub, which, len, (uint8_t)sub);
	give(ref, frame, !which);
}

static void
step_answer(struct rig *r, struct reference *ref, struct chance *c)
{
	size_t len = 5 + chance_below(c, 100);
	uint8_t fill = some_fill(c);
	struct bytes frame = { 0 };

	answer(r, len, fill);
	put_filled(&frame, len, fill);
	give(ref, frame, false);
}

/* What is sent is often just a frame, or just all. */
static void
step_send(struct rig *r, struct reference *ref, struct chance *c)
{
	size_t n = chance_below(c, chance_one_in(c, 3) ? 6000 : 60);
	size_t before = ref->out.len;

	if (chance_one_in(c, 4) && !outbox_is_empty(&r->o))
		n = spans_at(&r->o.spans, 0)->len - r->o.sent;
	take(&r->o, n, &ref->out);
	ref->taken += ref->out.len - before;
	see_all(ref);
}

static void
expect_nothing_droppable(const struct outbox *o)
{
	for (uint32_t i = 0; i < o->spans.n; i++) {
		const struct span *s = spans_at(&o->spans, i);
		bool begun = i == 0 && (o->sent > 0 || s->part == SPAN_BODY);

		if (begun && s->part == SPAN_HEAD)
			i++; /* its body goes with it */
		if (!begun)
			assert_true(s->kind > SPAN_GROUP);
	}
}

static void
step_drop(struct rig *r, struct reference *ref, size_t keep)
{
	uint64_t frames, bytes;

	assert_int_equal(outbox_drop_oldest(&r->o, keep, &frames, &bytes), 0);
	if (frames > 0)
		ref->drop_at = ref->taken;
	if (outbox_owes(&r->o) > keep)
		expect_nothing_droppable(&r->o);
}

/* The newest is lost, as when only answers could make room for it. */
static void
step_lose(struct rig *r, struct reference *ref, struct chance *c)
{
	size_t len = some_len(c);
	struct bytes frame = { 0 };

	put_fill(&frame, 0, len);
	give(ref, frame, true);
	assert_int_equal(outbox_gap(&r->o, 1, len, GAP_DROPPED), 0);
	ref->drop_at = ref->taken;
}

struct some_taker {
	struct reference *ref;
	struct chance *c;
};

/* Another member gets it: one that was given, and did not come out. */
static bool
on_offered(void *user, uint32_t sub, struct slab *slab, uint32_t off,
           uint32_t len)
{
	struct some_taker *t = user;
	struct given *g = NULL;

	if (chance_one_in(t->c, 2))
		return false;
	for (size_t i = t->ref->next; i < t->ref->n; i++) {
		struct bytes *b = &t->ref->list[i].frame;

		if (b->len == 13 + len && load_be32(b->at + 8) == sub &&
		    memcmp(b->at + 13, slab->data + off, len) == 0)
			g = &t->ref->list[i];
	}
	assert_non_null(g);
	assert_false(g->gone);
	g->gone = true;
	bytes_free(&g->frame);
	return true;
}

static void
step_offer(struct rig *r, struct reference *ref, struct chance *c)
{
	struct some_taker t = { ref, c };

	outbox_take_group_messages(&r->o, on_offered, &t);
	ref->offered = ref->taken + r->o.bytes;
}

static void
expect_sums(const struct outbox *o)
{
	size_t bytes = 0, answers = 0, retained = 0;

	for (uint32_t i = 0; i < o->spans.n; i++) {
		const struct span *s = spans_at(&o->spans, i);
		size_t len = s->len - (i == 0 ? o->sent : 0);

		bytes += len;
		answers += span_is_message(s) ? 0 : len;
		retained += s->kind == SPAN_RETAINED ? len : 0;
	}
	assert_int_equal(o->bytes, bytes);
	assert_int_equal(o->answer_bytes, answers);
	assert_int_equal(o->retained_bytes, retained);
}

static void
random_step(struct rig *r, struct reference *ref, struct chance *c)
{
	switch (chance_below(c, 12)) {
	case 0:
	case 1:
	case 2:
		if (outbox_owes(&r->o) >= HIGH)
			step_drop(r, ref, LOW);
		step_push(r, ref, c);
		break;
	case 3:
		step_deliver(r, ref, c);
		break;
	case 4:
		step_answer(r, ref, c);
		break;
	case 5:
		step_pack(r);
		break;
	case 6:
		if (chance_one_in(c, 4))
			step_drop(r, ref, chance_below(c, 2 * HIGH));
		break;
	case 7:
		if (chance_one_in(c, 10))
			step_lose(r, ref, c);
		if (chance_one_in(c, 10))
			step_offer(r, ref, c);
		break;
	default:
		step_send(r, ref, c);
		break;
	}
}

TEST(what_is_sent_is_what_was_given_but_for_what_gaps_tell_of)
{
	struct chance c = chance_new("outbox_drop");
	struct reference ref = { .n = 0 };
	struct rig r;

	rig_init(&r);
	for (unsigned i = 0; i < rounds(300000); i++) {
		random_step(&r, &ref, &c);
		if (i % 16 == 0)
			expect_sums(&r.o);
	}
	while (!outbox_is_empty(&r.o))
		step_send(&r, &ref, &c);
	assert_int_equal(ref.out.len, 0);
	while (ref.next < ref.n && ref.list[ref.next].gone)
		ref.next++;
	assert_int_equal(ref.next, ref.n);
	print_message("%zu frames given, %llu received, %llu announced\n",
	              ref.n, (unsigned long long)ref.received,
	              (unsigned long long)ref.announced);
	assert_true(ref.received > ref.n / 10);
	assert_true(ref.announced > ref.n / 10);
	free(ref.list);
	bytes_free(&ref.out);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_oldest_go_whole_and_a_gap_stands_where_they_were),
		cmocka_unit_test(losses_one_after_the_other_are_one_gap),
		cmocka_unit_test(a_frame_of_which_a_byte_is_sent_is_sent_whole),
		cmocka_unit_test(a_gap_never_moves_past_an_answer),
		cmocka_unit_test(a_head_and_its_body_go_together),
		cmocka_unit_test(a_body_whose_head_is_sent_is_sent),
		cmocka_unit_test(retained_values_are_neither_owed_nor_dropped),
		cmocka_unit_test(without_messages_there_is_nothing_to_drop),
		cmocka_unit_test(two_gaps_that_become_neighbours_become_one),
		cmocka_unit_test(a_gap_of_another_reason_stays_itself),
		cmocka_unit_test(a_gap_that_is_being_written_is_not_raised),
		cmocka_unit_test(a_cut_counts_what_was_dropped_before_it),
		cmocka_unit_test(what_is_left_of_a_slab_by_drops_is_packed),
		cmocka_unit_test(
			a_drop_costs_the_same_behind_a_hundred_thousand_answers),
		cmocka_unit_test(
			what_is_sent_is_what_was_given_but_for_what_gaps_tell_of),
	};

	return RUN(tests);
}
