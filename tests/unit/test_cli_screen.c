/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "client/cli/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
expect_render(const char *page, size_t width, size_t height, const char *bytes)
{
	struct buf out = { 0 };

	screen_render(&out, page, (struct screen_size){ width, height });
	assert_string_equal(buf_text(&out), bytes);
	buf_free(&out);
}

static void
a_page_is_written_over_the_last_one(void **state)
{
	(void)state;
	expect_render("one\n\ntwo\n", 10, 5,
	              "\x1b[Hone\x1b[K\r\n\x1b[K\r\ntwo\x1b[K\x1b[J");
}

static void
what_is_too_wide_or_too_much_is_cut(void **state)
{
	(void)state;
	/* in the last column nothing is erased: that would be what is there */
	expect_render("abcdef\nx\ny\n", 4, 2, "\x1b[Habcd\r\nx\x1b[K\x1b[J");
	/* a letter of two columns is not cut in halves */
	expect_render("ab\xe6\x97\xa5", 3, 1, "\x1b[Hab\x1b[K\x1b[J");
	expect_render("", 3, 1, "\x1b[H\x1b[J");
}

static void
a_heading_is_a_bar_as_wide_as_the_screen(void **state)
{
	(void)state;
	expect_render(SCREEN_HEADING "ab\n" SCREEN_FAINT "c", 4, 2,
	              "\x1b[H\x1b[7mab  \x1b[0m\r\n\x1b[2mc\x1b[0m\x1b[K"
	              "\x1b[J");
}

static void
expect_key(const char *bytes, size_t used, int key)
{
	int found = KEY_NONE;

	assert_int_equal(screen_parse_key(bytes, strlen(bytes), &found), used);
	assert_int_equal(found, key);
}

static void
keys_are_letters_or_sequences(void **state)
{
	(void)state;
	expect_key("qx", 1, 'q');
	expect_key("\x03", 1, 3);
	expect_key("\x1b[Aq", 3, KEY_UP);
	expect_key("\x1bOB", 3, KEY_DOWN);
	expect_key("\x1b[5~", 4, KEY_PAGE_UP);
	expect_key("\x1b[6~", 4, KEY_PAGE_DOWN);
	expect_key("\x1b[H", 3, KEY_HOME);
	expect_key("\x1b[4~", 4, KEY_END);
	expect_key("\x1b[1;5C", 6, KEY_RIGHT);
	expect_key("\x1b[99~", 5, KEY_OTHER);
	expect_key("\x1b[z", 3, KEY_OTHER);
	expect_key("\x1b", 1, KEY_OTHER);
	expect_key("\x1bq", 1, KEY_OTHER);
}

static void
half_a_sequence_waits_for_the_rest_but_not_for_ever(void **state)
{
	int key;

	(void)state;
	assert_int_equal(screen_parse_key("", 0, &key), 0);
	assert_int_equal(screen_parse_key("\x1b[", 2, &key), 0);
	assert_int_equal(screen_parse_key("\x1b[5", 3, &key), 0);
	assert_int_equal(screen_parse_key("\x1b[5555555555555555", 18, &key),
	                 18);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_written_over_the_last_one),
		cmocka_unit_test(what_is_too_wide_or_too_much_is_cut),
		cmocka_unit_test(a_heading_is_a_bar_as_wide_as_the_screen),
		cmocka_unit_test(keys_are_letters_or_sequences),
		cmocka_unit_test(
			half_a_sequence_waits_for_the_rest_but_not_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
