/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "client/cli/percentiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
small_values_are_exact(void **state)
{
	struct percentiles p = { 0 };

	(void)state;
	assert_int_equal(percentiles_of(&p, 0.5), 0);
	for (uint64_t i = 1; i <= 100; i++)
		percentiles_add(&p, i);
	assert_int_equal(percentiles_of(&p, 0.5), 50);
	assert_int_equal(percentiles_of(&p, 0.9), 90);
	assert_int_equal(percentiles_of(&p, 0.99), 99);
	assert_int_equal(percentiles_of(&p, 1), 100);
}

static void
large_ones_are_known_to_one_part_in_64(void **state)
{
	(void)state;
	for (uint64_t value = 1; value < UINT64_MAX / 3;
	     value = value * 3 + 1) {
		struct percentiles p = { 0 };
		uint64_t told;

		percentiles_add(&p, value);
		percentiles_add(&p, UINT64_MAX);
		told = percentiles_of(&p, 0.5);
		assert_true(told >= value && told - value <= value / 64);
		assert_true(percentiles_of(&p, 1) == UINT64_MAX);
	}
}

static void
no_percentile_is_more_than_the_most(void **state)
{
	struct percentiles p = { 0 };

	(void)state;
	percentiles_add(&p, 1000001);
	assert_int_equal(percentiles_of(&p, 0.5), 1000001);
	assert_int_equal(percentiles_of(&p, 0.999), 1000001);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_values_are_exact),
		cmocka_unit_test(large_ones_are_known_to_one_part_in_64),
		cmocka_unit_test(no_percentile_is_more_than_the_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
