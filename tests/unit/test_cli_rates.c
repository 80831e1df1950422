/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "client/cli/rates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND 1000000

/* A sample at that time, of things 1, 2, ... with one counter each. */
static void
sample(struct rates *r, int64_t us, const uint64_t *count, size_t n)
{
	rates_begin(r, us);
	for (size_t i = 0; i < n; i++)
		rates_add(r, i + 1, &count[i], 1);
}

static void
expect_rate(const struct rates *r, uint64_t id, double rate)
{
	assert_true(rates_of(r, id, 0) == rate);
}

static void
one_sample_has_no_rates(void **state)
{
	struct rates r = { 0 };

	(void)state;
	sample(&r, 5 * SECOND, (uint64_t[]){ 100 }, 1);
	expect_rate(&r, 1, 0);
	expect_rate(&r, 7, 0);
	rates_free(&r);
}

static void
a_rate_is_what_was_added_in_a_second(void **state)
{
	struct rates r = { 0 };

	(void)state;
	sample(&r, 0, (uint64_t[]){ 100, 7 }, 2);
	sample(&r, 2 * SECOND, (uint64_t[]){ 110, 7 }, 2);
	expect_rate(&r, 1, 5);
	expect_rate(&r, 2, 0);
	sample(&r, 3 * SECOND, (uint64_t[]){ 111, 17 }, 2);
	expect_rate(&r, 1, 1);
	expect_rate(&r, 2, 10);
	rates_free(&r);
}

static void
what_is_new_or_was_set_back_began_at_0(void **state)
{
	struct rates r = { 0 };

	(void)state;
	sample(&r, 0, (uint64_t[]){ 100 }, 1);
	sample(&r, SECOND, (uint64_t[]){ 3, 4 }, 2);
	expect_rate(&r, 1, 3);
	expect_rate(&r, 2, 4);
	rates_free(&r);
}

static void
what_was_forgotten_is_no_measure(void **state)
{
	struct rates r = { 0 };

	(void)state;
	sample(&r, 0, (uint64_t[]){ 1 }, 1);
	rates_forget(&r);
	sample(&r, SECOND, (uint64_t[]){ 100 }, 1);
	expect_rate(&r, 1, 0);
	rates_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_sample_has_no_rates),
		cmocka_unit_test(a_rate_is_what_was_added_in_a_second),
		cmocka_unit_test(what_is_new_or_was_set_back_began_at_0),
		cmocka_unit_test(what_was_forgotten_is_no_measure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
