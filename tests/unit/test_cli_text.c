/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/text.h"

#define BYTES(literal) literal, sizeof(literal) - 1

#define EXPECT_VISIBLE(bytes, keep, text)                    \
	do {                                                 \
		struct buf b = { 0 };                        \
		text_append_visible(&b, BYTES(bytes), keep); \
		assert_string_equal(buf_text(&b), text);     \
		buf_free(&b);                                \
	} while (0)

static void
utf8_of_every_length_is_utf8(void **state)
{
	(void)state;
	assert_true(text_is_utf8(BYTES("")));
	assert_true(text_is_utf8(BYTES("a\x7f")));
	assert_true(text_is_utf8(BYTES("\xc2\x80 \xdf\xbf")));
	assert_true(text_is_utf8(BYTES("\xe0\xa0\x80 \xef\xbf\xbf")));
	assert_true(text_is_utf8(BYTES("\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf")));
}

static void
what_utf8_forbids_is_not_utf8(void **state)
{
	(void)state;
	assert_false(text_is_utf8(BYTES("\x80")));
	assert_false(text_is_utf8(BYTES("\xc2")));
	assert_false(text_is_utf8(BYTES("\xc0\xaf")));         /* too long */
	assert_false(text_is_utf8(BYTES("\xe0\x9f\xbf")));     /* too long */
	assert_false(text_is_utf8(BYTES("\xf0\x8f\xbf\xbf"))); /* too long */
	assert_false(text_is_utf8(BYTES("\xed\xa0\x80")));     /* surrogate */
	assert_false(text_is_utf8(BYTES("\xf4\x90\x80\x80"))); /* too high */
	assert_false(text_is_utf8(BYTES("\xf8\x88\x80\x80\x80")));
	assert_false(text_is_utf8(BYTES("a\xff")));
	assert_false(text_is_utf8(BYTES("\xe2\x82"))); /* cut off */
}

static void
plain_text_has_lines_and_tabs_but_no_other_control(void **state)
{
	(void)state;
	assert_true(text_is_plain(BYTES("one\ttwo\r\nthree")));
	assert_false(text_is_plain(BYTES("\x1b[2J")));
	assert_false(text_is_plain(BYTES("nul\0")));
	assert_false(text_is_plain(BYTES("\x7f")));
	assert_false(text_is_plain(BYTES("\xc2\x9b")));
}

static void
control_characters_are_made_visible(void **state)
{
	(void)state;
	EXPECT_VISIBLE("a\nb\tc\rd", "", "a\\nb\\tc\\rd");
	EXPECT_VISIBLE("\x1b[31m\x07\0\x7f", "", "\\x1b[31m\\x07\\x00\\x7f");
	EXPECT_VISIBLE("\xc2\x9b", "", "\\u009b");
	EXPECT_VISIBLE("caf\xc3\xa9", "", "caf\xc3\xa9");
}

static void
bytes_that_are_not_utf8_are_made_visible_one_by_one(void **state)
{
	(void)state;
	EXPECT_VISIBLE("\xff\xe2\x82", "", "\\xff\\xe2\\x82");
}

static void
what_is_to_be_kept_stays(void **state)
{
	(void)state;
	EXPECT_VISIBLE("a\nb\tc\0", "\n\t", "a\nb\tc\\x00");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_of_every_length_is_utf8),
		cmocka_unit_test(what_utf8_forbids_is_not_utf8),
		cmocka_unit_test(
			plain_text_has_lines_and_tabs_but_no_other_control),
		cmocka_unit_test(control_characters_are_made_visible),
		cmocka_unit_test(
			bytes_that_are_not_utf8_are_made_visible_one_by_one),
		cmocka_unit_test(what_is_to_be_kept_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
