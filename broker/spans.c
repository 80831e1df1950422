/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "spans.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/frame.h"

#define FIRST_SPANS 4u

void
spans_init(struct spans *q, struct slab_pool *pool)
{
	*q = (struct spans){ .cap = 1, .pool = pool };
	q->at = &q->one;
}

/* The memory is given back last, because that may serve waiters for memory. */
static void
change_ring(struct spans *q, struct span *at, uint32_t cap)
{
	struct span *old = q->at;
	size_t size = q->cap * sizeof(*old);

	q->at = at;
	q->cap = cap;
	q->first = 0;
	q->hole = 0;
	if (old == &q->one)
		return;
	free(old);
	slab_pool_uncharge(q->pool, size);
}

void
spans_clear(struct spans *q)
{
	for (uint32_t i = 0; i < q->n; i++)
		slab_unref(spans_at(q, i)->slab);
	q->n = 0;
	q->place = 0;
	change_ring(q, &q->one, 1);
}

static int
move_to_ring(struct spans *q, uint32_t cap)
{
	struct span *at = malloc(cap * sizeof(*at));

	if (!at)
		return -ENOMEM;
	for (uint32_t i = 0; i < q->n; i++)
		at[i] = *spans_at(q, i);
	slab_pool_charge(q->pool, cap * sizeof(*at));
	change_ring(q, at, cap);
	return 0;
}

/* Close the hole by moving what stands before the place up to it. The hole is
   at least as large, so the move costs no more than the removals did. */
static void
fill_hole(struct spans *q)
{
	uint32_t mask = q->cap - 1;

	if (q->hole < q->place)
		return;
	for (uint32_t i = q->place; i-- > 0;)
		q->at[(q->first + q->hole + i) & mask] =
			q->at[(q->first + i) & mask];
	q->first = (q->first + q->hole) & mask;
	q->hole = 0;
}

static bool
has_room(const struct spans *q, uint32_t n)
{
	return q->n + q->hole + n <= q->cap;
}

int
spans_reserve(struct spans *q, uint32_t n)
{
	if (has_room(q, n))
		return 0;
	fill_hole(q);
	if (has_room(q, n))
		return 0;
	return move_to_ring(q, q->cap > 1 ? q->cap * 2 : FIRST_SPANS);
}

/* Shrink to about twice the contents, so that the ring can both grow and shrink
   before it is moved again. */
void
spans_fit(struct spans *q)
{
	uint32_t cap = FIRST_SPANS;

	if (q->cap <= FIRST_SPANS || q->n >= q->cap / 8)
		return;
	while (cap < 2 * q->n)
		cap *= 2;
	(void)move_to_ring(q, cap);
}

void
spans_append(struct spans *q, const struct span *s)
{
	q->n++;
	*spans_last(q) = *s;
}

/* Once nothing stands before the place, the hole becomes free elements. */
static void
close_hole(struct spans *q)
{
	if (q->place > 0)
		return;
	q->first = (q->first + q->hole) & (q->cap - 1);
	q->hole = 0;
}

void
spans_drop_first(struct spans *q)
{
	slab_unref(spans_at(q, 0)->slab);
	q->first = (q->first + 1) & (q->cap - 1);
	q->n--;
	if (q->place > 0) {
		q->place--;
		close_hole(q);
	}
}

void
spans_shorten(struct spans *q, uint32_t n)
{
	q->n = n;
	if (q->place > n)
		q->place = n;
	close_hole(q);
}

void
spans_truncate(struct spans *q, uint32_t n)
{
	for (uint32_t i = n; i < q->n; i++)
		slab_unref(spans_at(q, i)->slab);
	spans_shorten(q, n);
}

void
spans_pass(struct spans *q)
{
	const struct span s = *spans_at(q, q->place);

	q->place++;
	*spans_at(q, q->place - 1) = s;
}

struct span
spans_take(struct spans *q)
{
	const struct span s = *spans_at(q, q->place);

	q->n--;
	q->hole++;
	close_hole(q);
	return s;
}

/* Move what stands before the place back by one element. */
static void
open_hole(struct spans *q)
{
	q->first = (q->first - 1) & (q->cap - 1);
	for (uint32_t i = 0; i < q->place; i++)
		*spans_at(q, i) = *spans_at(q, i + 1);
	q->hole = 1;
}

void
spans_insert(struct spans *q, const struct span *s)
{
	/* needed at most once until all before the place is sent */
	if (q->hole == 0)
		open_hole(q);
	q->hole--;
	q->n++;
	q->place++;
	*spans_at(q, q->place - 1) = *s;
}

uint32_t
span_frame_size(const struct span *s, uint32_t at)
{
	return FRAME_PREFIX_SIZE + load_be32(span_data(s) + at + 1);
}

void
span_drop_frame(struct span *s, uint32_t size)
{
	s->off += size;
	s->len -= size;
	s->frames -= span_is_message(s);
}

void
span_keep_frame(struct span *s, uint32_t size)
{
	s->len = size;
	s->frames = span_is_message(s);
}
