/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/bytes.h"

#include <string.h>

#include "unit.h"

static const uint8_t sample[] = { 0x77, 0xfe, 0xdc, 0xba, 0x98,
	                          0x76, 0x54, 0x32, 0x10 };

TEST(the_first_byte_is_the_highest)
{
	assert_int_equal(load_be16(sample), 0x77fe);
	assert_int_equal(load_be32(sample), 0x77fedcba);
	assert_true(load_be64(sample) == UINT64_C(0x77fedcba98765432));
}

TEST(any_alignment_will_do)
{
	uint8_t room[16];

	for (size_t off = 0; off < 8; off++) {
		memset(room, 0, sizeof(room));
		memcpy(room + off, sample + 1, 8);
		assert_int_equal(load_be16(room + off), 0xfedc);
		assert_int_equal(load_be32(room + off), 0xfedcba98);
		assert_true(load_be64(room + off) ==
		            UINT64_C(0xfedcba9876543210));
	}
}

TEST(the_highest_bit_is_no_sign)
{
	const uint8_t ones[8] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};

	assert_int_equal(load_be16(ones), UINT16_MAX);
	assert_int_equal(load_be32(ones), UINT32_MAX);
	assert_true(load_be64(ones) == UINT64_MAX);
}

TEST(a_store_touches_its_own_bytes_only)
{
	uint8_t room[10];
	const uint8_t want64[10] = { 9, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	const uint8_t want32[10] = { 9, 1, 2, 3, 4, 9, 9, 9, 9, 9 };
	const uint8_t want16[10] = { 9, 0xab, 0xcd, 9, 9, 9, 9, 9, 9, 9 };

	memset(room, 9, sizeof(room));
	store_be64(room + 1, UINT64_C(0x0102030405060708));
	assert_memory_equal(room, want64, sizeof(room));

	memset(room, 9, sizeof(room));
	store_be32(room + 1, 0x01020304);
	assert_memory_equal(room, want32, sizeof(room));

	memset(room, 9, sizeof(room));
	store_be16(room + 1, 0xabcd);
	assert_memory_equal(room, want16, sizeof(room));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_byte_is_the_highest),
		cmocka_unit_test(any_alignment_will_do),
		cmocka_unit_test(the_highest_bit_is_no_sign),
		cmocka_unit_test(a_store_touches_its_own_bytes_only),
	};

	return RUN(tests);
}
