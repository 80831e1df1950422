/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "client/cli/findings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
what_is_wrong_stands_above_what_mends_it(void **state)
{
	struct findings f = { 0 };
	struct buf out = { 0 };

	(void)state;
	findings_add(&f, GRADE_GOOD, "path", "%s", "/a");
	findings_add(&f, GRADE_WRONG, "socket", "gone\x1b[2J");
	findings_mend(&f, "umbeld %d", 1);
	findings_append_text(&f, 0, &out);
	assert_string_equal(buf_text(&out), "ok     path         /a\n"
	                                    "WRONG  socket       gone\\x1b[2J\n"
	                                    "                    umbeld 1\n");
	assert_int_equal(findings_count(&f, GRADE_WRONG), 1);
	buf_free(&out);
	findings_free(&f);
}

static void
long_ones_take_several_lines_but_what_mends_them_one(void **state)
{
	struct findings f = { 0 };
	struct buf out = { 0 };

	(void)state;
	findings_add(&f, GRADE_WRONG, "socket", "one two three-and-more four");
	findings_mend(&f, "umbeld --socket /a/long/path &");
	findings_append_text(&f, 28, &out);
	assert_string_equal(
		buf_text(&out),
		"WRONG  socket       one two\n"
		"                    three-and-more\n"
		"                    four\n"
		"                    umbeld --socket /a/long/path &\n");
	buf_free(&out);
	findings_free(&f);
}

static void
programs_get_an_object_a_line(void **state)
{
	struct findings f = { 0 };
	struct buf out = { 0 };

	(void)state;
	findings_add(&f, GRADE_NOTE, "path", "say \"hello\"");
	findings_add(&f, GRADE_WRONG, "socket", "gone");
	findings_mend(&f, "first");
	findings_mend(&f, "last");
	findings_append_json(&f, &out);
	assert_string_equal(buf_text(&out),
	                    "{\"subject\":\"path\",\"state\":\"note\","
	                    "\"text\":\"say \\\"hello\\\"\"}\n"
	                    "{\"subject\":\"socket\",\"state\":\"wrong\","
	                    "\"text\":\"gone\",\"mend\":\"last\"}\n");
	buf_free(&out);
	findings_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_stands_above_what_mends_it),
		cmocka_unit_test(
			long_ones_take_several_lines_but_what_mends_them_one),
		cmocka_unit_test(programs_get_an_object_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
