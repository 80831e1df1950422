/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "deadline.h"

#include <assert.h>

#include "clock.h"

void
deadlines_init(struct deadlines *all)
{
	list_init(&all->queues);
}

void
deadline_queue_init(struct deadline_queue *q, struct deadlines *all,
                    uint32_t after_ms,
                    void (*expired)(struct deadline *, void *), void *user)
{
	list_append(&all->queues, &q->link);
	list_init(&q->head);
	q->after_ms = after_ms;
	q->expired = expired;
	q->user = user;
}

void
deadline_set(struct deadline_queue *q, struct deadline *d)
{
	deadline_clear(d);
	d->at_ms = clock_now_ms() + q->after_ms;
	list_append(&q->head, &d->link);
}

void
deadline_set_from(struct deadline_queue *q, struct deadline *d,
                  uint64_t start_ms)
{
	deadline_clear(d);
	assert(list_is_empty(&q->head));
	d->at_ms = start_ms + q->after_ms;
	list_append(&q->head, &d->link);
}

void
deadline_clear(struct deadline *d)
{
	link_leave(&d->link);
}

static struct deadline *
first_of(const struct deadline_queue *q)
{
	return (struct deadline *)list_first(&q->head);
}

uint64_t
deadline_queue_next(const struct deadline_queue *q)
{
	const struct deadline *first = first_of(q);

	return first ? first->at_ms : UINT64_MAX;
}

static struct deadline_queue *
queue_of(struct link *l)
{
	return (struct deadline_queue *)l;
}

uint64_t
deadlines_next(const struct deadlines *all)
{
	uint64_t next = UINT64_MAX;

	for (struct link *l = list_first(&all->queues); l;
	     l = list_next(&all->queues, l)) {
		uint64_t at = deadline_queue_next(queue_of(l));

		if (at < next)
			next = at;
	}
	return next;
}

static void
run(struct deadline_queue *q, uint64_t now_ms)
{
	struct link due, *l;
	struct deadline *d;

	/* a deadline that is set meanwhile is left for the next run, even if it
	   is due at once */
	list_init(&due);
	while ((d = first_of(q)) && d->at_ms <= now_ms) {
		link_leave(&d->link);
		list_append(&due, &d->link);
	}
	while ((l = list_take_first(&due)))
		q->expired((struct deadline *)l, q->user);
}

void
deadlines_run(struct deadlines *all, uint64_t now_ms)
{
	for (struct link *l = list_first(&all->queues); l;
	     l = list_next(&all->queues, l))
		run(queue_of(l), now_ms);
}
