/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * child - a shell command that runs beside us, with some bytes on its stdin.
 */
#ifndef UMBEL_CLI_CHILD_H
#define UMBEL_CLI_CHILD_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Zeros, with stdin_fd -1: no command. */
struct child {
	pid_t pid;        /* 0: none runs */
	int stdin_fd;     /* our end of its stdin, -1: done with it */
	const char *data; /* what it is still to read; not ours */
	size_t left;
	int status; /* as of waitpid(), of the last one that ended */
};

/*
 * Start `sh -c command` with `env`, pairs of name and value up to a NULL (a
 * NULL value: unset). Without `data` it shares our stdin; otherwise `data` is
 * to stay until child_reap() says that it ended. Returns 0 or -errno.
 */
int child_start(struct child *child, const char *command,
                const char *const *env, const char *data, size_t len);

/* What to poll for; fd is -1 when there is nothing to feed. */
struct pollfd child_poll(const struct child *child);

/* Its stdin takes more. */
void child_feed(struct child *child);

/* Has it ended, just now? */
bool child_reap(struct child *child);

/* "exit status 3", "signal 9" */
const char *child_fate(const struct child *child);

#endif
