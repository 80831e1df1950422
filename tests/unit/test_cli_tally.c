/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "client/cli/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void
messages_are_counted_by_topic(void **state)
{
	struct tally t = { 0 };

	(void)state;
	assert_null(tally_find(&t, "a"));
	tally_count(&t, "a", 7, 10);
	tally_count(&t, "b", 7, 1);
	tally_count(&t, "a", 7, 30);
	tally_turn(&t, 2000000);
	assert_true(tally_find(&t, "a")->per_second == 1);
	assert_true(tally_find(&t, "a")->bytes_per_second == 20);
	assert_true(tally_find(&t, "b")->per_second == 0.5);
	assert_int_equal(tally_find(&t, "a")->session, 7);
	assert_null(tally_find(&t, "c"));
	tally_free(&t);
}

static void
who_publishes_is_one_or_several(void **state)
{
	struct tally t = { 0 };

	(void)state;
	tally_count(&t, "a", 7, 1);
	assert_false(tally_find(&t, "a")->several);
	tally_count(&t, "a", 8, 1);
	assert_true(tally_find(&t, "a")->several);
	tally_free(&t);
}

static void
what_is_silent_for_long_is_forgotten_and_no_other(void **state)
{
	struct tally t = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++) {
		for (int k = 0; k < 3; k++)
			tally_count(&t, "busy", 1, 1);
		if (i < 10)
			tally_count(&t, "silent", 1, 1);
		tally_turn(&t, 1000000);
	}
	assert_null(tally_find(&t, "silent"));
	assert_true(tally_find(&t, "busy")->per_second == 3);
	assert_int_equal(tally_size(&t), 1);
	assert_ptr_equal(tally_next(&t, NULL), tally_find(&t, "busy"));
	assert_null(tally_next(&t, tally_find(&t, "busy")));
	tally_free(&t);
}

static void
there_is_an_end_to_topics(void **state)
{
	struct tally t = { 0 };
	char topic[32];

	(void)state;
	for (unsigned i = 0; i < TALLY_MAX + 5; i++) {
		snprintf(topic, sizeof(topic), "topic.%u", i);
		tally_count(&t, topic, 1, 1);
	}
	assert_int_equal(tally_size(&t), TALLY_MAX);
	assert_int_equal(t.others, 5);
	assert_non_null(tally_find(&t, "topic.0"));
	assert_null(tally_find(&t, topic));
	tally_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_counted_by_topic),
		cmocka_unit_test(who_publishes_is_one_or_several),
		cmocka_unit_test(
			what_is_silent_for_long_is_forgotten_and_no_other),
		cmocka_unit_test(there_is_an_end_to_topics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
