/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/stalled.h"

#include "stepped_clock.h"
#include "unit.h"

TEST(who_stalled_is_known_by_user_and_name)
{
	struct stalled t;

	stalled_init(&t);
	assert_false(stalled_has(&t, 1000, "ui"));
	stalled_add(&t, 1000, "ui");
	assert_true(stalled_has(&t, 1000, "ui"));
	assert_false(stalled_has(&t, 1001, "ui"));
	assert_false(stalled_has(&t, 1000, "u"));
	assert_false(stalled_has(&t, 1000, ""));
	stalled_add(&t, 1001, "");
	assert_true(stalled_has(&t, 1001, ""));
	stalled_fini(&t);
}

TEST(it_is_forgotten_after_60_s)
{
	struct stalled t;

	stalled_init(&t);
	stalled_add(&t, 1, "a");
	clock_step(30000);
	stalled_add(&t, 1, "b");
	clock_step(29999);
	assert_true(stalled_has(&t, 1, "a"));
	clock_step(1);
	assert_false(stalled_has(&t, 1, "a"));
	assert_true(stalled_has(&t, 1, "b"));
	clock_step(30000);
	assert_false(stalled_has(&t, 1, "b"));
	stalled_add(&t, 1, "c"); /* then their memory goes, too */
	assert_int_equal(t.n, 1);
	stalled_fini(&t);
}

TEST(who_stalls_again_is_remembered_anew_and_once)
{
	struct stalled t;

	stalled_init(&t);
	stalled_add(&t, 1, "a");
	clock_step(50000);
	stalled_add(&t, 1, "a");
	assert_int_equal(t.n, 1);
	clock_step(59999);
	assert_true(stalled_has(&t, 1, "a"));
	clock_step(1);
	assert_false(stalled_has(&t, 1, "a"));
	stalled_fini(&t);
}

TEST(of_too_many_the_oldest_is_forgotten)
{
	struct stalled t;

	stalled_init(&t);
	for (uid_t uid = 0; uid < STALLED_MAX + 3; uid++)
		stalled_add(&t, uid, "x");
	assert_int_equal(t.n, STALLED_MAX);
	for (uid_t uid = 0; uid < STALLED_MAX + 3; uid++)
		assert_int_equal(stalled_has(&t, uid, "x"), uid >= 3);
	stalled_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_stalled_is_known_by_user_and_name),
		cmocka_unit_test(it_is_forgotten_after_60_s),
		cmocka_unit_test(who_stalls_again_is_remembered_anew_and_once),
		cmocka_unit_test(of_too_many_the_oldest_is_forgotten),
	};

	return RUN(tests);
}
