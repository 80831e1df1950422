/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/cli/child.h"
#include "client/cli/signals.h"

static const char *const no_env[] = { NULL };

/* Feed it until it has ended, and reap it. */
static void
finish(struct child *child)
{
	siginfo_t info;

	while (child->stdin_fd >= 0) {
		struct pollfd fd = child_poll(child);

		assert_int_equal(poll(&fd, 1, -1), 1);
		child_feed(child);
	}
	waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT);
	assert_true(child_reap(child));
	assert_int_equal(child->pid, 0);
}

static void
run(const char *command, const char *const *env, const char *data, size_t len,
    const char *fate)
{
	struct child child = { .stdin_fd = -1 };

	assert_int_equal(child_start(&child, command, env, data, len), 0);
	finish(&child);
	assert_string_equal(child_fate(&child), fate);
	assert_false(child_reap(&child));
}

static void
how_it_ended_is_told(void **state)
{
	(void)state;
	run("true", no_env, "", 0, "exit status 0");
	run("exit 3", no_env, "", 0, "exit status 3");
	run("kill -9 $$", no_env, "", 0, "signal 9");
	run("no-such-command 2>&-", no_env, "", 0, "exit status 127");
}

static void
its_stdin_is_what_it_was_given(void **state)
{
	(void)state;
	run("test \"$(cat)\" = abc", no_env, "abc", 3, "exit status 0");
	run("test -z \"$(cat)\"", no_env, "", 0, "exit status 0");
}

static void
more_than_a_pipe_holds_is_fed_bit_by_bit(void **state)
{
	size_t len = 1000000;
	char *data = malloc(len);

	(void)state;
	assert_non_null(data);
	memset(data, 'x', len);
	run("test $(wc -c) = 1000000", no_env, data, len, "exit status 0");
	free(data);
}

static void
it_need_not_read_what_it_was_given(void **state)
{
	size_t len = 1000000;
	char *data = malloc(len);

	(void)state;
	assert_non_null(data);
	memset(data, 'x', len);
	run("exec <&-; exit 5", no_env, data, len, "exit status 5");
	free(data);
}

static void
its_environment_is_ours_and_more(void **state)
{
	static const char *const env[] = { "CHILD_A", "new", "CHILD_B", NULL,
		                           NULL };

	(void)state;
	setenv("CHILD_A", "old", 1);
	setenv("CHILD_B", "old", 1);
	setenv("CHILD_C", "old", 1);
	run("test \"$CHILD_A${CHILD_B-none}$CHILD_C\" = newnoneold", env, "", 0,
	    "exit status 0");
	assert_string_equal(getenv("CHILD_A"), "old");
}

static void
a_broken_pipe_ends_it_as_it_would_end_anybody(void **state)
{
	(void)state;
	run("kill -PIPE $$", no_env, "", 0, "signal 13");
}

/* As the command does: without it, feeding one that does not read kills us. */
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
		cmocka_unit_test(how_it_ended_is_told),
		cmocka_unit_test(its_stdin_is_what_it_was_given),
		cmocka_unit_test(more_than_a_pipe_holds_is_fed_bit_by_bit),
		cmocka_unit_test(it_need_not_read_what_it_was_given),
		cmocka_unit_test(its_environment_is_ours_and_more),
		cmocka_unit_test(a_broken_pipe_ends_it_as_it_would_end_anybody),
	};

	return cmocka_run_group_tests(tests, watch_signals, NULL);
}
