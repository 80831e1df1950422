/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * stalled - remembers for a while which clients were evicted for holding
 * publishers.
 *
 * A client that returns right after its eviction would hold the same publishers
 * again. It is identified by its user and the name that it gave itself.
 */
#ifndef UMBELD_STALLED_H
#define UMBELD_STALLED_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

/* How long a client is remembered, and how many are; beyond that the oldest are
   forgotten. */
#define STALLED_MS  60000u
#define STALLED_MAX 1024u

struct stalled {
	TAILQ_HEAD(, staller) list; /* oldest first */
	unsigned n;
};

void stalled_init(struct stalled *t);
void stalled_fini(struct stalled *t);

/* Remember a client from now on. If there is no memory, it is not
   remembered. */
void stalled_add(struct stalled *t, uid_t uid, const char *name);

bool stalled_has(const struct stalled *t, uid_t uid, const char *name);

#endif
