/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/json.h"

#include <string.h>

#include "bytes.h"
#include "unit.h"

static void
expect(struct print *p, const char *want)
{
	print_bytes(p, "", 1);
	assert_false(p->failed);
	assert_string_equal(p->at, want);
	print_fini(p);
}

TEST(strings_are_quoted_and_escaped)
{
	struct print p = { 0 };

	json_print_text(&p, "a\"b\\c\n\t\x01\x7f\xc3\xa9");
	expect(&p, "\"a\\\"b\\\\c\\n\\u0009\\u0001\\u007f\xc3\xa9\"");
	json_print_string(&p, "\0", 1);
	expect(&p, "\"\\u0000\"");
	json_print_string(&p, "", 0);
	expect(&p, "\"\"");
}

TEST(bytes_that_are_no_text_do_not_break_it)
{
	struct print p = { 0 };

	json_print_string(&p, "a\xff\xc3", 3);
	expect(&p, "\"a\\ufffd\\ufffd\"");
}

TEST(base64_is_padded)
{
	struct print p = { 0 };

	json_print_base64(&p, "", 0);
	json_print_base64(&p, "f", 1);
	json_print_base64(&p, "fo", 2);
	json_print_base64(&p, "foo", 3);
	json_print_base64(&p, "\xff\xfe\xfd\xfc", 4);
	expect(&p, "\"\"\"Zg==\"\"Zm8=\"\"Zm9v\"\"//79/A==\"");
}

static bool
value(struct print *p, const char *hex)
{
	struct bytes b = { 0 };
	struct cursor c;
	bool ok;

	put_hex(&b, hex);
	c = cursor_over(b.at, b.len);
	ok = json_print_value(p, &c) && c.at == c.end;
	bytes_free(&b);
	return ok;
}

TEST(values_of_every_kind_and_depth)
{
	static const struct {
		const char *hex, *json;
	} cases[] = {
		{ "c0", "null" },
		{ "c3", "true" },
		{ "ff", "-1" },
		{ "cf ff ff ff ff ff ff ff ff", "18446744073709551615" },
		{ "cb 3f e0 00 00 00 00 00 00", "0.5" },
		{ "cb 7f f0 00 00 00 00 00 00", "null" },
		{ "c4 01 66", "{\"base64\":\"Zg==\"}" },
		{ "90", "[]" },
		{ "80", "{}" },
		{ "93 01 92 02 90 03", "[1,[2,[]],3]" },
		{ "82 a1 61 81 a1 62 91 c0 a1 63 01",
		  "{\"a\":{\"b\":[null]},\"c\":1}" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct print p = { 0 };

		assert_true(value(&p, cases[i].hex));
		expect(&p, cases[i].json);
	}
}

TEST(what_is_malformed_too_deep_or_no_object_is_refused)
{
	static const char *const bad[] = {
		"c1",
		"92 01",
		"81 01 01",
		"81 c4 01 61 01",
		"91 91 91 91 91 91 91 91 91 01",
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct print p = { 0 };

		assert_false(value(&p, bad[i]));
		print_fini(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_quoted_and_escaped),
		cmocka_unit_test(bytes_that_are_no_text_do_not_break_it),
		cmocka_unit_test(base64_is_padded),
		cmocka_unit_test(values_of_every_kind_and_depth),
		cmocka_unit_test(
			what_is_malformed_too_deep_or_no_object_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
