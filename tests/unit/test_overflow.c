/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/overflow.h"

#include <string.h>

#include "unit.h"

TEST(every_policy_is_read_from_its_name)
{
	static const enum overflow all[] = {
		OVERFLOW_BLOCK,
		OVERFLOW_DROP_OLDEST,
		OVERFLOW_DISCONNECT,
	};

	for (unsigned i = 0; i < COUNT(all); i++) {
		const char *name = overflow_name(all[i]);
		enum overflow got;

		assert_true(overflow_parse(name, (uint32_t)strlen(name), &got));
		assert_int_equal(got, all[i]);
	}
	assert_string_equal(overflow_name(OVERFLOW_BLOCK), "block");
	assert_string_equal(overflow_name(OVERFLOW_DROP_OLDEST), "drop-oldest");
	assert_string_equal(overflow_name(OVERFLOW_DISCONNECT), "disconnect");
}

TEST(no_other_word_is_a_policy)
{
	static const char *const words[] = { "",      "bloc",        "blocks",
		                             "Block", "drop_oldest", "drop" };

	for (unsigned i = 0; i < COUNT(words); i++) {
		enum overflow got = OVERFLOW_DISCONNECT;

		assert_false(overflow_parse(words[i],
		                            (uint32_t)strlen(words[i]), &got));
		assert_int_equal(got, OVERFLOW_DISCONNECT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_policy_is_read_from_its_name),
		cmocka_unit_test(no_other_word_is_a_policy),
	};

	return RUN(tests);
}
