/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/cli/table.h"

static const struct table_column columns[] = {
	{ "NAME", TABLE_TEXT },
	{ "N", TABLE_NUMBER },
	{ "NOTE", TABLE_TEXT },
};

/* `cells` end with a NULL. */
static void
expect_table(const char *const *cells, size_t width, const char *text)
{
	struct buf out = { 0 };
	struct table t;

	table_init(&t, columns, 3);
	for (; *cells; cells++)
		table_add(&t, *cells);
	table_append(&t, width, &out);
	assert_string_equal(buf_text(&out), text);
	buf_free(&out);
	table_free(&t);
}

static void
columns_line_up_and_no_line_ends_in_spaces(void **state)
{
	const char *const cells[] = { "door", "7", "", "a", "1234", "x", NULL };

	(void)state;
	expect_table(cells, 0,
	             "NAME     N  NOTE\n"
	             "door     7\n"
	             "a     1234  x\n");
}

static void
a_column_without_content_is_left_out(void **state)
{
	const char *const cells[] = { "door", "", "x", "a", "", "", NULL };

	(void)state;
	expect_table(cells, 0,
	             "NAME  NOTE\n"
	             "door  x\n"
	             "a\n");
}

static void
what_does_not_fit_is_cut_where_it_is_longest(void **state)
{
	const char *const cells[] = { "a.very.long.name", "12", "short", NULL };

	(void)state;
	expect_table(cells, 22,
	             "NAME          N  NOTE\n"
	             "a.very.lon\xe2\x80\xa6  12  short\n");
}

static void
numbers_and_the_beginning_of_names_stay_in_a_width_too_small(void **state)
{
	const char *const cells[] = { "a.very.long.name", "123456", "", NULL };

	(void)state;
	expect_table(cells, 3,
	             "NAME         N\n"
	             "a.ver\xe2\x80\xa6  123456\n");
}

/* Of four numbers the one that is sought. */
static void
expect_sought(size_t sought, const char *last, size_t width, const char *text)
{
	static const struct table_column numbers[] = {
		{ "ID", TABLE_TEXT },
		{ "MANY", TABLE_NUMBER },
		{ "FEW", TABLE_NUMBER },
		{ "LAST", TABLE_NUMBER },
	};
	struct buf out = { 0 };
	struct table t;

	table_init(&t, numbers, 4);
	table_add(&t, "a");
	table_add(&t, "1111");
	table_add(&t, "222");
	table_add(&t, last);
	t.sought = sought;
	table_append(&t, width, &out);
	assert_string_equal(buf_text(&out), text);
	buf_free(&out);
	table_free(&t);
}

static void
others_give_way_to_the_column_that_is_sought(void **state)
{
	(void)state;
	expect_sought(0, "3", 13, "ID  MANY  FEW  LAST\na   1111  222     3\n");
	expect_sought(2, "3", 13, "ID  MANY  FEW  LAST\na   1111  222     3\n");
	expect_sought(3, "3", 14, "ID  MANY  LAST\na   1111     3\n");
	expect_sought(3, "3", 13, "ID  LAST\na      3\n");
	expect_sought(3, "3", 1, "ID  LAST\na      3\n");
}

static void
the_column_that_is_sought_is_there_when_it_is_empty(void **state)
{
	(void)state;
	expect_sought(3, "", 0, "ID  MANY  FEW  LAST\na   1111  222\n");
}

static void
characters_count_and_not_bytes(void **state)
{
	const char *const cells[] = {
		"\xc3\xa4\xc3\xb6\xc3\xbc", "1", "", "abcdefgh", "2", "", NULL
	};

	(void)state;
	expect_table(cells, 0,
	             "NAME      N\n"
	             "\xc3\xa4\xc3\xb6\xc3\xbc       1\n"
	             "abcdefgh  2\n");
}

static void
wide_characters_count_twice_and_marks_not_at_all(void **state)
{
	const char *const cells[] = {
		"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac",
		"1",
		"",
		"e\xcc\x81",
		"2",
		"",
		NULL
	};

	(void)state;
	expect_table(
		cells, 0,
		"NAME        N\n"
		"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac  1\n"
		"e\xcc\x81           2\n");
	expect_table(cells, 10,
	             "NAME     N\n"
	             "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe2\x80\xa6  1\n"
	             "e\xcc\x81        2\n");
}

static void
control_characters_are_made_visible(void **state)
{
	const char *const cells[] = { "a\x1b[2J", "1", "two\nlines", NULL };

	(void)state;
	expect_table(cells, 0,
	             "NAME      N  NOTE\n"
	             "a\\x1b[2J  1  two\\nlines\n");
}

static void
expect_number(void (*add)(struct table *, unsigned long long),
              unsigned long long n, const char *text)
{
	static const struct table_column bare[] = { { NULL, TABLE_TEXT } };
	struct buf out = { 0 };
	struct table t;

	table_init(&t, bare, 1);
	add(&t, n);
	table_append(&t, 0, &out);
	buf_putc(&out, '\0');
	out.at[out.len - 2] = '\0'; /* the newline */
	assert_string_equal(out.at, text);
	buf_free(&out);
	table_free(&t);
}

static void
large_counts_are_rounded(void **state)
{
	(void)state;
	expect_number(table_add_count, 0, "0");
	expect_number(table_add_count, 9999, "9999");
	expect_number(table_add_count, 10000, "10k");
	expect_number(table_add_count, 999400, "999k");
	expect_number(table_add_count, 999600, "1.0M");
	expect_number(table_add_count, 3450000, "3.5M");
	expect_number(table_add_count, UINT64_MAX, "18E");
}

static void
ages_have_one_unit(void **state)
{
	(void)state;
	expect_number(table_add_age, 999, "0s");
	expect_number(table_add_age, 99999, "99s");
	expect_number(table_add_age, 100000, "1m");
	expect_number(table_add_age, 100ull * 60 * 1000, "1h");
	expect_number(table_add_age, 48ull * 3600 * 1000, "2d");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_line_up_and_no_line_ends_in_spaces),
		cmocka_unit_test(a_column_without_content_is_left_out),
		cmocka_unit_test(what_does_not_fit_is_cut_where_it_is_longest),
		cmocka_unit_test(
			numbers_and_the_beginning_of_names_stay_in_a_width_too_small),
		cmocka_unit_test(others_give_way_to_the_column_that_is_sought),
		cmocka_unit_test(
			the_column_that_is_sought_is_there_when_it_is_empty),
		cmocka_unit_test(characters_count_and_not_bytes),
		cmocka_unit_test(
			wide_characters_count_twice_and_marks_not_at_all),
		cmocka_unit_test(control_characters_are_made_visible),
		cmocka_unit_test(large_counts_are_rounded),
		cmocka_unit_test(ages_have_one_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
