/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/alarm.h"

#include <poll.h>
#include <unistd.h>

#include "broker/clock.h"
#include "unit.h"

static bool
rings_within(int alarm, int timeout_ms)
{
	struct pollfd p = { .fd = alarm, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

TEST(it_rings_when_the_time_has_come_and_not_before)
{
	int alarm = alarm_open();
	uint64_t from;

	assert_true(alarm >= 0);
	assert_false(rings_within(alarm, 0));
	from = clock_now_ms();
	assert_int_equal(alarm_set(alarm, 20), 0);
	assert_true(rings_within(alarm, 10000));
	/* the clock has whole milliseconds */
	assert_true(clock_now_ms() - from >= 19);
	close(alarm);
}

TEST(a_time_that_is_over_rings_at_once)
{
	int alarm = alarm_open();

	assert_int_equal(alarm_set(alarm, 0), 0);
	assert_true(rings_within(alarm, 10000));
	close(alarm);
}

TEST(it_rings_once)
{
	int alarm = alarm_open();

	assert_int_equal(alarm_set(alarm, 0), 0);
	assert_true(rings_within(alarm, 10000));
	alarm_silence(alarm);
	assert_false(rings_within(alarm, 5));
	alarm_silence(alarm); /* and has nothing against silence */
	close(alarm);
}

TEST(an_earlier_time_replaces_a_later_one)
{
	int alarm = alarm_open();

	assert_int_equal(alarm_set(alarm, UINT64_C(1) << 40), 0);
	assert_false(rings_within(alarm, 0));
	assert_int_equal(alarm_set(alarm, 1), 0);
	assert_true(rings_within(alarm, 10000));
	close(alarm);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			it_rings_when_the_time_has_come_and_not_before),
		cmocka_unit_test(a_time_that_is_over_rings_at_once),
		cmocka_unit_test(it_rings_once),
		cmocka_unit_test(an_earlier_time_replaces_a_later_one),
	};

	return RUN(tests);
}
