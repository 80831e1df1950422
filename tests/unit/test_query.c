/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/query.h"

#include "bytes.h"

static bool
reads(const char *hex, struct query *q)
{
	struct bytes b = { 0 };
	bool ok;

	put_hex(&b, hex);
	ok = query_read(b.at, b.len, q);
	/* the texts would dangle: nobody looks at them afterwards */
	bytes_free(&b);
	return ok;
}

TEST(nothing_and_an_empty_map_ask_for_everything)
{
	static const char *const cases[] = { "", "80", "de 00 00" };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct query q;

		assert_true(reads(cases[i], &q));
		assert_true(q.after == 0 && !q.after_text.at);
		assert_true(!q.topic.at && !q.filter.at);
		assert_true(q.session == QUERY_ANY && q.uid == QUERY_ANY);
	}
}

TEST(options_are_read_in_any_order_and_unknown_ones_stepped_over)
{
	static const uint8_t payload[] = "\x86\xa1z\x92\x01\x81\xa1y\xc0"
					 "\xa7session\x05\xa3uid\xcd\x03\xe8"
					 "\xa5topic\xa3"
					 "a.b\xa6"
					 "filter\xa2**\xa5"
					 "after\xcf\x00\x00\x00\x01\x00\x00\x00"
					 "\x02";
	struct query q;

	assert_true(query_read(payload, sizeof(payload) - 1, &q));
	assert_int_equal(q.session, 5);
	assert_int_equal(q.uid, 1000);
	assert_true(text_equals(q.topic, "a.b"));
	assert_true(text_equals(q.filter, "**"));
	assert_true(q.after == (UINT64_C(1) << 32 | 2));
	assert_null(q.after_text.at);
}

TEST(after_may_be_a_text)
{
	static const uint8_t payload[] = "\x81\xa5"
					 "after\xa2xy";
	struct query q;

	assert_true(query_read(payload, sizeof(payload) - 1, &q));
	assert_true(text_equals(q.after_text, "xy"));
	assert_int_equal(q.after, 0);
}

TEST(anything_but_one_map_of_such_options_is_refused)
{
	static const char *const cases[] = {
		"c0",                      /* no map */
		"91 80",                   /* a map in an array */
		"80 80",                   /* two */
		"81",                      /* cut off */
		"81 a1 61",                /* without its value */
		"81 01 02",                /* a key that is no text */
		"81 a1 ff 02",             /* a key that is no UTF-8 */
		"df ff ff ff ff",          /* an impossible count */
		"81 a3 75 69 64 ff",       /* uid: -1 */
		"81 a3 75 69 64 a1 31",    /* uid: "1" */
		"81 a5 74 6f 70 69 63 01", /* topic: 1 */
		"81 a5 74 6f 70 69 63 c4 01 61",
		"81 a5 61 66 74 65 72 c0",                   /* after: nil */
		"81 a1 78 d4 01 02",                         /* an ext */
		"81 a1 78 91 91 91 91 91 91 91 91 91 91 01", /* too deep */
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct query q;

		if (reads(cases[i], &q))
			fail_msg("%s was taken", cases[i]);
	}
}

/* Under a sanitizer: whatever comes, nothing else is read. */
TEST(random_bytes_are_read_without_harm)
{
	struct chance c = chance_new("query");

	for (unsigned k = 0; k < rounds(100000); k++) {
		uint8_t *data = malloc(24);
		size_t len = chance_below(&c, 24);
		struct query q;

		assert_non_null(data);
		for (size_t i = 0; i < len; i++)
			data[i] = (uint8_t)chance_any(&c);
		if (len > 8 && chance_one_in(&c, 2))
			memcpy(data, "\x82\xa3uid\x01", 6);
		data = realloc(data, len ? len : 1);
		query_read(data, len, &q);
		free(data);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_and_an_empty_map_ask_for_everything),
		cmocka_unit_test(
			options_are_read_in_any_order_and_unknown_ones_stepped_over),
		cmocka_unit_test(after_may_be_a_text),
		cmocka_unit_test(
			anything_but_one_map_of_such_options_is_refused),
		cmocka_unit_test(random_bytes_are_read_without_harm),
	};

	return RUN(tests);
}
