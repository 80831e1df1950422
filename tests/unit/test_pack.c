/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/pack.h"

#include "bytes.h"
#include "proto/cursor.h"

static uint8_t memory[70000];

static struct pack
fresh(void)
{
	return pack_into(memory, sizeof(memory));
}

static void
expect(const struct pack *p, const char *hex)
{
	struct bytes got = { 0 };

	assert_false(p->full);
	put(&got, p->start, pack_length(p));
	assert_bytes_are(&got, hex);
	bytes_free(&got);
}

TEST(a_number_takes_the_shortest_form)
{
	static const struct {
		uint64_t value;
		const char *hex;
	} cases[] = {
		{ 0, "00" },
		{ 127, "7f" },
		{ 128, "cc 80" },
		{ 255, "cc ff" },
		{ 256, "cd 01 00" },
		{ 65535, "cd ff ff" },
		{ 65536, "ce 00 01 00 00" },
		{ UINT32_MAX, "ce ff ff ff ff" },
		{ UINT64_C(1) << 32, "cf 00 00 00 01 00 00 00 00" },
		{ UINT64_MAX, "cf ff ff ff ff ff ff ff ff" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pack p = fresh();

		pack_uint(&p, cases[i].value);
		expect(&p, cases[i].hex);
	}
}

TEST(small_values_are_what_msgpack_says_they_are)
{
	struct pack p = fresh();

	pack_nil(&p);
	pack_bool(&p, false);
	pack_bool(&p, true);
	pack_text(&p, "ab");
	pack_bin(&p, "\x01\x02", 2);
	pack_array(&p, 2);
	pack_map(&p, 15);
	pack_raw(&p, "\x07", 1);
	expect(&p, "c0 c2 c3 a2 61 62 c4 02 01 02 92 8f 07");
}

TEST(pairs_are_a_key_and_a_value)
{
	struct pack p = fresh();

	pack_pair_bool(&p, "b", true);
	pack_pair_uint(&p, "u", 300);
	pack_pair_text(&p, "t", "x");
	expect(&p, "a1 62 c3 a1 75 cd 01 2c a1 74 a1 78");
}

/* What the cursor, which reads any form, makes of it. */
static struct cursor_item
read_back(const struct pack *p)
{
	struct cursor c = cursor_over(p->start, pack_length(p));
	struct cursor_item item;

	assert_false(p->full);
	assert_true(cursor_next(&c, &item));
	assert_true(c.at == c.end);
	return item;
}

TEST(texts_and_bins_of_every_length_are_read_back)
{
	static const uint32_t lengths[] = { 0,   1,   31,    32,    255,
		                            256, 257, 65535, 65536, 66000 };
	static char data[66000];

	memset(data, 'x', sizeof(data));
	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct pack p = fresh();
		struct cursor_item item;

		pack_str(&p, data, lengths[i]);
		item = read_back(&p);
		assert_int_equal(item.kind, CURSOR_STR);
		assert_int_equal(item.len, lengths[i]);

		p = fresh();
		pack_bin(&p, data, lengths[i]);
		item = read_back(&p);
		assert_int_equal(item.kind, CURSOR_BIN);
		assert_int_equal(item.len, lengths[i]);
	}
}

TEST(heads_of_every_count_are_well_formed)
{
	static const uint32_t counts[] = { 0, 15, 16, 65535, 65536 };

	for (size_t i = 0; i < COUNT(counts); i++) {
		for (int map = 0; map <= 1; map++) {
			static uint8_t big[200000];
			struct pack p = pack_into(big, sizeof(big));
			struct cursor c;

			if (map)
				pack_map(&p, counts[i]);
			else
				pack_array(&p, counts[i]);
			for (uint32_t k = 0; k < counts[i] << map; k++)
				pack_nil(&p);
			assert_false(p.full);
			c = cursor_over(p.start, pack_length(&p));
			assert_true(cursor_skip(&c, 8, CURSOR_ANY));
			assert_true(c.at == c.end);
		}
	}
}

TEST(what_is_counted_later_has_its_place)
{
	struct pack p = fresh();
	uint8_t *map = pack_map_later(&p);
	uint8_t *array, *bin;

	pack_text(&p, "a");
	array = pack_array_later(&p);
	pack_uint(&p, 1);
	pack_uint(&p, 2);
	pack_count(array, 2);
	pack_text(&p, "b");
	bin = pack_bin_later(&p);
	pack_raw(&p, "xyz", 3);
	pack_count(bin, 3);
	pack_count(map, 2);
	expect(&p, "df 00 00 00 02 a1 61 dd 00 00 00 02 01 02 "
	           "a1 62 c6 00 00 00 03 78 79 7a");
}

TEST(what_does_not_fit_is_not_written_and_nothing_after_it)
{
	uint8_t buf[8] = { 0 };

	for (size_t cap = 0; cap < 6; cap++) {
		struct pack p = pack_into(buf, cap);

		memset(buf, 0xee, sizeof(buf));
		pack_uint(&p, 7);
		pack_text(&p, "abcd");
		assert_true(p.full);
		assert_true(pack_length(&p) <= cap);
		for (size_t i = cap; i < sizeof(buf); i++)
			assert_int_equal(buf[i], 0xee);
		pack_nil(&p);
		assert_true(p.full);
	}
	{
		struct pack p = pack_into(buf, 4);

		assert_null(pack_array_later(&p));
		pack_count(NULL, 3);
		assert_true(p.full);
		assert_int_equal(pack_length(&p), 0);
		assert_int_equal(pack_room(&p), 4);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_takes_the_shortest_form),
		cmocka_unit_test(small_values_are_what_msgpack_says_they_are),
		cmocka_unit_test(pairs_are_a_key_and_a_value),
		cmocka_unit_test(texts_and_bins_of_every_length_are_read_back),
		cmocka_unit_test(heads_of_every_count_are_well_formed),
		cmocka_unit_test(what_is_counted_later_has_its_place),
		cmocka_unit_test(
			what_does_not_fit_is_not_written_and_nothing_after_it),
	};

	return RUN(tests);
}
