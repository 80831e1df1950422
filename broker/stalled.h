/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * stalled - who was evicted for holding others up, remembered for a while.
 *
 * A client that comes back right after it was evicted would hold the same
 * others up again. It is known by its user and the name that it gave itself.
 */
#ifndef UMBELD_STALLED_H
#define UMBELD_STALLED_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

/* How long it is remembered, and how many are; beyond that the oldest are
   forgotten. */
#define STALLED_MS  60000u
#define STALLED_MAX 1024u

struct stalled {
	TAILQ_HEAD(, staller) list; /* oldest first */
	unsigned n;
};

void stalled_init(struct stalled *t);
void stalled_fini(struct stalled *t);

/* From now on. Without memory for it, it is not remembered. */
void stalled_add(struct stalled *t, uid_t uid, const char *name);

bool stalled_has(const struct stalled *t, uid_t uid, const char *name);

#endif
