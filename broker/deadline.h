/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * deadline - things that must happen in time, each kind in a queue of its own.
 *
 * All deadlines of one queue are equally far away when they are set, so the
 * queue is in order of time without sorting: setting, clearing and expiring
 * cost the same whether ten or ten thousand are set.
 */
#ifndef UMBELD_DEADLINE_H
#define UMBELD_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "list.h"

struct deadline {
	struct link link; /* first: a deadline is its link */
	uint64_t at_ms;
};

struct deadline_queue {
	struct link head;
	uint32_t after_ms;
	/* called with the deadline cleared; may set and clear any */
	void (*expired)(struct deadline *d, void *user);
	void *user;
};

void deadline_queue_init(struct deadline_queue *q, uint32_t after_ms,
                         void (*expired)(struct deadline *, void *),
                         void *user);

/* Set `d` to q->after_ms from now; if it is set already it moves. */
void deadline_set(struct deadline_queue *q, struct deadline *d);
void deadline_clear(struct deadline *d);

/* As if it had been set at `start_ms`; it has to be alone in its queue. */
void deadline_set_from(struct deadline_queue *q, struct deadline *d,
                       uint64_t start_ms);

static inline bool
deadline_is_set(const struct deadline *d)
{
	return link_is_in(&d->link);
}

/* When the queue's first deadline is due, or UINT64_MAX. */
uint64_t deadline_queue_next(const struct deadline_queue *q);

/* Expire what is due at `now_ms`. */
void deadline_queue_run(struct deadline_queue *q, uint64_t now_ms);

#endif
