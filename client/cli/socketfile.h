/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * socketfile - is there a socket at a path, may one use it, and does somebody
 * listen? What is not so becomes a finding, with the line that mends it.
 */
#ifndef UMBEL_CLI_SOCKETFILE_H
#define UMBEL_CLI_SOCKETFILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "findings.h"

struct socketfile {
	const char *subject; /* of the findings */
	const char *path;
	int kind;          /* SOCK_STREAM or SOCK_DGRAM */
	const char *start; /* a line that starts who should listen; or NULL */
	const char *avoid; /* a line that makes us look elsewhere; or NULL */
};

/* Does somebody listen there? */
bool socketfile_examine(const struct socketfile *s, struct findings *f);

/* Who holds, or held, the lock beside the socket: a pid, 0: not known. */
pid_t socketfile_keeper(const char *path);

/* The state of a process as ps has it: 'S', 'T'; 0: not known. */
char socketfile_process_state(pid_t pid);

#endif
