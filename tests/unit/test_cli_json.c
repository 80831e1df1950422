/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/json.h"

#define BYTES(literal) literal, sizeof(literal) - 1

static void
expect_json(const void *msgpack, size_t len, const char *json)
{
	struct buf out = { 0 };

	assert_true(json_from_msgpack(msgpack, len, &out));
	assert_string_equal(buf_text(&out), json);
	buf_free(&out);
}

static void
expect_no_json(const void *msgpack, size_t len)
{
	struct buf out = { 0 };

	buf_puts(&out, "before");
	assert_false(json_from_msgpack(msgpack, len, &out));
	assert_string_equal(buf_text(&out), "before");
	buf_free(&out);
}

static void
expect_msgpack(const char *json, const void *msgpack, size_t len)
{
	struct buf out = { 0 };
	struct buf why = { 0 };

	assert_true(json_to_msgpack(json, strlen(json), &out, &why));
	assert_int_equal(out.len, len);
	assert_memory_equal(out.at, msgpack, len);
	buf_free(&out);
	buf_free(&why);
}

static void
expect_invalid(const char *json, size_t len)
{
	struct buf why = { 0 };

	assert_false(json_is_valid(json, len, &why));
	assert_true(why.len > 0);
	buf_free(&why);
}

static void
expect_valid(const char *json)
{
	struct buf why = { 0 };

	assert_true(json_is_valid(json, strlen(json), &why));
	buf_free(&why);
}

static void
expect_squeezed(const char *json, const char *squeezed)
{
	struct buf out = { 0 };

	json_append_squeezed(&out, json, strlen(json));
	assert_string_equal(buf_text(&out), squeezed);
	buf_free(&out);
}

/* ---- msgpack to JSON ---------------------------------------------------- */

static void
scalars_of_msgpack_become_json(void **state)
{
	(void)state;
	expect_json(BYTES("\xc0"), "null");
	expect_json(BYTES("\xc2"), "false");
	expect_json(BYTES("\xc3"), "true");
	expect_json(BYTES("\x00"), "0");
	expect_json(BYTES("\x7f"), "127");
	expect_json(BYTES("\xff"), "-1");
	expect_json(BYTES("\xe0"), "-32");
	expect_json(BYTES("\xcc\xff"), "255");
	expect_json(BYTES("\xcd\x01\x00"), "256");
	expect_json(BYTES("\xce\xff\xff\xff\xff"), "4294967295");
	expect_json(BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
	            "18446744073709551615");
	expect_json(BYTES("\xd0\x80"), "-128");
	expect_json(BYTES("\xd1\x80\x00"), "-32768");
	expect_json(BYTES("\xd2\x80\x00\x00\x00"), "-2147483648");
	expect_json(BYTES("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
	            "-9223372036854775808");
	expect_json(BYTES("\xca\x3f\xc0\x00\x00"), "1.5");
	expect_json(BYTES("\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a"), "0.1");
	expect_json(BYTES("\xcb\x40\x00\x00\x00\x00\x00\x00\x00"), "2.0");
	expect_json(BYTES("\xa3"
	                  "a\"\n"),
	            "\"a\\\"\\n\"");
	expect_json(BYTES("\xd9\x01z"), "\"z\"");
	expect_json(BYTES("\xda\x00\x01z"), "\"z\"");
	expect_json(BYTES("\xdb\x00\x00\x00\x01z"), "\"z\"");
}

static void
what_json_has_no_number_for_is_null(void **state)
{
	(void)state;
	expect_json(BYTES("\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"), "null");
	expect_json(BYTES("\xca\x7f\xc0\x00\x00"), "null");
}

static void
arrays_and_maps_of_every_width_become_json(void **state)
{
	(void)state;
	expect_json(BYTES("\x90"), "[]");
	expect_json(BYTES("\x92\x01\x91\x02"), "[1,[2]]");
	expect_json(BYTES("\xdc\x00\x01\x05"), "[5]");
	expect_json(BYTES("\xdd\x00\x00\x00\x01\x05"), "[5]");
	expect_json(BYTES("\x80"), "{}");
	expect_json(BYTES("\x82\xa1"
	                  "b\x01\xa1"
	                  "a\x80"),
	            "{\"b\":1,\"a\":{}}");
	expect_json(BYTES("\xde\x00\x01\xa0\xc0"), "{\"\":null}");
	expect_json(BYTES("\xdf\x00\x00\x00\x01\xa0\xc0"), "{\"\":null}");
}

static void
bytes_and_extensions_become_base64(void **state)
{
	(void)state;
	expect_json(BYTES("\xc4\x03"
	                  "foo"),
	            "{\"base64\":\"Zm9v\"}");
	expect_json(BYTES("\xa1\xff"), "{\"base64\":\"/w==\"}");
	expect_json(BYTES("\xd4\xff"
	                  "f"),
	            "{\"ext\":-1,\"base64\":\"Zg==\"}");
	expect_json(BYTES("\xc7\x03\x05"
	                  "foo"),
	            "{\"ext\":5,\"base64\":\"Zm9v\"}");
}

static void
keys_that_are_scalars_are_put_in_quotes(void **state)
{
	(void)state;
	expect_json(BYTES("\x83\x01\x01\xc0\x02\xff\x03"),
	            "{\"1\":1,\"null\":2,\"-1\":3}");
	expect_no_json(BYTES("\x81\x90\x01"));
	expect_no_json(BYTES("\x81\xc4\x01x\x01"));
}

static void
what_is_cut_off_or_goes_on_is_no_value(void **state)
{
	static const char whole[] = "\x82\xa1"
				    "a\x92\xcd\x01\x00\xcb\x3f\xb9\x99\x99\x99"
				    "\x99\x99\x9a\xa1"
				    "b\xc4\x02xy";

	(void)state;
	for (size_t len = 0; len < sizeof(whole) - 1; len++)
		expect_no_json(whole, len);
	expect_json(BYTES(whole), "{\"a\":[256,0.1],"
	                          "\"b\":{\"base64\":\"eHk=\"}}");
	expect_no_json(whole, sizeof(whole)); /* and a NUL */
	expect_no_json(BYTES("\xc1"));
}

static void
claimed_counts_are_not_believed(void **state)
{
	(void)state;
	expect_no_json(BYTES("\xdd\xff\xff\xff\xff"));
	expect_no_json(BYTES("\xdf\xff\xff\xff\xff\x01"));
	expect_no_json(BYTES("\xc6\xff\xff\xff\xff"
	                     "abc"));
	expect_no_json(BYTES("\xdb\xff\xff\xff\xff"
	                     "abc"));
}

static void
nesting_ends_at_64(void **state)
{
	char deep[100];
	struct buf out = { 0 };

	(void)state;
	memset(deep, 0x91, sizeof(deep));
	deep[63] = 1;
	assert_true(json_from_msgpack(deep, 64, &out));
	deep[63] = (char)0x91;
	deep[64] = 1;
	assert_false(json_from_msgpack(deep, 65, &out));
	buf_free(&out);
}

/* ---- JSON to msgpack ---------------------------------------------------- */

static void
json_becomes_the_shortest_msgpack(void **state)
{
	(void)state;
	expect_msgpack("null", BYTES("\xc0"));
	expect_msgpack("[true,false]", BYTES("\x92\xc3\xc2"));
	expect_msgpack("5", BYTES("\x05"));
	expect_msgpack("-33", BYTES("\xd0\xdf"));
	expect_msgpack("256", BYTES("\xcd\x01\x00"));
	expect_msgpack("9223372036854775807",
	               BYTES("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"));
	expect_msgpack("0.5", BYTES("\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00"));
	expect_msgpack("{\"b\":\"x\\u0000y\",\"a\":[]}", BYTES("\x82\xa1"
	                                                       "b\xa3x\0y\xa1"
	                                                       "a\x90"));
}

static void
what_would_be_lost_is_refused(void **state)
{
	static const char *const lossy[] = {
		"18446744073709551616", /* no such integer */
		"1e999",
		"{\"a\":1,\"a\":2}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lossy) / sizeof(lossy[0]); i++) {
		struct buf out = { 0 };
		struct buf why = { 0 };

		assert_false(json_to_msgpack(lossy[i], strlen(lossy[i]), &out,
		                             &why));
		assert_true(why.len > 0);
		assert_int_equal(out.len, 0);
		buf_free(&why);
	}
}

static void
there_and_back_is_the_same(void **state)
{
	static const char json[] = "{\"t\":21.5,\"n\":[1,-2,null,true],"
				   "\"s\":\"gr\xc3\xbc\xc3\x9f\",\"e\":{}}";
	struct buf msgpack = { 0 };
	struct buf why = { 0 };

	(void)state;
	assert_true(json_to_msgpack(BYTES(json), &msgpack, &why));
	expect_json(msgpack.at, msgpack.len, json);
	buf_free(&msgpack);
}

/* ---- JSON --------------------------------------------------------------- */

static void
any_one_json_value_is_valid(void **state)
{
	(void)state;
	expect_valid("{\"a\": [1, 2.5, \"x\"]}");
	expect_valid("  3 ");
	expect_valid("\"\\u0000\"");
	expect_valid("123456789012345678901234567890");
	expect_valid("1e400");
	expect_valid("[-1.5E+999, \"\\\\\", {\"1e1000\": 10e-9999}]");
}

static void
what_is_not_one_json_value_is_invalid(void **state)
{
	(void)state;
	expect_invalid(BYTES(""));
	expect_invalid(BYTES("{"));
	expect_invalid(BYTES("1 2"));
	expect_invalid(BYTES("nope"));
	expect_invalid(BYTES("\"\xff\""));
	expect_invalid(BYTES("[1,]"));
	expect_invalid(BYTES("1\0"));
	expect_invalid(BYTES("01e400"));
	expect_invalid(BYTES("1e400x"));
	expect_invalid(BYTES("[1e400, 1.]"));
	expect_invalid(BYTES("\"\\\" 1e400"));
}

static void
squeezing_takes_white_space_between_parts_alone(void **state)
{
	(void)state;
	expect_squeezed("{ \"a b\" :\n\t[ 1.50, -0 ] }\r\n",
	                "{\"a b\":[1.50,-0]}");
	expect_squeezed("\"a \\\" b\\\\\" ", "\"a \\\" b\\\\\"");
	expect_squeezed("\"\x7f\xc2\x9b\"", "\"\\u007f\\u009b\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_of_msgpack_become_json),
		cmocka_unit_test(what_json_has_no_number_for_is_null),
		cmocka_unit_test(arrays_and_maps_of_every_width_become_json),
		cmocka_unit_test(bytes_and_extensions_become_base64),
		cmocka_unit_test(keys_that_are_scalars_are_put_in_quotes),
		cmocka_unit_test(what_is_cut_off_or_goes_on_is_no_value),
		cmocka_unit_test(claimed_counts_are_not_believed),
		cmocka_unit_test(nesting_ends_at_64),
		cmocka_unit_test(json_becomes_the_shortest_msgpack),
		cmocka_unit_test(what_would_be_lost_is_refused),
		cmocka_unit_test(there_and_back_is_the_same),
		cmocka_unit_test(any_one_json_value_is_valid),
		cmocka_unit_test(what_is_not_one_json_value_is_invalid),
		cmocka_unit_test(
			squeezing_takes_white_space_between_parts_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
