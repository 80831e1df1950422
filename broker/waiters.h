/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * waiters - who waits for room, first come first served.
 *
 * A waiter waits in one place at a time. When its turn comes it is taken off
 * and its `resume` is called, which must not do the work itself but see that
 * it is done soon (it is called from the middle of whatever made room).
 */
#ifndef UMBELD_WAITERS_H
#define UMBELD_WAITERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct waiters;

struct waiter {
	TAILQ_ENTRY(waiter) link;
	struct waiters *in; /* NULL: not waiting */
	void (*resume)(struct waiter *w);
};

struct waiters {
	TAILQ_HEAD(, waiter) list;
};

static inline void
waiters_init(struct waiters *ws)
{
	TAILQ_INIT(&ws->list);
}

static inline bool
waiters_are_empty(const struct waiters *ws)
{
	return TAILQ_EMPTY(&ws->list);
}

static inline void
waiters_add(struct waiters *ws, struct waiter *w)
{
	w->in = ws;
	TAILQ_INSERT_TAIL(&ws->list, w, link);
}

static inline void
waiter_leave(struct waiter *w)
{
	if (!w->in)
		return;
	TAILQ_REMOVE(&w->in->list, w, link);
	w->in = NULL;
}

static inline void
waiters_resume_all(struct waiters *ws)
{
	struct waiter *w;

	while ((w = TAILQ_FIRST(&ws->list))) {
		waiter_leave(w);
		w->resume(w);
	}
}

#endif
