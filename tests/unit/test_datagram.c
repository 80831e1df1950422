/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/datagram.h"

#include "bytes.h"

#define MAX_FRAME (4u << 20)

static uint8_t memory[DATAGRAM_HEAD_MAX + DATAGRAM_MAX];

static enum datagram_fate
read_bytes(const void *data, size_t len, uint32_t max_frame, struct datagram *d)
{
	uint8_t *at = memory + DATAGRAM_HEAD_MAX;

	memset(memory, 0xee, sizeof(memory));
	if (len > 0)
		memcpy(at, data, len);
	return datagram_read(at, len, max_frame, d);
}

static void
expect_text(const char *text, size_t len, const char *topic,
            const char *payload)
{
	struct bytes want = { 0 };
	struct datagram d;

	assert_int_equal(read_bytes(text, len, MAX_FRAME, &d), DATAGRAM_TAKEN);
	put_publish(&want, topic, NULL, payload, strlen(payload));
	assert_int_equal(d.len, want.len);
	assert_memory_equal(d.frame, want.at, want.len);
	assert_int_equal(d.publish.topic_len, strlen(topic));
	assert_memory_equal(d.publish.topic, topic, strlen(topic));
	assert_int_equal(d.publish.payload_len, strlen(payload));
	bytes_free(&want);
}

static void
expect_refused(const void *data, size_t len, enum datagram_fate fate)
{
	struct datagram d;

	assert_int_equal(read_bytes(data, len, MAX_FRAME, &d), fate);
	if (fate == DATAGRAM_MALFORMED)
		assert_non_null(d.fault);
}

#define EXPECT_TEXT(text, topic, payload) \
	expect_text(text, sizeof(text) - 1, topic, payload)
#define EXPECT_MALFORMED(text) \
	expect_refused(text, sizeof(text) - 1, DATAGRAM_MALFORMED)

TEST(a_text_is_a_topic_and_the_rest_is_its_payload)
{
	EXPECT_TEXT("door.open front", "door.open", "front");
	EXPECT_TEXT("door.open\tfront", "door.open", "front");
	EXPECT_TEXT("a b c\td", "a", "b c\td");
	EXPECT_TEXT("a  b", "a", " b");
	EXPECT_TEXT("a \xff\x01", "a", "\xff\x01");
}

TEST(one_newline_at_the_end_is_dropped)
{
	EXPECT_TEXT("a b\n", "a", "b");
	EXPECT_TEXT("a b\n\n", "a", "b\n");
	EXPECT_TEXT("a b\nc", "a", "b\nc");
	EXPECT_TEXT("a\n", "a", "");
}

TEST(a_text_may_do_without_a_payload)
{
	EXPECT_TEXT("a", "a", "");
	EXPECT_TEXT("a ", "a", "");
	EXPECT_TEXT("a \n", "a", "");
}

/* It begins with 0xce, too, but not with a length. */
TEST(a_greek_topic_is_a_text)
{
	EXPECT_TEXT("\xce\xb1.\xce\xb2 x", "\xce\xb1.\xce\xb2", "x");
}

TEST(a_text_without_a_valid_topic_is_malformed)
{
	EXPECT_MALFORMED("");
	EXPECT_MALFORMED("\n");
	EXPECT_MALFORMED(" a b");
	EXPECT_MALFORMED("a..b c");
	EXPECT_MALFORMED("a.* c");
	EXPECT_MALFORMED("a\n b");
	EXPECT_MALFORMED("a\xff b");
	EXPECT_MALFORMED("a\0 b");
	EXPECT_MALFORMED("\xce");
}

TEST(a_topic_has_at_most_255_bytes)
{
	char text[300];

	memset(text, 'x', sizeof(text));
	text[256] = ' ';
	expect_refused(text, 260, DATAGRAM_MALFORMED);
	text[255] = ' ';
	text[256] = 'x';
	{
		struct datagram d;

		assert_int_equal(read_bytes(text, 260, MAX_FRAME, &d),
		                 DATAGRAM_TAKEN);
		assert_int_equal(d.publish.topic_len, 255);
		assert_int_equal(d.publish.payload_len, 4);
	}
}

TEST(payloads_of_every_length_find_their_head)
{
	static const size_t lengths[] = { 0,   1,     255,   256,
		                          257, 65000, 65534, 65533 };
	static char text[DATAGRAM_MAX];

	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct bytes want = { 0 };
		struct datagram d;

		memset(text, 'x', sizeof(text));
		memcpy(text, "t ", 2);
		assert_int_equal(read_bytes(text, 2 + lengths[i], MAX_FRAME,
		                            &d),
		                 DATAGRAM_TAKEN);
		put_publish(&want, "t", NULL, text + 2, lengths[i]);
		assert_int_equal(d.len, want.len);
		assert_memory_equal(d.frame, want.at, want.len);
		assert_true(d.frame >= memory);
		bytes_free(&want);
	}
}

static void
put_full_publish(struct bytes *b)
{
	put_frame(b, "97 03 00 c4 08 00 00 00 00 00 00 00 00 a1 61 a1 72 "
	             "81 a1 6b 01 c4 02 01 02");
}

TEST(a_frame_is_taken_as_it_is)
{
	struct bytes b = { 0 };
	struct datagram d;

	put_full_publish(&b);
	assert_int_equal(read_bytes(b.at, b.len, MAX_FRAME, &d),
	                 DATAGRAM_TAKEN);
	assert_int_equal(d.len, b.len);
	assert_memory_equal(d.frame, b.at, b.len);
	assert_int_equal(d.publish.reply_len, 1);
	assert_int_equal(d.publish.payload_len, 2);
	bytes_free(&b);
}

TEST(anything_but_exactly_one_publish_is_malformed)
{
	struct bytes b = { 0 };

	put_full_publish(&b);
	for (size_t len = 2; len < b.len; len++)
		expect_refused(b.at, len, DATAGRAM_MALFORMED);
	put_fill(&b, 0, 1);
	expect_refused(b.at, b.len, DATAGRAM_MALFORMED);
	bytes_free(&b);
	put_full_publish(&b);
	put_full_publish(&b);
	expect_refused(b.at, b.len, DATAGRAM_MALFORMED);
	bytes_free(&b);

	put_frame(&b, "92 0a 01"); /* PING */
	expect_refused(b.at, b.len, DATAGRAM_MALFORMED);
	bytes_free(&b);
	put_publish(&b, "a..b", NULL, "", 0);
	expect_refused(b.at, b.len, DATAGRAM_MALFORMED);
	bytes_free(&b);
	put_publish(&b, "a", "b..c", "", 0);
	expect_refused(b.at, b.len, DATAGRAM_MALFORMED);
	bytes_free(&b);
}

TEST(a_body_beyond_max_frame_is_too_big_however_it_came)
{
	struct bytes b = { 0 };
	struct datagram d;
	char text[1100] = "a ";

	put_publish(&b, "a", NULL, text, 1000);
	assert_int_equal(read_bytes(b.at, b.len, (uint32_t)b.len - 5, &d),
	                 DATAGRAM_TAKEN);
	assert_int_equal(read_bytes(b.at, b.len, (uint32_t)b.len - 6, &d),
	                 DATAGRAM_TOO_BIG);
	assert_int_equal(read_bytes(text, 1002, (uint32_t)b.len - 5, &d),
	                 DATAGRAM_TAKEN);
	assert_int_equal(read_bytes(text, 1003, (uint32_t)b.len - 5, &d),
	                 DATAGRAM_TOO_BIG);
	bytes_free(&b);
}

/* Under a sanitizer: whatever comes, nothing else is touched. */
TEST(random_bytes_are_read_without_harm)
{
	struct chance c = chance_new("datagram");
	struct bytes b = { 0 };

	put_full_publish(&b);
	for (unsigned k = 0; k < rounds(100000); k++) {
		uint8_t data[64];
		size_t len = b.len - chance_below(&c, 3);
		struct datagram d;
		enum datagram_fate fate;

		memcpy(data, b.at, b.len);
		for (unsigned i = chance_below(&c, 4); i > 0; i--)
			data[chance_below(&c, (uint32_t)len)] =
				(uint8_t)chance_any(&c);
		fate = read_bytes(data, len, MAX_FRAME, &d);
		if (fate == DATAGRAM_TAKEN)
			assert_true(d.frame[0] == 0xce && d.frame[1] == 0);
		else
			assert_int_equal(fate, DATAGRAM_MALFORMED);
	}
	bytes_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_is_a_topic_and_the_rest_is_its_payload),
		cmocka_unit_test(one_newline_at_the_end_is_dropped),
		cmocka_unit_test(a_text_may_do_without_a_payload),
		cmocka_unit_test(a_greek_topic_is_a_text),
		cmocka_unit_test(a_text_without_a_valid_topic_is_malformed),
		cmocka_unit_test(a_topic_has_at_most_255_bytes),
		cmocka_unit_test(payloads_of_every_length_find_their_head),
		cmocka_unit_test(a_frame_is_taken_as_it_is),
		cmocka_unit_test(anything_but_exactly_one_publish_is_malformed),
		cmocka_unit_test(
			a_body_beyond_max_frame_is_too_big_however_it_came),
		cmocka_unit_test(random_bytes_are_read_without_harm),
	};

	return RUN(tests);
}
