/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "deadline.h"

#include "clock.h"

void
deadline_queue_init(struct deadline_queue *q, uint32_t after_ms,
                    void (*expired)(struct deadline *, void *), void *user)
{
	TAILQ_INIT(&q->list);
	q->after_ms = after_ms;
	q->expired = expired;
	q->user = user;
}

void
deadline_set(struct deadline_queue *q, struct deadline *d)
{
	deadline_clear(d);
	d->at_ms = clock_now_ms() + q->after_ms;
	d->in = q;
	TAILQ_INSERT_TAIL(&q->list, d, link);
}

void
deadline_clear(struct deadline *d)
{
	if (!d->in)
		return;
	TAILQ_REMOVE(&d->in->list, d, link);
	d->in = NULL;
}

uint64_t
deadline_queue_next(const struct deadline_queue *q)
{
	const struct deadline *first = TAILQ_FIRST(&q->list);

	return first ? first->at_ms : UINT64_MAX;
}

void
deadline_queue_run(struct deadline_queue *q, uint64_t now_ms)
{
	struct deadline *d;

	while ((d = TAILQ_FIRST(&q->list)) && d->at_ms <= now_ms) {
		deadline_clear(d);
		q->expired(d, q->user);
	}
}
