/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/utf8.h"

#include <string.h>

#include "unit.h"

/*
 * The well-formed sequences of the Unicode standard's table 3-7, a row each:
 * what may follow what. Returns the length, or 0.
 */
static size_t
length_by_table(const uint8_t *s, size_t len)
{
	static const struct {
		uint8_t n, first_low, first_high, second_low, second_high;
	} rows[] = {
		{ 1, 0x00, 0x7f, 0, 0 },       { 2, 0xc2, 0xdf, 0x80, 0xbf },
		{ 3, 0xe0, 0xe0, 0xa0, 0xbf }, { 3, 0xe1, 0xec, 0x80, 0xbf },
		{ 3, 0xed, 0xed, 0x80, 0x9f }, { 3, 0xee, 0xef, 0x80, 0xbf },
		{ 4, 0xf0, 0xf0, 0x90, 0xbf }, { 4, 0xf1, 0xf3, 0x80, 0xbf },
		{ 4, 0xf4, 0xf4, 0x80, 0x8f },
	};

	for (size_t i = 0; i < COUNT(rows) && len > 0; i++) {
		if (s[0] < rows[i].first_low || s[0] > rows[i].first_high)
			continue;
		if (rows[i].n > len ||
		    (rows[i].n > 1 &&
		     (s[1] < rows[i].second_low || s[1] > rows[i].second_high)))
			return 0;
		for (size_t k = 2; k < rows[i].n; k++) {
			if (s[k] < 0x80 || s[k] > 0xbf)
				return 0;
		}
		return rows[i].n;
	}
	return 0;
}

static bool
valid_by_table(const uint8_t *s, size_t len)
{
	while (len > 0) {
		size_t n = length_by_table(s, len);

		if (n == 0)
			return false;
		s += n;
		len -= n;
	}
	return true;
}

static size_t
encode_by_hand(uint32_t c, uint8_t out[4])
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xc0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xe0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | c >> 18);
	out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (c & 0x3f));
	return 4;
}

TEST(every_code_point_is_decoded_and_surrogates_are_none)
{
	for (uint32_t c = 0; c < 0x120000; c++) {
		uint8_t s[4];
		size_t n = encode_by_hand(c, s);
		bool is_one = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
		uint32_t got = 0;

		assert_int_equal(utf8_decode(s, n, &got), is_one ? n : 0);
		if (is_one)
			assert_int_equal(got, c);
		for (size_t cut = 0; cut < n; cut++)
			assert_int_equal(utf8_decode(s, cut, &got), 0);
	}
}

/* All of three bytes, and of four with every first and second. */
TEST(every_sequence_of_bytes_is_judged_as_the_standard_does)
{
	uint8_t s[4];
	uint32_t c;

	for (uint32_t i = 0; i < 1u << 24; i++) {
		s[0] = (uint8_t)(i >> 16);
		s[1] = (uint8_t)(i >> 8);
		s[2] = (uint8_t)i;
		s[3] = i % 2 ? 0x80 : 0xbf;
		if (s[0] < 0xc0 && i % 256 != 0x80)
			continue; /* told by the first byte alone */
		if (utf8_decode(s, 4, &c) != length_by_table(s, 4))
			fail_msg("%02x %02x %02x %02x", s[0], s[1], s[2], s[3]);
	}
}

/* ASCII is skipped eight at a time: faults at every place around that. */
TEST(a_fault_is_found_wherever_it_lies)
{
	struct chance c = chance_new("utf8");
	uint8_t s[40];

	for (unsigned i = 0; i < rounds(400000); i++) {
		size_t len = chance_below(&c, sizeof(s) + 1);

		memset(s, 'x', sizeof(s));
		for (unsigned k = chance_below(&c, 4); k > 0 && len > 0; k--) {
			uint8_t some[4];
			size_t n = encode_by_hand(chance_below(&c, 0x110800),
			                          some);
			size_t at = chance_below(&c, (uint32_t)len);

			for (size_t j = 0; j < n && at + j < len; j++)
				s[at + j] = some[j];
		}
		assert_int_equal(utf8_is_valid(s, len), valid_by_table(s, len));
	}
}

TEST(control_characters_are_those_of_the_protocol)
{
	for (uint32_t c = 0; c <= 0x110000; c++) {
		bool want = c <= 0x1f || (c >= 0x7f && c <= 0x9f);

		assert_int_equal(utf8_is_control(c), want);
	}
}

TEST(white_space_is_that_of_the_protocol)
{
	static const uint32_t spaces[] = {
		0x0020, 0x00a0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003,
		0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a,
		0x2028, 0x2029, 0x202f, 0x205f, 0x3000,
	};
	size_t next = 0;

	for (uint32_t c = 0; c <= 0x110000; c++) {
		bool want = next < COUNT(spaces) && c == spaces[next];

		next += want;
		assert_int_equal(utf8_is_space(c), want);
	}
	assert_int_equal(next, COUNT(spaces));
}

TEST(text_is_valid_and_without_control_characters)
{
	assert_true(utf8_is_text((const uint8_t *)"", 0));
	assert_true(
		utf8_is_text((const uint8_t *)"a b \xc2\xa0\xe2\x82\xac", 9));
	assert_false(utf8_is_text((const uint8_t *)"a\0b", 3));
	assert_false(utf8_is_text((const uint8_t *)"a\x1b", 2));
	assert_false(utf8_is_text((const uint8_t *)"\xc2\x85", 2));
	assert_false(utf8_is_text((const uint8_t *)"a\xff", 2));
	assert_false(utf8_is_text((const uint8_t *)"\xe2\x82", 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			every_code_point_is_decoded_and_surrogates_are_none),
		cmocka_unit_test(
			every_sequence_of_bytes_is_judged_as_the_standard_does),
		cmocka_unit_test(a_fault_is_found_wherever_it_lies),
		cmocka_unit_test(control_characters_are_those_of_the_protocol),
		cmocka_unit_test(white_space_is_that_of_the_protocol),
		cmocka_unit_test(text_is_valid_and_without_control_characters),
	};

	return RUN(tests);
}
