/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * waiters - a queue of those who wait for room, first come first served.
 *
 * A waiter waits in one queue at a time. When its turn comes it is removed and
 * its `resume` is called. `resume` must not do the work itself but schedule it,
 * because it is called from the middle of whatever made room.
 */
#ifndef UMBELD_WAITERS_H
#define UMBELD_WAITERS_H

#include "list.h"

struct waiter {
	struct link link; /* first: it is cast to the waiter */
	void (*resume)(struct waiter *w);
	/* only for memory: try to take what is needed, and say whether it
	   worked */
	bool (*take)(struct waiter *w);
};

struct waiters {
	struct link head;
};

static inline void
waiters_init(struct waiters *ws)
{
	list_init(&ws->head);
}

static inline bool
waiters_are_empty(const struct waiters *ws)
{
	return list_is_empty(&ws->head);
}

static inline bool
waiter_is_waiting(const struct waiter *w)
{
	return link_is_in(&w->link);
}

static inline void
waiters_add(struct waiters *ws, struct waiter *w)
{
	list_append(&ws->head, &w->link);
}

/* Insert before `next`, or at the end if `next` is NULL. */
static inline void
waiters_insert(struct waiters *ws, struct waiter *w, struct waiter *next)
{
	list_append(next ? &next->link : &ws->head, &w->link);
}

static inline struct waiter *
waiters_first(const struct waiters *ws)
{
	return (struct waiter *)list_first(&ws->head);
}

static inline struct waiter *
waiters_next(const struct waiters *ws, const struct waiter *w)
{
	return (struct waiter *)list_next(&ws->head, &w->link);
}

static inline void
waiter_leave(struct waiter *w)
{
	link_leave(&w->link);
}

/* Serve from the front as long as each waiter can take what it needs; stop at
   the first that cannot. It and all behind it keep their places. */
static inline void
waiters_serve(struct waiters *ws)
{
	struct waiter *w;

	while ((w = waiters_first(ws)) && w->take(w)) {
		waiter_leave(w);
		w->resume(w);
	}
}

static inline void
waiters_resume_all(struct waiters *ws)
{
	struct waiter *w;

	while ((w = waiters_first(ws))) {
		waiter_leave(w);
		w->resume(w);
	}
}

#endif
