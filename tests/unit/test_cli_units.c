/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "client/cli/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SOCKET(active)                                                            \
	"Result=success\nId=umbeld.socket\nLoadState=loaded\nActiveState=" active \
	"\nSubState=listening\n"
#define SERVICE(load, active)                                  \
	"Result=exit-code\nId=umbeld.service\nLoadState=" load \
	"\nActiveState=" active "\nSubState=dead\n"

static void
each_block_is_a_unit(void **state)
{
	struct units u = { 0 };

	(void)state;
	units_parse(&u, SOCKET("active") "\n" SERVICE("not-found", "inactive"));
	assert_int_equal(u.n, 2);
	assert_string_equal(u.at[0].name, "umbeld.socket");
	assert_string_equal(u.at[0].active, "active");
	assert_string_equal(u.at[1].load, "not-found");
	units_parse(&u, "");
	assert_int_equal(u.n, 0);
	units_parse(&u, "what is this\n\n=\n\n");
	assert_int_equal(u.n, 0);
}

static void
what_is_not_installed_starts_nothing_and_is_not_told(void **state)
{
	struct findings f = { 0 };
	struct units u = { 0 };

	(void)state;
	units_parse(&u, SERVICE("not-found", "inactive"));
	units_examine(&u, true, &f);
	assert_int_equal(f.n, 0);
	assert_null(units_start(&u));
	units_parse(&u, SOCKET("inactive") "\n" SERVICE("not-found", "x"));
	assert_string_equal(units_start(&u),
	                    "sudo systemctl start umbeld.socket");
	u.user = true;
	assert_string_equal(units_start(&u),
	                    "systemctl --user start umbeld.socket");
}

static void
one_that_failed_is_wrong_if_it_is_ours(void **state)
{
	struct findings f = { 0 };
	struct units u = { 0 };

	(void)state;
	units_parse(&u, SERVICE("loaded", "failed"));
	units_examine(&u, true, &f);
	units_examine(&u, false, &f);
	assert_int_equal(f.at[0].grade, GRADE_WRONG);
	assert_int_equal(f.at[1].grade, GRADE_NOTE);
	assert_string_equal(f.at[0].text,
	                    "umbeld.service is failed (dead): exit-code");
	assert_string_equal(
		f.at[0].mend,
		"journalctl -u umbeld.service -n 20; sudo systemctl "
		"restart umbeld.service");
	findings_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_block_is_a_unit),
		cmocka_unit_test(
			what_is_not_installed_starts_nothing_and_is_not_told),
		cmocka_unit_test(one_that_failed_is_wrong_if_it_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
