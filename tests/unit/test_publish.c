/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* The shape of a PUBLISH: proto/publish. Its way is in test_broker_publish.c */

#include "proto/publish.h"

#include "bytes.h"

/* Bodies that lie exactly in their memory, so that a sanitizer sees a byte
   too far; the results point into it until the next one. */
static struct bytes exact;

static const uint8_t *
exactly(const void *body, size_t len)
{
	bytes_free(&exact);
	put(&exact, body, len);
	exact.at = realloc(exact.at, len ? len : 1);
	assert_non_null(exact.at);
	exact.cap = exact.len;
	return exact.at;
}

static enum publish_result
read_hex(const char *hex, struct publish *p)
{
	struct bytes b = { 0 };
	enum publish_result r;

	put_hex(&b, hex);
	r = publish_read(exactly(b.at, b.len), b.len, p);
	bytes_free(&b);
	return r;
}

#define STAMP " c4 08 00 00 00 00 00 00 00 00 "

TEST(a_plain_body_is_read_in_place)
{
	struct publish p;

	assert_int_equal(read_hex("97 03 02" STAMP "a3 61 2e 62 c0 c0 c4 02 "
	                          "68 69",
	                          &p),
	                 PUBLISH_OK);
	assert_int_equal(p.flags, 2);
	assert_int_equal(p.stamp_offset, 5);
	assert_int_equal(p.topic_len, 3);
	assert_memory_equal(p.topic, "a.b", 3);
	assert_null(p.reply);
	assert_int_equal(p.reply_len, 0);
	assert_int_equal(p.headers_len, 0);
	assert_int_equal(p.payload_len, 2);
	assert_ptr_equal(p.payload, exact.at + exact.len - 2);
	assert_ptr_equal(p.repeat, exact.at + 13);
	assert_int_equal(p.repeat_len, 6);
}

TEST(a_body_to_be_retained_is_read_and_is_not_plain)
{
	struct publish p;

	assert_int_equal(read_hex("97 03 01" STAMP "a3 61 2e 62 c0 c0 c4 02 "
	                          "68 69",
	                          &p),
	                 PUBLISH_OK);
	assert_int_equal(p.flags, PUBLISH_FLAG_RETAIN);
	assert_int_equal(p.stamp_offset, 5);
	assert_int_equal(p.topic_len, 3);
	assert_int_equal(p.payload_len, 2);
	assert_null(p.repeat);
	assert_false(publish_read_plain(exact.at, exact.len, &p));
}

TEST(reply_headers_and_more_elements_are_read)
{
	struct publish p;

	assert_int_equal(
		read_hex("99 cc 03 7f" STAMP "d9 03 61 2e 62 a1 72 "
	                 "82 a1 6b 01 a0 c4 01 ff c4 02 68 69 93 01 02 03 c0",
	                 &p),
		PUBLISH_OK);
	assert_int_equal(p.flags, 0x7f);
	assert_int_equal(p.stamp_offset, 6);
	assert_int_equal(p.topic_len, 3);
	assert_memory_equal(p.topic, "a.b", 3);
	assert_int_equal(p.reply_len, 1);
	assert_memory_equal(p.reply, "r", 1);
	assert_int_equal(p.headers_len, 8);
	assert_memory_equal(p.headers, "\x82\xa1k\x01\xa0\xc4\x01\xff", 8);
	assert_int_equal(p.payload_len, 2);
	assert_memory_equal(p.payload, "hi", 2);
	assert_null(p.repeat);
	assert_int_equal(p.repeat_len, 0);
}

TEST(every_encoding_of_the_outer_values_is_as_good)
{
	static const char *const bodies[] = {
		"dc 00 07 03 00" STAMP "a1 61 c0 c0 c4 00",
		"dd 00 00 00 07 03 00" STAMP "a1 61 c0 c0 c4 00",
		"97 d0 03 00" STAMP "a1 61 c0 c0 c4 00",
		"97 cf 00 00 00 00 00 00 00 03 00" STAMP "a1 61 c0 c0 c4 00",
		"97 03 00" STAMP "da 00 01 61 c0 c0 c4 00",
		"97 03 00" STAMP "db 00 00 00 01 61 c0 c0 c4 00",
		"97 03 00" STAMP "a1 61 c0 80 c4 00",
		"97 03 00" STAMP "a1 61 c0 de 00 00 c4 00",
		"97 03 00" STAMP "a1 61 c0 c0 c5 00 00",
		"97 03 00" STAMP "a1 61 c0 c0 c6 00 00 00 00",
	};

	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct publish p;

		assert_int_equal(read_hex(bodies[i], &p), PUBLISH_OK);
		assert_int_equal(p.topic_len, 1);
		assert_memory_equal(p.topic, "a", 1);
		assert_int_equal(p.payload_len, 0);
	}
}

TEST(what_is_not_of_its_type_is_a_bad_frame)
{
	static const char *const bodies[] = {
		"",
		"97",
		"96 03 00" STAMP "a1 61 c0 c0",          /* six */
		"96 03 00" STAMP "a1 61 c0 c0 c4 00",    /* says six */
		"87 03 00" STAMP "a1 61 c0 c0 c4 00",    /* a map */
		"97 04 00" STAMP "a1 61 c0 c0 c4 00",    /* another */
		"97 03 80" STAMP "a1 61 c0 c0 c4 00",    /* flags */
		"97 03 ff" STAMP "a1 61 c0 c0 c4 00",    /* flags */
		"97 03 cc 00" STAMP "a1 61 c0 c0 c4 00", /* flags */
		"97 03 c0" STAMP "a1 61 c0 c0 c4 00",    /* flags */
		"97 03 00 c4 07 00 00 00 00 00 00 00 a1 61 c0 c0 c4 00",
		"97 03 00 c4 09 00 00 00 00 00 00 00 00 00 a1 61 c0 c0 c4 00",
		"97 03 00 c5 00 08 00 00 00 00 00 00 00 00 a1 61 c0 c0 c4 00",
		"97 03 00 a8 00 00 00 00 00 00 00 00 a1 61 c0 c0 c4 00",
		"97 03 00 c0 a1 61 c0 c0 c4 00",
		"97 03 00" STAMP "c4 01 61 c0 c0 c4 00",       /* topic */
		"97 03 00" STAMP "c0 c0 c0 c4 00",             /* topic */
		"97 03 00" STAMP "05 c0 c0 c4 00",             /* topic */
		"97 03 00" STAMP "a1 61 c2 c0 c4 00",          /* reply */
		"97 03 00" STAMP "a1 61 c4 01 61 c0 c4 00",    /* reply */
		"97 03 00" STAMP "a1 61 c0 c2 c4 00",          /* headers */
		"97 03 00" STAMP "a1 61 c0 90 c4 00",          /* headers */
		"97 03 00" STAMP "a1 61 c0 81 01 01 c4 00",    /* a key */
		"97 03 00" STAMP "a1 61 c0 81 a1 6b 90 c4 00", /* a value */
		"97 03 00" STAMP "a1 61 c0 81 a1 6b 80 c4 00", /* a value */
		"97 03 00" STAMP "a1 61 c0 81 a1 6b d4 01 00 c4 00",
		"97 03 00" STAMP "a1 61 c0 81 a1 ff c0 c4 00",
		"97 03 00" STAMP "a1 61 c0 81 a1 6b a1 ff c4 00",
		"97 03 00" STAMP "a1 61 c0 c0 a0",             /* payload */
		"97 03 00" STAMP "a1 61 c0 c0 c0",             /* payload */
		"97 03 00" STAMP "a1 61 c0 c0 c4 01",          /* cut off */
		"97 03 00" STAMP "a1 61 c0 c0 c4 00 c0",       /* one more */
		"97 03 00" STAMP "a1 61 c0 c0 c5 00 01 00 00", /* one more */
		"98 03 00" STAMP "a1 61 c0 c0 c4 00",          /* one less */
		"98 03 00" STAMP "a1 61 c0 c0 c4 00 d4 01 00", /* an ext */
		"98 03 00" STAMP "a1 61 c0 c0 c4 00 a1 ff",    /* no UTF-8 */
		"98 03 00" STAMP "a1 61 c0 c0 c4 00 81 01 01", /* a key */
		"98 03 00" STAMP "a1 61 c0 c0 c4 00 91 91 91 91 91 91 91 90",
	};

	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct publish p;

		if (read_hex(bodies[i], &p) != PUBLISH_BAD_FRAME)
			fail_msg("taken: %s", bodies[i]);
	}
}

TEST(seven_levels_may_follow_within_the_frames_own)
{
	struct publish p;

	assert_int_equal(read_hex("98 03 00" STAMP
	                          "a1 61 c0 c0 c4 00 91 91 91 91 91 91 90",
	                          &p),
	                 PUBLISH_OK);
}

TEST(topic_and_reply_are_judged_each_by_its_own_error)
{
	struct publish p;

	assert_int_equal(read_hex("97 03 00" STAMP "a0 c0 c0 c4 00", &p),
	                 PUBLISH_BAD_TOPIC);
	assert_int_equal(read_hex("97 03 00" STAMP "a1 2a c0 c0 c4 00", &p),
	                 PUBLISH_BAD_TOPIC);
	assert_int_equal(read_hex("97 03 00" STAMP "a2 61 2e c0 c0 c4 00", &p),
	                 PUBLISH_BAD_TOPIC);
	assert_int_equal(read_hex("97 03 00" STAMP "a1 ff c0 c0 c4 00", &p),
	                 PUBLISH_BAD_FRAME);
	assert_int_equal(read_hex("97 03 00" STAMP "a1 61 a0 c0 c4 00", &p),
	                 PUBLISH_BAD_REPLY);
	assert_int_equal(read_hex("97 03 00" STAMP "a1 61 a1 20 c0 c4 00", &p),
	                 PUBLISH_BAD_REPLY);
	assert_int_equal(read_hex("97 03 00" STAMP "a1 61 a1 ff c0 c4 00", &p),
	                 PUBLISH_BAD_FRAME);
}

/* The cut that a message about it would make must not matter. */
TEST(a_topic_that_is_too_long_is_a_bad_topic_wherever_its_characters_end)
{
	for (size_t shift = 0; shift < 4; shift++) {
		struct bytes b = { 0 };
		struct publish p;

		for (int is_reply = 0; is_reply < 2; is_reply++) {
			b.len = 0;
			put_hex(&b, "97 03 00" STAMP);
			if (is_reply)
				put_str(&b, "a");
			put_hex(&b, "da");
			put_be(&b, shift + 4 * 70, 2);
			put_fill(&b, 'x', shift);
			for (int i = 0; i < 70; i++)
				put(&b, "\xf0\x9f\x8c\xbc", 4);
			put_hex(&b, is_reply ? "c0 c4 00" : "c0 c0 c4 00");
			assert_int_equal(publish_read(exactly(b.at, b.len),
			                              b.len, &p),
			                 is_reply ? PUBLISH_BAD_REPLY
			                          : PUBLISH_BAD_TOPIC);
		}
		bytes_free(&b);
	}
}

TEST(topics_of_every_length_up_to_255_are_taken)
{
	for (size_t len = 1; len <= 300; len++) {
		enum publish_result want =
			len <= 255 ? PUBLISH_OK : PUBLISH_BAD_TOPIC;
		struct bytes b = { 0 };
		struct publish p;

		put_hex(&b, "97 03 00" STAMP);
		put_hex(&b, "da");
		put_be(&b, len, 2);
		put_fill(&b, 'x', len);
		put_hex(&b, "c0 c0 c4 00");
		assert_int_equal(publish_read(exactly(b.at, b.len), b.len, &p),
		                 want);
		if (want == PUBLISH_OK)
			assert_int_equal(p.topic_len, len);
		assert_null(p.repeat);
		bytes_free(&b);
	}
}

TEST(every_truncation_is_a_bad_frame)
{
	struct bytes b = { 0 };
	struct publish p;

	put_hex(&b, "98 03 00" STAMP "d9 03 61 2e 62 a1 72 82 a1 6b 01 a0 c4 "
	            "01 ff c5 00 02 68 69 93 01 02 03");
	for (size_t cut = 0; cut < b.len; cut++)
		assert_int_equal(publish_read(exactly(b.at, cut), cut, &p),
		                 PUBLISH_BAD_FRAME);
	assert_int_equal(publish_read(exactly(b.at, b.len), b.len, &p),
	                 PUBLISH_OK);
	bytes_free(&b);
}

/* ---- repeats ------------------------------------------------------------ */

static void
put_plain(struct bytes *b, const char *topic, const char *payload_head,
          size_t payload_len)
{
	b->len = 0;
	put_hex(b, "97 03 00" STAMP);
	put_str(b, topic);
	put_hex(b, "c0 c0");
	put_hex(b, payload_head);
	put_fill(b, 'p', payload_len);
}

TEST(the_next_message_on_the_topic_is_a_repeat)
{
	static const struct {
		const char *head;
		uint32_t head_len, len;
	} payloads[] = {
		{ "c4 00", 2, 0 },          { "c4 ff", 2, 255 },
		{ "c5 00 00", 3, 0 },       { "c5 01 00", 3, 256 },
		{ "c6 00 00 00 01", 5, 1 }, { "c6 00 01 00 00", 5, 65536 },
	};
	struct bytes b = { 0 }, first = { 0 };
	struct publish p;

	put_plain(&first, "a.b", "c4 03", 3);
	assert_true(publish_read_plain(first.at, first.len, &p));
	for (size_t i = 0; i < COUNT(payloads); i++) {
		uint32_t head = 0;

		put_plain(&b, "a.b", payloads[i].head, payloads[i].len);
		b.at[2] = 0x7e;            /* other flags */
		memset(b.at + 5, 0xee, 8); /* another stamp */
		assert_true(publish_repeats(&p, b.at, b.len, &head));
		assert_int_equal(head, payloads[i].head_len);
	}
	bytes_free(&b);
	bytes_free(&first);
}

TEST(another_topic_or_shape_is_no_repeat)
{
	static const char *const others[] = {
		"97 03 00" STAMP "a3 61 2e 63 c0 c0 c4 00",
		"97 03 00" STAMP "a4 61 2e 62 62 c0 c0 c4 00",
		"97 03 00" STAMP "d9 03 61 2e 62 c0 c0 c4 00",
		"97 03 00" STAMP "a3 61 2e 62 a1 72 c0 c4 00",
		"97 03 00" STAMP "a3 61 2e 62 c0 80 c4 00",
		"97 03 00" STAMP "a3 61 2e 62 c0 c0 c4 01",
		"97 03 00" STAMP "a3 61 2e 62 c0 c0 c4 00 c0",
		"97 03 00" STAMP "a3 61 2e 62 c0 c0 a0",
		"97 03 00" STAMP "a3 61 2e 62 c0 c0",
		"97 03 80" STAMP "a3 61 2e 62 c0 c0 c4 00",
		"97 03 01" STAMP "a3 61 2e 62 c0 c0 c4 00", /* retain */
		"97 03 7f" STAMP "a3 61 2e 62 c0 c0 c4 00",
		"98 03 00" STAMP "a3 61 2e 62 c0 c0 c4 00 c0",
		"97 04 00" STAMP "a3 61 2e 62 c0 c0 c4 00",
		"97 03 00 c4 07 00 00 00 00 00 00 00 00 a3 61 2e 62 c0 c0 c4 "
		"00",
	};
	struct bytes b = { 0 }, first = { 0 };
	struct publish p;
	uint32_t head;

	put_plain(&first, "a.b", "c4 03", 3);
	assert_true(publish_read_plain(first.at, first.len, &p));
	for (size_t i = 0; i < COUNT(others); i++) {
		b.len = 0;
		put_hex(&b, others[i]);
		assert_false(publish_repeats(&p, exactly(b.at, b.len), b.len,
		                             &head));
	}
	/* nor is any cut-off one, and no byte behind its end is read */
	for (size_t cut = 0; cut < first.len; cut++)
		assert_false(publish_repeats(&p, exactly(first.at, cut), cut,
		                             &head));
	bytes_free(&b);
	bytes_free(&first);
}

/* A frame on this topic, and its shape. */
static struct publish_shape
shape_of_frame(struct bytes *frame, const char *topic)
{
	struct bytes b = { 0 };
	struct publish first;
	uint8_t prefix[FRAME_PREFIX_SIZE];
	uint32_t head = 0;

	put_plain(&b, topic, "c4 03", 3);
	frame_put_prefix(prefix, (uint32_t)b.len);
	put(frame, prefix, sizeof(prefix));
	put(frame, b.at, b.len);
	assert_true(publish_read_plain(b.at, b.len, &first));
	assert_true(publish_repeats(&first, b.at, (uint32_t)b.len, &head));
	bytes_free(&b);
	return publish_shape_of(frame->at, &first,
	                        (uint32_t)(frame->len - FRAME_PREFIX_SIZE),
	                        head);
}

static uint32_t
count_exactly(const struct publish_shape *shape, const struct bytes *b)
{
	return publish_count(shape, exactly(b->at, b->len), b->len);
}

TEST(frames_of_one_shape_differ_in_stamp_and_payload_and_nothing_else)
{
	const size_t stamp = FRAME_PREFIX_SIZE + PUBLISH_PLAIN_STAMP;
	/* what is compared at once are words of eight bytes */
	static const char *const topics[] = { "a",
		                              "ab",
		                              "abc",
		                              "abcdefgh",
		                              "abcdefghijkl",
		                              "abcdefghijklm",
		                              "abcdefghijklmnopqrst",
		                              "abcdefghijklmnopqrstuvwxyz.ab" };
	struct bytes model = { 0 }, b = { 0 };
	struct publish_shape shape;

	for (size_t t = 0; t < COUNT(topics); t++) {
		model.len = 0;
		shape = shape_of_frame(&model, topics[t]);
		assert_int_equal(shape.size, model.len);
		assert_int_equal(shape.front, model.len - 3);
		for (size_t i = 0; i < model.len; i++) {
			bool free_to_differ = (i >= stamp && i < stamp + 8) ||
			                      i >= shape.front;

			b.len = 0;
			put(&b, model.at, model.len);
			b.at[i] ^= 0x01;
			assert_int_equal(count_exactly(&shape, &b),
			                 free_to_differ);
			b.len = i;
			assert_int_equal(count_exactly(&shape, &b), 0);
		}
	}
	bytes_free(&model);
	bytes_free(&b);
}

TEST(frames_of_one_shape_are_counted_up_to_the_first_that_is_none)
{
	struct publish_shape none = PUBLISH_NO_SHAPE, shape;
	struct bytes model = { 0 }, b = { 0 };

	shape = shape_of_frame(&model, "a.b");
	assert_int_equal(publish_count(&none, model.at, model.len), 0);
	for (uint32_t n = 1; n < 2 * PUBLISH_AT_ONCE; n++) {
		uint32_t most = n < PUBLISH_AT_ONCE ? n : PUBLISH_AT_ONCE;

		put(&b, model.at, model.len);
		assert_int_equal(count_exactly(&shape, &b), most);
		b.at[b.len - shape.size] = 0xcf;
		assert_int_equal(count_exactly(&shape, &b),
		                 n <= most ? n - 1 : most);
		b.at[b.len - shape.size] = FRAME_MAGIC;
	}
	bytes_free(&model);
	bytes_free(&b);
}

static void
put_some(struct bytes *b, struct chance *c)
{
	static const char *const topics[] = { "a.b", "a.c", "a", "a.b.c",
		                              "\xc3\xa9.b" };
	static const char *const heads[] = { "c4 03", "c5 00 03",
		                             "c6 00 00 00 03" };
	const char *topic = topics[chance_below(c, COUNT(topics))];

	put_plain(b, topic, heads[chance_below(c, COUNT(heads))], 3);
	if (chance_one_in(c, 8)) { /* with a reply */
		b->len = 0;
		put_hex(b, "97 03 00" STAMP);
		put_str(b, topic);
		put_hex(b, "a1 72 81 a1 6b 01 c4 01 31");
	}
}

static void
mutate(struct bytes *b, struct chance *c)
{
	for (unsigned k = chance_below(c, 4); k > 0; k--) {
		uint32_t at = chance_below(c, (uint32_t)b->len);

		switch (chance_below(c, 6)) {
		case 0:
			b->at[at] = (uint8_t)chance_any(c);
			break;
		case 1:
			b->at[at] ^= (uint8_t)(1u << chance_below(c, 8));
			break;
		case 2:
			b->len -= b->len > 1;
			break;
		case 3:
			put_be(b, chance_any(c), 1);
			break;
		case 4: /* of the head, where it counts */
			b->at[chance_below(c, 5)] = (uint8_t)chance_any(c);
			break;
		default: /* of the topic */
			b->at[13 + chance_below(c, (uint32_t)b->len - 13)] ^=
				(uint8_t)(1u << chance_below(c, 8));
			break;
		}
		if (b->len < 16)
			break;
	}
}

/*
 * The short way may only say what the long way says: whatever it takes, the
 * long way takes too, as a message on the same topic with the same payload.
 */
TEST(a_repeat_is_always_what_a_whole_reading_finds)
{
	struct chance c = chance_new("repeats");
	struct bytes first = { 0 }, b = { 0 };
	unsigned n = 1000000, taken = 0;

	for (unsigned i = 0; i < n; i++) {
		const uint8_t *body;
		struct publish p, q;
		uint32_t head;

		if (i % 16 == 0)
			do
				put_some(&first, &c);
			while (publish_read(first.at, first.len, &p) !=
			               PUBLISH_OK ||
			       !p.repeat);
		put_some(&b, &c);
		mutate(&b, &c);
		body = exactly(b.at, b.len);
		if (!publish_repeats(&p, body, b.len, &head))
			continue;
		taken++;
		assert_int_equal(publish_read(body, b.len, &q), PUBLISH_OK);
		assert_int_equal(q.topic_len, p.topic_len);
		assert_memory_equal(q.topic, p.topic, p.topic_len);
		assert_null(q.reply);
		assert_int_equal(q.headers_len, 0);
		assert_int_equal(q.stamp_offset, 5);
		assert_ptr_equal(q.payload, body + 13 + p.repeat_len + head);
		assert_ptr_equal(q.payload + q.payload_len, body + b.len);
	}
	print_message("%u bodies, %u of them repeats\n", n, taken);
	assert_in_range(taken, n / 100, n / 2);
	bytes_free(&first);
	bytes_free(&b);
}

/* And the plain reading is the whole reading, but for the topic's rules. */
TEST(a_plain_reading_is_what_a_whole_reading_finds)
{
	struct chance c = chance_new("plain");
	struct bytes b = { 0 };
	unsigned n = 300000, plain = 0;

	for (unsigned i = 0; i < n; i++) {
		const uint8_t *body;
		struct publish p, q;
		enum publish_result r;

		put_some(&b, &c);
		mutate(&b, &c);
		body = exactly(b.at, b.len);
		r = publish_read(body, b.len, &q);
		if (!publish_read_plain(body, b.len, &p)) {
			if (r == PUBLISH_OK)
				assert_null(q.repeat);
			continue;
		}
		plain++;
		if (r != PUBLISH_OK) {
			/* only its topic can be at fault */
			for (uint32_t k = 0; k < p.topic_len; k++)
				((uint8_t *)
				         exact.at)[p.topic - (char *)body + k] =
					'x';
			assert_int_equal(publish_read(body, b.len, &q),
			                 PUBLISH_OK);
		}
		assert_int_equal(p.flags, q.flags);
		assert_int_equal(p.topic_len, q.topic_len);
		assert_ptr_equal(p.topic, q.topic);
		assert_ptr_equal(p.payload, q.payload);
		assert_int_equal(p.payload_len, q.payload_len);
		assert_int_equal(p.stamp_offset, q.stamp_offset);
		assert_null(q.reply);
		assert_int_equal(q.headers_len, 0);
	}
	print_message("%u bodies, %u of them plain\n", n, plain);
	assert_in_range(plain, n / 10, n * 9 / 10);
	bytes_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_body_is_read_in_place),
		cmocka_unit_test(
			a_body_to_be_retained_is_read_and_is_not_plain),
		cmocka_unit_test(reply_headers_and_more_elements_are_read),
		cmocka_unit_test(every_encoding_of_the_outer_values_is_as_good),
		cmocka_unit_test(what_is_not_of_its_type_is_a_bad_frame),
		cmocka_unit_test(seven_levels_may_follow_within_the_frames_own),
		cmocka_unit_test(
			topic_and_reply_are_judged_each_by_its_own_error),
		cmocka_unit_test(
			a_topic_that_is_too_long_is_a_bad_topic_wherever_its_characters_end),
		cmocka_unit_test(topics_of_every_length_up_to_255_are_taken),
		cmocka_unit_test(every_truncation_is_a_bad_frame),
		cmocka_unit_test(the_next_message_on_the_topic_is_a_repeat),
		cmocka_unit_test(another_topic_or_shape_is_no_repeat),
		cmocka_unit_test(
			frames_of_one_shape_differ_in_stamp_and_payload_and_nothing_else),
		cmocka_unit_test(
			frames_of_one_shape_are_counted_up_to_the_first_that_is_none),
		cmocka_unit_test(a_repeat_is_always_what_a_whole_reading_finds),
		cmocka_unit_test(a_plain_reading_is_what_a_whole_reading_finds),
	};
	int failed = RUN(tests);

	bytes_free(&exact);
	return failed;
}
