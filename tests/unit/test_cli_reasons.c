/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/reasons.h"

static void
expect_reason(const char *word, unsigned token, const char *filter,
              const char *topic, const char *text)
{
	struct buf out = { 0 };
	enum why why;

	assert_true(reasons_parse(word, &why));
	reasons_append(&out, why, token, filter, topic);
	assert_non_null(strstr(buf_text(&out), text));
	buf_free(&out);
}

static void
every_reason_names_the_word_where_they_part(void **state)
{
	(void)state;
	expect_reason("differs", 2, "a.*.cc", "a.b.d",
	              "word 3 of the filter is cc, of the topic d");
	expect_reason("ends", 1, "a.b.c", "a", "wants b as word 2");
	expect_reason("goes_on", 1, "a", "a.bb.c", "goes on with bb as word 2");
	expect_reason("reserved", 0, "**", "$x", "begins with $");
	expect_reason("matches", 0, "a", "a", "");
}

static void
a_token_that_is_not_there_is_an_empty_word(void **state)
{
	(void)state;
	expect_reason("differs", 4000000000u, "a.b", "c",
	              "of the filter is , of the topic ");
}

static void
a_word_of_a_later_broker_is_none(void **state)
{
	enum why why;

	(void)state;
	assert_false(reasons_parse("sulks", &why));
	assert_false(reasons_parse("", &why));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_names_the_word_where_they_part),
		cmocka_unit_test(a_token_that_is_not_there_is_an_empty_word),
		cmocka_unit_test(a_word_of_a_later_broker_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
