/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * child - a shell command that runs beside us, with some bytes on its stdin,
 * and what it prints kept for us if we want it.
 */
#ifndef UMBEL_CLI_CHILD_H
#define UMBEL_CLI_CHILD_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "buf.h"

/* CHILD_NONE: no command. */
struct child {
	pid_t pid;        /* 0: none runs */
	int stdin_fd;     /* our end of its stdin, -1: done with it */
	const char *data; /* what it is still to read; not ours */
	size_t left;
	int stdout_fd;     /* our end of its stdout, -1: it has ours */
	struct buf output; /* what it has printed; stays after it has ended */
	int status;        /* as of waitpid(), of the last one that ended */
};
#define CHILD_NONE                              \
	{                                       \
		.stdin_fd = -1, .stdout_fd = -1 \
	}

/*
 * Start `sh -c command` with `env`, pairs of name and value up to a NULL (a
 * NULL value: unset). Without `data` it shares our stdin; otherwise `data` is
 * to stay until child_reap() says that it ended. With `capture` its stdout goes
 * to `output`. Returns 0 or -errno.
 */
int child_start(struct child *child, const char *command,
                const char *const *env, const char *data, size_t len,
                bool capture);

/* What to poll for; fd is -1 when there is nothing to feed, or to hear. */
struct pollfd child_poll(const struct child *child);
struct pollfd child_poll_output(const struct child *child);

/* Its stdin takes more; its stdout has some, of which a call takes a part. */
void child_feed(struct child *child);
void child_hear(struct child *child);

/* End it for good: no process, no memory. */
void child_free(struct child *child);

/* Has it ended, just now? */
bool child_reap(struct child *child);

/* "exit status 3", "signal 9" */
const char *child_fate(const struct child *child);

#endif
