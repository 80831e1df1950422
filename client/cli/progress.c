/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * The cursor is left at the beginning of the line, so that whatever is written
 * to the terminal meanwhile takes its place.
 */

#include "progress.h"

#include <stdarg.h>
#include <stdio.h>

#include "cli.h"
#include "connection.h"

/* What is done before that needs no words. */
#define PATIENCE_MS 1000
/* Between two lines. */
#define PAUSE_MS    200

void
progress_begin(struct progress *p)
{
	int64_t now = cli_now_ms();

	*p = (struct progress){
		.wanted = cli_can_erase(),
		.since = now,
		.next = now + PATIENCE_MS,
	};
}

void
progress_tell(struct progress *p, const char *format, ...)
{
	char line[80]; /* as short as a terminal is wide */
	va_list args;

	if (!p->wanted || cli_left(p->next) > 0)
		return;
	p->next = cli_now_ms() + PAUSE_MS;
	p->shown = true;
	cli_progress_stands(true);
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fprintf(stderr, "%s" CLI_ERASE "\r", line);
}

int
progress_step(struct progress *p, struct connection *n, struct pollfd *others,
              nfds_t n_others, int64_t deadline)
{
	int64_t until = deadline;
	int r;

	if (p->wanted && (deadline < 0 || p->next < deadline))
		until = p->next;
	r = connection_step(n, others, n_others, until);
	if (r == CLI_TIMEOUT && (deadline < 0 || cli_left(deadline) > 0))
		return CLI_OK;
	return r;
}

int
progress_seconds(const struct progress *p)
{
	return (int)((cli_now_ms() - p->since) / 1000);
}

void
progress_end(struct progress *p)
{
	if (p->shown)
		fputs(CLI_ERASE, stderr);
	p->shown = false;
	cli_progress_stands(false);
}
