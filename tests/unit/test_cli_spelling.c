/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/cli/spelling.h"

static void
each_slip_of_the_fingers_counts_once(void **state)
{
	(void)state;
	assert_int_equal(spelling_distance("count", "count"), 0);
	assert_int_equal(spelling_distance("cuont", "count"), 1);
	assert_int_equal(spelling_distance("coun", "count"), 1);
	assert_int_equal(spelling_distance("counnt", "count"), 1);
	assert_int_equal(spelling_distance("xount", "count"), 1);
	assert_int_equal(spelling_distance("conut", "json"), 4);
}

static void
what_is_empty_or_too_long_is_as_far_as_it_is_long(void **state)
{
	(void)state;
	assert_int_equal(spelling_distance("", "count"), 5);
	assert_int_equal(spelling_distance("count", ""), 5);
	assert_int_equal(
		spelling_distance("a", "12345678901234567890123456789012345"),
		35);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_slip_of_the_fingers_counts_once),
		cmocka_unit_test(
			what_is_empty_or_too_long_is_as_far_as_it_is_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
