/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "client/cli/users.h"

#include "unit.h"

#define NOBODY_HAS_IT 4123456789u

TEST(a_uid_without_a_name_is_its_digits)
{
	char name[32];

	assert_string_equal(users_name(0, name, sizeof(name)), "root");
	assert_string_equal(users_name(NOBODY_HAS_IT, name, sizeof(name)),
	                    "4123456789");
}

TEST(the_last_one_is_remembered_and_no_other)
{
	struct users_last last = { 0 };

	assert_string_equal(users_last_name(&last, NOBODY_HAS_IT),
	                    "4123456789");
	assert_string_equal(users_last_name(&last, 0), "root");
	last.name[0] = 'R';
	assert_string_equal(users_last_name(&last, 0), "Root");
	assert_string_equal(users_last_name(&last, NOBODY_HAS_IT),
	                    "4123456789");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_uid_without_a_name_is_its_digits),
		cmocka_unit_test(the_last_one_is_remembered_and_no_other),
	};

	return RUN(tests);
}
