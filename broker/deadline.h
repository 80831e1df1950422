/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * deadline - timeouts, each kind in a queue of its own.
 *
 * All deadlines of one queue have the same timeout, so the queue is in order of
 * time without sorting: setting, clearing and expiring cost the same whether
 * ten or ten thousand are set. All queues of a broker are in one list, in the
 * order in which they were initialized.
 */
#ifndef UMBELD_DEADLINE_H
#define UMBELD_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "list.h"

struct deadline {
	struct link link; /* first: it is cast to the deadline */
	uint64_t at_ms;
};

struct deadlines {
	struct link queues;
};

struct deadline_queue {
	struct link link; /* first, too; in struct deadlines */
	struct link head;
	uint32_t after_ms;
	/* called with the deadline cleared; may set and clear any */
	void (*expired)(struct deadline *d, void *user);
	void *user;
};

void deadlines_init(struct deadlines *all);

/* When the first deadline of all queues is due, or UINT64_MAX. */
uint64_t deadlines_next(const struct deadlines *all);

/* Expire what is due at `now_ms`, queue by queue, except what is set
   meanwhile. */
void deadlines_run(struct deadlines *all, uint64_t now_ms);

/* Add a queue to `all`. It must stay valid as long as `all` is used. */
void deadline_queue_init(struct deadline_queue *q, struct deadlines *all,
                         uint32_t after_ms,
                         void (*expired)(struct deadline *, void *),
                         void *user);

/* Set `d` to expire in q->after_ms. If it is already set, it moves to this
   queue. */
void deadline_set(struct deadline_queue *q, struct deadline *d);
void deadline_clear(struct deadline *d);

/* As if `d` had been set at `start_ms`; it must be alone in its queue. */
void deadline_set_from(struct deadline_queue *q, struct deadline *d,
                       uint64_t start_ms);

/* When the queue's first deadline is due, or UINT64_MAX. */
uint64_t deadline_queue_next(const struct deadline_queue *q);

static inline bool
deadline_is_set(const struct deadline *d)
{
	return link_is_in(&d->link);
}

#endif
