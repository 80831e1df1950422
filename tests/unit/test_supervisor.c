/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/supervisor.h"

#include "unit.h"

/* What it does with one is for tests/system/test_systemd.py. */
TEST(without_one_nothing_is_handed_over_and_nobody_is_told)
{
	unsetenv("LISTEN_FDS");
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	assert_int_equal(supervisor_socket("/nowhere"), -1);
	assert_int_equal(supervisor_sockets(), 0);
	assert_int_equal(supervisor_watchdog_ms(), 0);
	assert_false(supervisor_is_missed());
	supervisor_tell("READY=1");
	supervisor_tell_reloading();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			without_one_nothing_is_handed_over_and_nobody_is_told),
	};

	return RUN(tests);
}
