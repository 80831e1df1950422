/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/cli/show.h"

#define BYTES(literal) literal, sizeof(literal) - 1
#define MAP        \
	"\x81\xa1" \
	"a\x01"

static void
expect_line(const char *type, const void *data, size_t len, const char *text)
{
	struct buf out = { 0 };

	show_payload(&out, type, data, len);
	assert_string_equal(buf_text(&out), text);
	buf_free(&out);
}

static void
expect_members(const char *type, const void *data, size_t len, const char *text)
{
	struct buf out = { 0 };

	show_payload_members(&out, type, data, len);
	assert_string_equal(buf_text(&out), text);
	buf_free(&out);
}

static void
without_a_content_type_utf8_is_text(void **state)
{
	(void)state;
	expect_line(NULL,
	            BYTES("21.5 \xc2\xb0"
	                  "C"),
	            "21.5 \xc2\xb0"
	            "C");
	expect_line(NULL, BYTES("{\"a\": 1}"), "{\"a\": 1}");
	expect_line(NULL, BYTES("two\nlines"), "two\\nlines");
}

static void
the_newline_that_ends_a_text_is_that_of_the_line(void **state)
{
	(void)state;
	expect_line(NULL, BYTES("printed\n"), "printed");
	expect_line("text", BYTES("two\nlines\n"), "two\\nlines");
	expect_line(NULL, BYTES("\n\n"), "\\n");
	expect_line(NULL, BYTES("\n"), "\\n");
	expect_members(NULL, BYTES("printed\n"),
	               "\"payload\":\"printed\\n\",\"encoding\":\"text\"");
}

static void
without_a_content_type_one_map_or_array_is_json(void **state)
{
	(void)state;
	expect_line(NULL, BYTES(MAP), "{\"a\":1}");
	expect_line(NULL, BYTES("\x92\x01\x02"), "[1,2]");
	expect_line(NULL, BYTES("\xdc\x00\x01\x07"), "[7]");
}

static void
without_a_content_type_all_else_is_hex(void **state)
{
	(void)state;
	expect_line(NULL, BYTES(MAP "\x01"), "0x81a1610101");
	expect_line(NULL, BYTES("\x1b[2J"), "0x1b5b324a");
	expect_line(NULL, BYTES("\xc3"), "0xc3");
	expect_line(NULL, BYTES("a\0b"), "0x610062");
}

static void
the_content_type_decides(void **state)
{
	(void)state;
	expect_line("text", BYTES("\x1b[2J\xff"), "\\x1b[2J\\xff");
	expect_line("text/plain; charset=utf-8", BYTES("x\0"), "x\\x00");
	expect_line("json", BYTES("{\n \"a\": 1\n}"), "{\"a\":1}");
	expect_line("application/geo+json", BYTES("[ 1 ]"), "[1]");
	expect_line("Application/JSON; charset=utf-8", BYTES("[ 1 ]"), "[1]");
	expect_line("msgpack", BYTES("\xc3"), "true");
	expect_line("application/vnd.msgpack", BYTES("\x05"), "5");
	expect_line("image/png", BYTES("\x89PNG"), "0x89504e47");
	expect_line("image/svg", BYTES("<svg>"), "<svg>");
}

static void
a_content_type_that_is_not_true_decides_nothing(void **state)
{
	(void)state;
	expect_line("json", BYTES("{oops"), "{oops");
	expect_line("json", BYTES(MAP), "{\"a\":1}");
	expect_line("msgpack", BYTES("\xc1"), "0xc1");
	expect_line("msgpack", BYTES("plain"), "plain");
}

static void
members_of_an_object_say_how_the_payload_is_written(void **state)
{
	(void)state;
	expect_members(NULL, BYTES("say \"hi\""),
	               "\"payload\":\"say \\\"hi\\\"\",\"encoding\":\"text\"");
	expect_members(NULL, BYTES(""),
	               "\"payload\":\"\",\"encoding\":\"text\"");
	expect_members("json", BYTES("[ 1 ]"),
	               "\"payload\":[1],\"encoding\":\"json\"");
	expect_members(NULL, BYTES(MAP),
	               "\"payload\":{\"a\":1},\"encoding\":\"msgpack\"");
	expect_members(NULL, BYTES("\xff"),
	               "\"payload\":\"/w==\",\"encoding\":\"base64\"");
	expect_members("text", BYTES("\xff"),
	               "\"payload\":\"/w==\",\"encoding\":\"base64\"");
	expect_members("text", BYTES("\x1b"),
	               "\"payload\":\"\\u001b\",\"encoding\":\"text\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_content_type_utf8_is_text),
		cmocka_unit_test(
			the_newline_that_ends_a_text_is_that_of_the_line),
		cmocka_unit_test(
			without_a_content_type_one_map_or_array_is_json),
		cmocka_unit_test(without_a_content_type_all_else_is_hex),
		cmocka_unit_test(the_content_type_decides),
		cmocka_unit_test(
			a_content_type_that_is_not_true_decides_nothing),
		cmocka_unit_test(
			members_of_an_object_say_how_the_payload_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
