/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "client/cli/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
half_is_a_note_and_nine_tenths_are_wrong(void **state)
{
	(void)state;
	assert_int_equal(limits_grade(49, 100), GRADE_GOOD);
	assert_int_equal(limits_grade(50, 100), GRADE_NOTE);
	assert_int_equal(limits_grade(89, 100), GRADE_NOTE);
	assert_int_equal(limits_grade(90, 100), GRADE_WRONG);
	assert_int_equal(limits_grade(0, UINT64_MAX), GRADE_GOOD);
}

static void
bytes_are_told_as_people_say_them(void **state)
{
	json_t *info = json_pack("{si,s{si,si,si}}", "memory_used", 1600,
	                         "limits", "memory_max", 268435456,
	                         "retained_max", 10, "retained_bytes", 65536);
	struct findings f = { 0 };

	(void)state;
	limits_examine(info, &f);
	assert_string_equal(f.at[0].text,
	                    "1.6 KiB of 256 MiB for messages (0 %)");
	assert_string_equal(f.at[2].text,
	                    "0 bytes of 64 KiB for last values (0 %)");
	findings_free(&f);
	json_decref(info);
}

static void
what_is_near_is_told_with_twice_as_much(void **state)
{
	json_t *info = json_pack("{si,si,si,si,s{si,si,si}}", "memory_used", 95,
	                         "retained", 1, "retained_bytes", 1, "evicted",
	                         2, "limits", "memory_max", 100, "retained_max",
	                         10, "retained_bytes", 10);
	struct findings f = { 0 };

	(void)state;
	limits_examine(info, &f);
	assert_int_equal(f.n, 4);
	assert_string_equal(f.at[0].text,
	                    "95 bytes of 100 bytes for messages (95 %)");
	assert_int_equal(f.at[0].grade, GRADE_WRONG);
	assert_non_null(strstr(f.at[0].mend, "--memory-max 200"));
	assert_int_equal(f.at[1].grade, GRADE_GOOD);
	assert_null(f.at[1].mend);
	assert_string_equal(f.at[3].subject, "receivers");
	assert_int_equal(findings_count(&f, GRADE_WRONG), 1);
	findings_free(&f);
	json_decref(info);
}

static void
the_soft_limit_of_files_is_the_first_number(void **state)
{
	(void)state;
	assert_int_equal(limits_parse_files("Max processes  7 7 processes\n"
	                                    "Max open files   1024   4096  "
	                                    "files\n"),
	                 1024);
	assert_int_equal(limits_parse_files(""), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_is_a_note_and_nine_tenths_are_wrong),
		cmocka_unit_test(bytes_are_told_as_people_say_them),
		cmocka_unit_test(what_is_near_is_told_with_twice_as_much),
		cmocka_unit_test(the_soft_limit_of_files_is_the_first_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
