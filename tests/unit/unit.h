/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * unit - what every test program begins with: cmocka, and chance that can be
 * repeated.
 *
 * A random test prints its seed; UMBEL_SEED in the environment gives another
 * one, or that of a failure again.
 */
#ifndef UMBEL_TESTS_UNIT_H
#define UMBEL_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The name is a sentence: the rule that the test holds the code to. */
#define TEST(name) static void name(void **state __attribute__((unused)))

#define RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct chance {
	uint64_t x;
};

static inline struct chance
chance_new(const char *what)
{
	const char *given = getenv("UMBEL_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : 20260728;

	print_message("%s: UMBEL_SEED=%llu\n", what, (unsigned long long)seed);
	return (struct chance){ seed * 2 + 1 };
}

/* splitmix64 */
static inline uint64_t
chance_any(struct chance *c)
{
	uint64_t z = c->x += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0 to n - 1 */
static inline uint32_t
chance_below(struct chance *c, uint32_t n)
{
	return (uint32_t)((chance_any(c) >> 32) * n >> 32);
}

static inline bool
chance_one_in(struct chance *c, uint32_t n)
{
	return chance_below(c, n) == 0;
}

/* Sanitizers cost time: fewer rounds of the same there. */
static inline unsigned
rounds(unsigned n)
{
	const char *sanitizer = getenv("UMBEL_SANITIZE");

	return sanitizer && *sanitizer ? n / 5 : n;
}

#endif
