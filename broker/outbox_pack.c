/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * Sent and dropped messages leave a slab from its front, so that an outbox owes
 * ever less of a slab that was once worth keeping. This can only happen to the
 * first spans at either of the two points where an outbox gets shorter: its
 * front and the place.
 */
#include "outbox_inside.h"

#include <string.h>

static void
move_span(struct span *s, struct slab *to, uint32_t off)
{
	memcpy(to->data + off, span_data(s), s->len);
	slab_unref(s->slab);
	s->slab = slab_ref(to);
	s->off = off;
}

/* The spans among i to end - 1 that lie in `slab`. */
struct group {
	struct slab *slab;
	uint32_t i;
	uint32_t end;
	size_t owed;
};

/* Group the spans from `i` on that lie in one slab; heads may lie between
   them. */
static struct group
group_at(const struct outbox *o, uint32_t i)
{
	struct group g = { .slab = spans_at(&o->spans, i)->slab,
		           .i = i,
		           .end = i };

	for (; g.end < o->spans.n; g.end++) {
		const struct span *s = spans_at(&o->spans, g.end);

		if (s->slab == g.slab)
			g.owed += s->len;
		else if (s->part != SPAN_HEAD)
			break;
	}
	return g;
}

/* Copy the group into own memory. Without memory the rest stays where it is. */
static void
pack_behind(struct outbox *o, const struct group *g)
{
	for (uint32_t i = g->i; i < g->end; i++) {
		struct span *s = spans_at(&o->spans, i);

		if (s->slab != g->slab)
			continue;
		if (!outbox_own_room(o, s->len))
			return;
		move_span(s, o->own, o->own_used);
		o->own_used += s->len;
	}
}

/*
 * Copy the first spans, which were worth their slab until most of it was sent.
 * They get a slab of their own: in the one that answers are appended to, they
 * would be sent long before those and only waste room.
 */
static void
pack_first(struct outbox *o, const struct group *g)
{
	struct slab *slab = slab_new_small(o->spans.pool, (uint32_t)g->owed);
	uint32_t off = 0;

	if (!slab)
		return;
	for (uint32_t i = g->i; i < g->end; i++) {
		struct span *s = spans_at(&o->spans, i);

		if (s->slab != g->slab)
			continue;
		move_span(s, slab, off);
		off += s->len;
	}
	slab_unref(slab);
}

/* Pack the group at `i`, if it is worth it. Returns where the group ends. */
static uint32_t
pack_at(struct outbox *o, uint32_t i)
{
	struct group g = group_at(o, i);

	if (g.slab == o->own || g.owed >= g.slab->charged / 8 ||
	    g.slab->cap < SLAB_SIZE)
		return g.end;
	slab_ref(g.slab); /* keeps its address distinct until the end */
	if (g.i < o->n_packed)
		pack_first(o, &g);
	else
		pack_behind(o, &g);
	slab_unref(g.slab);
	return g.end;
}

/*
 * Merge the spans from `kept` on that have become adjacent; otherwise a
 * subscriber that is sent one message at a time would have one span for each.
 * Spans before the place are left alone, because they must not be dropped.
 */
static void
join_from(struct outbox *o, uint32_t kept)
{
	struct spans *q = &o->spans;

	for (uint32_t i = kept; i < q->n; i++) {
		const struct span s = *spans_at(q, i);

		if (kept > q->place &&
		    span_continues(spans_at(q, kept - 1), &s)) {
			struct span *last = spans_at(q, kept - 1);

			last->len += s.len;
			last->frames += s.frames;
			slab_unref(s.slab);
		} else {
			*spans_at(q, kept++) = s;
		}
	}
	spans_shorten(q, kept);
}

void
outbox_pack(struct outbox *o)
{
	uint32_t i = o->n_packed, place = o->spans.place;

	if (outbox_is_empty(o))
		return;
	outbox_trim(o);
	if (o->moved && place > 0 && place < i)
		pack_at(o, place);
	if (o->moved) {
		uint32_t end = pack_at(o, 0);

		i = end > i ? end : i;
	}
	o->moved = false;
	for (uint32_t at = i; at < o->spans.n;)
		at = pack_at(o, at);
	join_from(o, i);
	spans_fit(&o->spans);
	o->n_packed = o->spans.n;
}

void
outbox_squeeze(struct outbox *o)
{
	uint32_t i = 0;

	outbox_own_release(o);
	while (i < o->spans.n) {
		struct group g = group_at(o, i);

		slab_ref(g.slab); /* as in pack_at() */
		if (g.slab->cap < SLAB_SIZE && g.owed < g.slab->charged / 8)
			pack_first(o, &g);
		slab_unref(g.slab);
		i = g.end;
	}
}
