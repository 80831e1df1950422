/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * progress - one line on stderr about what takes longer than a second, for who
 * sits at a terminal. It is written over as things go on, and gone when they
 * are done; a complaint in between stands in its place.
 */
#ifndef UMBEL_CLI_PROGRESS_H
#define UMBEL_CLI_PROGRESS_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct connection;

struct progress {
	bool wanted;   /* stderr is a terminal that can erase a line */
	bool shown;    /* there is a line now */
	int64_t since; /* cli_now_ms() */
	int64_t next;  /* when it is told again */
};

void progress_begin(struct progress *p);

/* The line, if it is time for one: cheap enough to be called all the time. */
void progress_tell(struct progress *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* connection_step(); CLI_OK, too, when it is time for another line. */
int progress_step(struct progress *p, struct connection *n,
                  struct pollfd *others, nfds_t n_others, int64_t deadline);

/* Whole seconds since the beginning. */
int progress_seconds(const struct progress *p);

/* Nothing of it is left on the terminal. */
void progress_end(struct progress *p);

#endif
