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

#include "list.h"

struct waiter {
	struct link link; /* first: a waiter is its link */
	void (*resume)(struct waiter *w);
	/* for memory: take what it needs, and say whether there is enough */
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

/* Before `next`; NULL: as the last one. */
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

/* Those in front who find what they need take it and go on; who does not keeps
   its place, and all behind it theirs. */
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
