/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/cli/buf.h"

#define EXPECT_BASE64(bytes, text)                        \
	do {                                              \
		struct buf b = { 0 };                     \
		buf_base64(&b, bytes, sizeof(bytes) - 1); \
		assert_string_equal(buf_text(&b), text);  \
		buf_free(&b);                             \
	} while (0)

static void
base64_is_that_of_rfc_4648(void **state)
{
	(void)state;
	EXPECT_BASE64("", "");
	EXPECT_BASE64("f", "Zg==");
	EXPECT_BASE64("fo", "Zm8=");
	EXPECT_BASE64("foo", "Zm9v");
	EXPECT_BASE64("foob", "Zm9vYg==");
	EXPECT_BASE64("foobar", "Zm9vYmFy");
	EXPECT_BASE64("\xfb\xff\xfe", "+//+");
}

static void
hex_is_lower_case(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_hex(&b, "\x00\xab\xff", 3);
	assert_string_equal(buf_text(&b), "00abff");
	buf_free(&b);
}

static void
what_is_appended_stays_in_order_while_it_grows(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "%04d", i);
	assert_int_equal(b.len, 40000);
	assert_memory_equal(b.at, "000000010002", 12);
	assert_memory_equal(b.at + 39996, "9999", 4);
	buf_free(&b);
	assert_null(b.at);
}

static void
appending_nothing_to_nothing_is_fine(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_append(&b, "", 0);
	assert_int_equal(b.len, 0);
	assert_string_equal(buf_text(&b), "");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_is_that_of_rfc_4648),
		cmocka_unit_test(hex_is_lower_case),
		cmocka_unit_test(
			what_is_appended_stays_in_order_while_it_grows),
		cmocka_unit_test(appending_nothing_to_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
