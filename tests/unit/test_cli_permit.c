/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "client/cli/permit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const gid_t groups[] = { 100, 200 };

static enum permit
permit(uid_t uid, mode_t mode)
{
	const struct stat st = {
		.st_uid = 1000,
		.st_gid = 200,
		.st_mode = S_IFSOCK | mode,
	};
	const struct permit_who who = { uid, groups, uid == 1002 ? 1 : 2 };

	return permit_of(&st, &who);
}

static void
one_of_nine_bits_decides(void **state)
{
	(void)state;
	assert_int_equal(permit(0, 0), PERMIT_ROOT);
	assert_int_equal(permit(1000, 0600), PERMIT_OWNER);
	assert_int_equal(permit(1001, 0660), PERMIT_GROUP);
	assert_int_equal(permit(1002, 0666), PERMIT_OTHERS);
}

/* The owner is refused although everybody else is not. */
static void
and_no_other_helps(void **state)
{
	(void)state;
	assert_int_equal(permit(1000, 0066), PERMIT_NOT_OWNER);
	assert_int_equal(permit(1001, 0606), PERMIT_NOT_GROUP);
	assert_int_equal(permit(1002, 0660), PERMIT_NOT_MEMBER);
	assert_int_equal(permit(1002, 0600), PERMIT_NOBODY_ELSE);
	assert_false(permit_is_granted(PERMIT_NOT_OWNER));
	assert_true(permit_is_granted(PERMIT_OTHERS));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_nine_bits_decides),
		cmocka_unit_test(and_no_other_helps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
