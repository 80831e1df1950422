/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/hash.h"

#include "unit.h"

TEST(mixing_folds_the_whole_product)
{
	struct chance c = chance_new("mix");

	assert_true(hash_mix(0, 12345) == 0);
	assert_true(hash_mix(UINT64_MAX, UINT64_MAX) ==
	            (UINT64_C(1) ^ UINT64_C(0xfffffffffffffffe)));
	assert_true(hash_mix_by_hand(UINT64_MAX, UINT64_MAX) ==
	            (UINT64_C(1) ^ UINT64_C(0xfffffffffffffffe)));
	for (int i = 0; i < 1000; i++) {
		uint64_t a = chance_any(&c), b = chance_any(&c);

		assert_true(hash_mix(a, b) == hash_mix_by_hand(a, b));
	}
}

TEST(equal_bytes_hash_alike_wherever_they_lie)
{
	char room[64 + 8];
	const char *text = "orders.eu.created.by.a.rather.long.name";

	for (size_t len = 0; len <= strlen(text); len++) {
		uint64_t want = hash_bytes(7, text, len);

		for (size_t off = 0; off < 8; off++) {
			memcpy(room + off, text, len);
			assert_true(hash_bytes(7, room + off, len) == want);
		}
	}
}

TEST(every_byte_of_every_length_counts)
{
	uint8_t text[40];

	memset(text, 'a', sizeof(text));
	for (size_t len = 1; len <= sizeof(text); len++) {
		uint64_t before = hash_bytes(1, text, len);

		assert_true(hash_bytes(1, text, len - 1) != before);
		for (size_t i = 0; i < len; i++) {
			text[i] ^= 0x10;
			assert_true(hash_bytes(1, text, len) != before);
			text[i] ^= 0x10;
		}
	}
}

TEST(another_seed_gives_another_hash)
{
	assert_true(hash_bytes(1, "a.b", 3) != hash_bytes(2, "a.b", 3));
	assert_true(hash_bytes(1, "", 0) != hash_bytes(2, "", 0));
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Buckets are chosen by the lowest bits of the lower half. */
TEST(numbered_topics_spread_over_the_buckets)
{
	enum { N = 65536, BUCKETS = 4096 };
	static uint64_t all[N];
	static unsigned in[BUCKETS];
	unsigned most = 0;

	for (unsigned i = 0; i < N; i++) {
		char text[32];
		int len = snprintf(text, sizeof(text), "host.h%u.load", i);

		all[i] = hash_bytes(99, text, (size_t)len);
		in[all[i] & (BUCKETS - 1)]++;
	}
	for (unsigned i = 0; i < BUCKETS; i++)
		most = in[i] > most ? in[i] : most;
	/* 16 a bucket on average; 45 has a chance of one in a million */
	assert_in_range(most, 16, 45);

	qsort(all, N, sizeof(all[0]), compare);
	for (unsigned i = 1; i < N; i++)
		assert_true(all[i] != all[i - 1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mixing_folds_the_whole_product),
		cmocka_unit_test(equal_bytes_hash_alike_wherever_they_lie),
		cmocka_unit_test(every_byte_of_every_length_counts),
		cmocka_unit_test(another_seed_gives_another_hash),
		cmocka_unit_test(numbered_topics_spread_over_the_buckets),
	};

	return RUN(tests);
}
