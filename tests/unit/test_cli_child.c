/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <fcntl.h>
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
	struct child child = CHILD_NONE;

	assert_int_equal(child_start(&child, command, env, data, len, false),
	                 0);
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

static void
what_it_prints_is_kept_though_something_it_left_behind_holds_its_stdout(
	void **state)
{
	struct child child = CHILD_NONE;
	siginfo_t info;

	(void)state;
	assert_int_equal(
		child_start(&child, "printf abc; tail -f /dev/null & printf $!",
	                    no_env, "", 0, true),
		0);
	waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT);
	assert_true(child_reap(&child));
	assert_int_equal(child_poll_output(&child).fd, -1);
	buf_text(&child.output);
	assert_memory_equal(child.output.at, "abc", 3);
	assert_int_equal(kill(atoi(child.output.at + 3), SIGKILL), 0);
	child_free(&child);
}

static void
output_that_a_pipe_does_not_hold_is_heard_bit_by_bit(void **state)
{
	struct child child = CHILD_NONE;
	siginfo_t info;

	(void)state;
	assert_int_equal(child_start(&child, "head -c 1000000 /dev/zero",
	                             no_env, "", 0, true),
	                 0);
	while (child.stdout_fd >= 0) {
		struct pollfd fd = child_poll_output(&child);

		assert_int_equal(poll(&fd, 1, -1), 1);
		child_hear(&child);
	}
	assert_int_equal(child.output.len, 1000000);
	waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT);
	assert_true(child_reap(&child));
	child_free(&child);
}

static void
one_that_prints_without_end_is_heard_a_part_at_a_time(void **state)
{
	struct child child = CHILD_NONE;

	(void)state;
	child.stdout_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	assert_true(child.stdout_fd >= 0);
	for (unsigned i = 1; i <= 3; i++) {
		child_hear(&child);
		assert_in_range(child.output.len, i << 18, i << 21);
	}
	child_free(&child);
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
		cmocka_unit_test(
			what_it_prints_is_kept_though_something_it_left_behind_holds_its_stdout),
		cmocka_unit_test(
			output_that_a_pipe_does_not_hold_is_heard_bit_by_bit),
		cmocka_unit_test(
			one_that_prints_without_end_is_heard_a_part_at_a_time),
		cmocka_unit_test(a_broken_pipe_ends_it_as_it_would_end_anybody),
	};

	return cmocka_run_group_tests(tests, watch_signals, NULL);
}
