/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "client/cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/cli/cli.h"

/* What is written to stderr, by `tell`. */
static void
expect_written(void (*tell)(struct progress *p), struct progress *p,
               const char *text)
{
	char written[256] = "";
	int before = dup(STDERR_FILENO);
	FILE *file = tmpfile();

	assert_non_null(file);
	dup2(fileno(file), STDERR_FILENO);
	tell(p);
	dup2(before, STDERR_FILENO);
	close(before);
	rewind(file);
	written[fread(written, 1, sizeof(written) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(written, text);
}

static void
tell_seven(struct progress *p)
{
	progress_tell(p, "%d lines ...", 7);
}

static void
what_is_done_within_a_second_is_not_told(void **state)
{
	struct progress p;

	(void)state;
	progress_begin(&p);
	p.wanted = true;
	expect_written(tell_seven, &p, "");
	expect_written(progress_end, &p, "");
}

static void
it_is_told_in_one_line_and_that_is_erased(void **state)
{
	struct progress p;

	(void)state;
	progress_begin(&p);
	p.wanted = true;
	p.next = cli_now_ms();
	expect_written(tell_seven, &p, "7 lines ...\x1b[K\r");
	expect_written(tell_seven, &p, ""); /* not time for another */
	expect_written(progress_end, &p, "\x1b[K");
	expect_written(progress_end, &p, "");
}

static void
without_a_terminal_nothing_is_told(void **state)
{
	struct progress p;

	(void)state;
	setenv("TERM", "dumb", 1);
	progress_begin(&p);
	p.next = cli_now_ms();
	expect_written(tell_seven, &p, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_done_within_a_second_is_not_told),
		cmocka_unit_test(it_is_told_in_one_line_and_that_is_erased),
		cmocka_unit_test(without_a_terminal_nothing_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
