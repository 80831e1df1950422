/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/names.h"

static void
expect_fault(const char *name, bool wildcards, const char *word)
{
	const char *fault = names_fault(name, wildcards);

	assert_non_null(fault);
	assert_non_null(strstr(fault, word));
}

static void
good_names_have_no_fault(void **state)
{
	(void)state;
	assert_null(names_fault("door.front", false));
	assert_null(names_fault("door.*", true));
	assert_null(names_fault("**", true));
}

static void
every_fault_is_named(void **state)
{
	char longest[300];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	expect_fault("", false, "empty");
	expect_fault(longest, false, "255");
	expect_fault("a\xff", false, "UTF-8");
	expect_fault("a..b", false, "missing");
	expect_fault(".a", true, "missing");
	expect_fault("a.", false, "ends in a dot");
	expect_fault("a b", false, "white space");
	expect_fault("a\n", true, "control");
	expect_fault("door.*", false, "filters");
	expect_fault("a.b*", true, "whole word");
	expect_fault("a.***", true, "whole word");
	expect_fault("**.a", true, "last");
}

static void
only_names_that_all_exist_look_like_files(void **state)
{
	char *files[] = { (char *)"/", (char *)"/dev/null",
		          (char *)"no.such.file" };

	(void)state;
	assert_true(names_are_files(files, 2));
	assert_false(names_are_files(files, 3));
	assert_false(names_are_files(files, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_names_have_no_fault),
		cmocka_unit_test(every_fault_is_named),
		cmocka_unit_test(only_names_that_all_exist_look_like_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
