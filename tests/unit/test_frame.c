/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/frame.h"

#include "bytes.h"

#define MAX 1000u

static enum frame_result
peek(const char *hex, uint32_t *len)
{
	struct bytes b = { 0 };
	enum frame_result r;

	put_hex(&b, hex);
	r = frame_peek(b.at, b.len, MAX, len);
	bytes_free(&b);
	return r;
}

TEST(a_whole_prefix_tells_the_length_of_its_body)
{
	uint32_t len = 7;

	assert_int_equal(peek("ce 00 00 01 02", &len), FRAME_OK);
	assert_int_equal(len, 0x0102);
	assert_int_equal(peek("ce 00 00 00 00 ff", &len), FRAME_OK);
	assert_int_equal(len, 0);
}

TEST(less_than_a_prefix_is_short_and_nothing_is_written)
{
	uint32_t len = 7;

	assert_int_equal(frame_peek((const uint8_t *)"", 0, MAX, &len),
	                 FRAME_SHORT);
	assert_int_equal(peek("ce", &len), FRAME_SHORT);
	assert_int_equal(peek("ce ff ff ff", &len), FRAME_SHORT);
	assert_int_equal(len, 7);
}

TEST(one_wrong_byte_is_enough_to_know)
{
	uint32_t len = 7;

	for (unsigned first = 0; first < 256; first++) {
		uint8_t byte = (uint8_t)first;

		assert_int_equal(frame_peek(&byte, 1, MAX, &len),
		                 first == 0xce ? FRAME_SHORT : FRAME_BAD_MAGIC);
	}
	assert_int_equal(peek("47 45 54 20 2f", &len), FRAME_BAD_MAGIC);
	assert_int_equal(len, 7);
}

TEST(a_body_of_the_limit_is_taken_and_one_more_is_not)
{
	uint32_t len = 0;

	assert_int_equal(peek("ce 00 00 03 e8", &len), FRAME_OK);
	assert_int_equal(len, 1000);
	assert_int_equal(peek("ce 00 00 03 e9", &len), FRAME_TOO_BIG);
	assert_int_equal(len, 1001);
	assert_int_equal(peek("ce ff ff ff ff", &len), FRAME_TOO_BIG);
	assert_true(len == UINT32_MAX);
}

TEST(a_prefix_is_written_as_it_is_read)
{
	uint8_t buf[FRAME_PREFIX_SIZE];
	const uint8_t want[] = { 0xce, 0x12, 0x34, 0x56, 0x78 };

	frame_put_prefix(buf, 0x12345678);
	assert_memory_equal(buf, want, sizeof(want));
}

TEST(the_limits_are_those_of_the_protocol)
{
	assert_int_equal(FRAME_MAX_DEFAULT, 4194304);
	assert_int_equal(FRAME_MAX_HELLO, 32768);
	assert_int_equal(FRAME_BROKER_EXTRA, 4096);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_prefix_tells_the_length_of_its_body),
		cmocka_unit_test(
			less_than_a_prefix_is_short_and_nothing_is_written),
		cmocka_unit_test(one_wrong_byte_is_enough_to_know),
		cmocka_unit_test(
			a_body_of_the_limit_is_taken_and_one_more_is_not),
		cmocka_unit_test(a_prefix_is_written_as_it_is_read),
		cmocka_unit_test(the_limits_are_those_of_the_protocol),
	};

	return RUN(tests);
}
