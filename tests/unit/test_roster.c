/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/roster.h"

#include "unit.h"

/* Nobody looks into a session: any address will do. */
static char people[20000];

static struct session *
person(uint32_t id)
{
	return (struct session *)(void *)&people[id];
}

TEST(who_is_there_is_found_and_who_is_not_is_not)
{
	struct roster r = { 0 };

	assert_null(roster_find(&r, 1));
	assert_null(roster_from(&r, 0));
	roster_remove(&r, 1);
	assert_int_equal(roster_add(&r, 7, person(7)), 0);
	assert_int_equal(roster_add(&r, 3, person(3)), 0);
	assert_int_equal(roster_add(&r, 8, person(8)), 0);
	assert_ptr_equal(roster_find(&r, 3), person(3));
	assert_null(roster_find(&r, 4));
	assert_ptr_equal(roster_from(&r, 0), person(3));
	assert_ptr_equal(roster_from(&r, 3), person(3));
	assert_ptr_equal(roster_from(&r, 4), person(7));
	assert_ptr_equal(roster_from(&r, 8), person(8));
	assert_null(roster_from(&r, 9));
	assert_null(roster_from(&r, UINT64_C(1) << 32));
	roster_remove(&r, 7);
	roster_remove(&r, 7);
	assert_null(roster_find(&r, 7));
	assert_ptr_equal(roster_from(&r, 4), person(8));
	/* the number comes round, and its empty seat is still there */
	assert_int_equal(roster_add(&r, 7, person(70)), 0);
	assert_ptr_equal(roster_find(&r, 7), person(70));
	assert_ptr_equal(roster_from(&r, 4), person(70));
	roster_remove(&r, 7);
	assert_null(roster_find(&r, 7));
	roster_fini(&r);
}

TEST(a_walk_meets_each_that_stays_once_while_others_come_and_go)
{
	struct chance c = chance_new("roster");
	static uint32_t met[COUNT(people)];
	static bool in[COUNT(people)];
	struct roster r = { 0 };
	struct session *s;
	uint32_t last = 0;
	uint64_t at = 0;

	while (last < 5000) {
		last++;
		assert_int_equal(roster_add(&r, last, person(last)), 0);
		in[last] = true;
	}
	while ((s = roster_from(&r, at))) {
		uint32_t id = (uint32_t)((char *)s - people);

		assert_true(id >= at);
		assert_true(in[id]);
		met[id]++;
		at = id + UINT64_C(1);
		/* those with even numbers stay */
		for (unsigned k = 0; k < 3; k++) {
			uint32_t gone = chance_below(&c, last) | 1;

			roster_remove(&r, gone);
			in[gone] = false;
			assert_null(roster_find(&r, gone));
		}
		if (chance_one_in(&c, 3) && last + 1 < COUNT(people)) {
			last++;
			assert_int_equal(roster_add(&r, last, person(last)), 0);
			in[last] = true;
		}
		assert_true(r.n_empty <= r.n / 2);
	}
	for (uint32_t id = 2; id <= 5000; id += 2)
		assert_int_equal(met[id], 1);
	roster_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_there_is_found_and_who_is_not_is_not),
		cmocka_unit_test(
			a_walk_meets_each_that_stays_once_while_others_come_and_go),
	};

	return RUN(tests);
}
