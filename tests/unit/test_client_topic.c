/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <string.h>

#include "client/umbel.h"
#include "unit.h"

TEST(tokens_become_a_topic)
{
	char buf[300];

	assert_int_equal(umbel_topic(buf, sizeof(buf), "host", "web1", "load",
	                             NULL),
	                 14);
	assert_string_equal(buf, "host.web1.load");
	assert_int_equal(umbel_topic(buf, sizeof(buf), "a", NULL), 1);
	assert_string_equal(buf, "a");
}

TEST(a_token_cannot_change_the_number_of_tokens)
{
	static const char *const bad[] = { "",   "a.b", ".",    "*",
		                           "a ", "a\n", "\xff", "a*" };
	char buf[300];

	for (unsigned i = 0; i < COUNT(bad); i++) {
		assert_int_equal(umbel_topic(buf, sizeof(buf), "host", bad[i],
		                             NULL),
		                 UMBEL_E_TOPIC);
		assert_string_equal(buf, "");
	}
	assert_int_equal(umbel_topic(buf, sizeof(buf), NULL, NULL),
	                 UMBEL_E_TOPIC);
}

TEST(what_does_not_fit_is_refused)
{
	char buf[300], tight[6] = "?????", token[300];

	assert_int_equal(umbel_topic(tight, sizeof(tight), "ab", "cd", NULL),
	                 5);
	assert_int_equal(umbel_topic(tight, sizeof(tight), "ab", "cde", NULL),
	                 -ENAMETOOLONG);
	assert_string_equal(tight, "");
	assert_int_equal(umbel_topic(tight, 0, "ab", NULL), -ENAMETOOLONG);
	memset(token, 'x', sizeof(token));
	token[255] = '\0';
	assert_int_equal(umbel_topic(buf, sizeof(buf), token, NULL), 255);
	assert_int_equal(umbel_topic(buf, sizeof(buf), token, "a", NULL),
	                 -ENAMETOOLONG);
	token[255] = 'x';
	token[299] = '\0';
	assert_int_equal(umbel_topic(buf, sizeof(buf), token, NULL),
	                 -ENAMETOOLONG);
}

TEST(the_questions_take_any_string)
{
	char longer[300];

	memset(longer, 'x', sizeof(longer));
	longer[256] = '\0';
	assert_false(umbel_topic_is_valid(longer));
	assert_false(umbel_filter_is_valid(longer));
	assert_false(umbel_topic_is_valid(NULL));
	assert_false(umbel_filter_is_valid(NULL));
	assert_true(umbel_topic_is_valid("a.b"));
	assert_true(umbel_filter_is_valid("a.*"));
	assert_true(umbel_filter_matches("a.*", "a.b"));
	assert_false(umbel_filter_matches("a.*", "a"));
	assert_false(umbel_filter_matches("a.**.b", "a.x.b"));
	assert_false(umbel_filter_matches("a.*", "a.*"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_become_a_topic),
		cmocka_unit_test(a_token_cannot_change_the_number_of_tokens),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(the_questions_take_any_string),
	};

	return RUN(tests);
}
