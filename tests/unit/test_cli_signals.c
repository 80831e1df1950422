/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/cli/signals.h"

static bool
is_readable(void)
{
	struct pollfd fd = { .fd = signals_fd(), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

static void
a_signal_that_asks_for_an_end_is_remembered(void **state)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		assert_int_equal(signals_end(), 0);
		raise(ends[i]);
		assert_int_equal(signals_end(), ends[i]);
		assert_true(is_readable());
		signals_take();
		assert_false(is_readable());
		assert_int_equal(signals_end(), ends[i]);
		signals_forgive();
	}
}

static void
a_child_that_ends_only_wakes(void **state)
{
	(void)state;
	raise(SIGCHLD);
	assert_true(is_readable());
	assert_int_equal(signals_end(), 0);
	signals_take();
}

static void
a_flood_of_signals_does_not_block(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++)
		raise(SIGCHLD);
	signals_take();
	assert_false(is_readable());
}

/* What a process that was started with this disposition makes of SIGHUP. */
static int
end_of_child(void (*disposition)(int), bool restored)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGHUP, disposition);
		signals_watch();
		if (restored)
			signals_restore();
		raise(SIGHUP);
		_exit(signals_end());
	}
	waitpid(pid, &status, 0);
	return status;
}

static void
what_was_ignored_stays_so(void **state)
{
	(void)state;
	assert_int_equal(end_of_child(SIG_IGN, false), 0);
	assert_int_equal(end_of_child(SIG_IGN, true), 0);
}

static void
what_was_not_is_caught_until_it_is_restored(void **state)
{
	int status = end_of_child(SIG_DFL, false);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), SIGHUP);
	status = end_of_child(SIG_DFL, true);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGHUP);
}

static int
watch_signals(void **state)
{
	(void)state;
	signals_watch();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_that_asks_for_an_end_is_remembered),
		cmocka_unit_test(a_child_that_ends_only_wakes),
		cmocka_unit_test(a_flood_of_signals_does_not_block),
		cmocka_unit_test(what_was_ignored_stays_so),
		cmocka_unit_test(what_was_not_is_caught_until_it_is_restored),
	};

	return cmocka_run_group_tests(tests, watch_signals, NULL);
}
