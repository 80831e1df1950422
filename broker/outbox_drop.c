/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * What is removed from an outbox without being sent: everything when its
 * session is cut off; messages that other sessions get instead; the oldest when
 * there are too many.
 */
#include "outbox_inside.h"

#include <errno.h>
#include <string.h>

#include "gap.h"
#include "proto/frame.h"

/* ---- cut ----------------------------------------------------------------- */

/* Reduce the span of the frame that is being written to that frame. */
static void
cut_first(struct outbox *o, struct loss *loss)
{
	struct span *s = spans_at(&o->spans, 0);
	uint32_t size, rest;

	if (s->part != SPAN_WHOLE)
		return;
	size = span_frame_size(s, 0);
	rest = s->len - size;
	outbox_count_out(o, s, rest);
	if (span_is_message(s))
		loss_add(loss, (struct loss){ s->frames - 1, rest });
	span_keep_frame(s, size);
}

static struct loss
loss_of(const struct span *s)
{
	if (s->kind == SPAN_GAP)
		return gap_loss(span_data(s));
	return (struct loss){ s->frames, span_is_message(s) ? s->len : 0 };
}

void
outbox_cut(struct outbox *o, uint64_t *frames, uint64_t *bytes)
{
	uint32_t begun = outbox_trim(o);
	struct loss loss = { 0, 0 };

	for (uint32_t i = begun; i < o->spans.n; i++) {
		const struct span *s = spans_at(&o->spans, i);

		loss_add(&loss, loss_of(s));
		outbox_count_out(o, s, s->len);
	}
	spans_truncate(&o->spans, begun);
	o->n_packed = 0;
	if (begun > 0)
		cut_first(o, &loss);
	else
		outbox_shrink(o);
	*frames = loss.frames;
	*bytes = loss.bytes;
}

/* ---- handover ----------------------------------------------------------- */

struct taking {
	struct outbox *o;
	outbox_taker *taker;
	void *user;
};

/*
 * Offer the frames of a whole span, except those before `at`. What is left is
 * moved together in place, which is possible because short messages lie in the
 * outbox's own memory.
 */
static void
offer_frames(const struct taking *t, struct span *s, uint32_t at)
{
	uint8_t *start = span_data(s);
	uint32_t end = s->len;

	s->len = at;
	while (at < end) {
		uint32_t size = FRAME_PREFIX_SIZE + load_be32(start + at + 1);

		if (t->taker(t->user, deliver_sub(start + at), s->slab,
		             s->off + at + DELIVER_GROUP_HEAD,
		             size - DELIVER_GROUP_HEAD)) {
			s->frames--;
			outbox_count_out(t->o, s, size);
		} else {
			if (s->len < at)
				memmove(start + s->len, start + at, size);
			s->len += size;
		}
		at += size;
	}
}

static bool
offer_in_two(const struct taking *t, struct span *head, struct span *body)
{
	if (!t->taker(t->user, deliver_sub(span_data(head)), body->slab,
	              body->off, body->len))
		return false;
	outbox_count_out(t->o, head, head->len);
	outbox_count_out(t->o, body, body->len);
	slab_unref(head->slab);
	slab_unref(body->slab);
	return true;
}

/* Offer the span or the two spans at `i`. True if nothing is left of them. */
static bool
offer_span(const struct taking *t, uint32_t i)
{
	struct span *s = spans_at(&t->o->spans, i);

	if (s->kind != SPAN_GROUP)
		return false;
	if (s->part != SPAN_WHOLE)
		return offer_in_two(t, s, spans_at(&t->o->spans, i + 1));
	offer_frames(t, s, 0);
	if (s->len > 0)
		return false;
	slab_unref(s->slab);
	return true;
}

void
outbox_take_group_messages(struct outbox *o, outbox_taker *taker, void *user)
{
	const struct taking t = { o, taker, user };
	struct spans *q = &o->spans;
	bool was_behind = outbox_is_behind(o);
	uint32_t kept = outbox_trim(o), n;
	struct span *first = spans_at(q, 0);

	if (kept == 1 && first->kind == SPAN_GROUP && first->part == SPAN_WHOLE)
		offer_frames(&t, first, span_frame_size(first, 0));
	for (uint32_t i = kept; i < q->n; i += n) {
		n = spans_at(q, i)->part == SPAN_HEAD ? 2 : 1;
		if (offer_span(&t, i))
			continue;
		for (uint32_t k = 0; k < n; k++)
			*spans_at(q, kept++) = *spans_at(q, i + k);
	}
	spans_shorten(q, kept);
	o->n_packed = 0;
	if (outbox_is_empty(o))
		outbox_shrink(o);
	else if (was_behind)
		outbox_pack(o); /* it still is, with what is left */
}

/* ---- the place ---------------------------------------------------------- */

static struct span *
span_at_place(const struct outbox *o)
{
	return spans_at(&o->spans, o->spans.place);
}

static bool
place_is_at_end(const struct outbox *o)
{
	return o->spans.place == o->spans.n;
}

/* Move the place behind the frame that is being written: what is before the
   place is never dropped. */
static void
pass_begun(struct outbox *o, uint32_t begun)
{
	while (o->spans.place < begun)
		spans_pass(&o->spans);
}

/* Remove the span at the place: it is neither owed nor packed any more. */
static struct span
take_out(struct outbox *o)
{
	struct span s = spans_take(&o->spans);

	outbox_count_out(o, &s, s.len);
	if (o->n_packed > o->spans.place)
		o->n_packed--;
	return s;
}

/* Insert `s` before the place; its reference is taken over. */
static void
put_in(struct outbox *o, const struct span *s)
{
	if (o->n_packed >= o->spans.place)
		o->n_packed++;
	spans_insert(&o->spans, s);
	outbox_count_in(o, s, s->len);
}

/* ---- drop the oldest ---------------------------------------------------- */

static bool
is_droppable(const struct span *s)
{
	return s->kind == SPAN_MESSAGES || s->kind == SPAN_GROUP;
}

/* Give the frame that is being written a span of its own. */
static int
part_begun(struct outbox *o)
{
	struct span *s = spans_at(&o->spans, 0), first = *s;
	uint32_t size;

	if (o->spans.place > 0 || s->part != SPAN_WHOLE || !is_droppable(s))
		return 0;
	size = span_frame_size(s, 0);
	if (size == s->len)
		return 0;
	if (spans_reserve(&o->spans, 1) < 0)
		return -ENOMEM;
	s = spans_at(&o->spans, 0);
	outbox_count_out(o, s, size);
	span_drop_frame(s, size);
	span_keep_frame(&first, size);
	slab_ref(first.slab);
	put_in(o, &first);
	return 0;
}

/* Move the place to the oldest message that may be dropped. Returns 1, 0 when
   there is none, or -ENOMEM. */
static int
find_oldest(struct outbox *o)
{
	uint32_t begun = outbox_trim(o);

	if (begun > 0 && part_begun(o) < 0)
		return -ENOMEM;
	pass_begun(o, begun);
	while (!place_is_at_end(o) && !is_droppable(span_at_place(o)))
		spans_pass(&o->spans);
	return !place_is_at_end(o);
}

/* Is it a GAP that reports drops? */
static bool
is_our_gap(const struct span *s)
{
	return s->kind == SPAN_GAP &&
	       gap_raise(span_data(s), s->len, (struct loss){ 0, 0 },
	                 GAP_DROPPED);
}

/* Add the loss to the GAP before the place. False if there is none that can
   still change. */
static bool
raise_gap(struct outbox *o, struct loss loss)
{
	uint32_t place = o->spans.place;
	const struct span *s;

	if (place == 0 || (place == 1 && o->sent > 0))
		return false;
	s = spans_at(&o->spans, place - 1);
	return s->kind == SPAN_GAP &&
	       gap_raise(span_data(s), s->len, loss, GAP_DROPPED);
}

/* Make sure that a GAP stands before the place. It gets a slab of exactly its
   size, because it may be all that this outbox keeps when memory is short. */
static int
open_gap(struct outbox *o)
{
	const struct loss nothing = { 0, 0 };
	struct span s = { .kind = SPAN_GAP };
	uint8_t frame[GAP_MAX];

	if (raise_gap(o, nothing))
		return 0;
	if (spans_reserve(&o->spans, 1) < 0)
		return -ENOMEM;
	s.len = (uint32_t)gap_put(frame, nothing, GAP_DROPPED);
	s.slab = slab_new_small(o->spans.pool, s.len);
	if (!s.slab)
		return -ENOMEM;
	memcpy(s.slab->data, frame, s.len);
	put_in(o, &s);
	return 0;
}

static void
drop_span(struct outbox *o, struct loss *loss)
{
	struct span s = take_out(o), body;

	loss_add(loss, loss_of(&s));
	if (s.part == SPAN_HEAD) {
		body = take_out(o);
		loss_add(loss, loss_of(&body));
		slab_unref(body.slab);
	}
	slab_unref(s.slab);
}

static void
drop_frame(struct outbox *o, struct loss *loss)
{
	struct span *s = span_at_place(o);
	uint32_t size = span_frame_size(s, 0);

	outbox_count_out(o, s, size);
	loss_add(loss, (struct loss){ 1, size });
	span_drop_frame(s, size);
}

/* Drop consecutive messages until at most `keep` bytes are owed. Frame lengths
   are read only in the last span that is touched. */
static struct loss
drop_row(struct outbox *o, size_t keep)
{
	struct loss loss = { 0, 0 };

	while (outbox_owes(o) > keep && !place_is_at_end(o) &&
	       is_droppable(span_at_place(o))) {
		const struct span *s = span_at_place(o);

		if (s->frames > 1 && s->len > outbox_owes(o) - keep)
			drop_frame(o, &loss);
		else
			drop_span(o, &loss);
	}
	return loss;
}

/* Merge a GAP right behind the place into the one before it: it reports the
   adjacent loss. */
static void
merge_gap(struct outbox *o)
{
	const struct span *s = span_at_place(o);

	if (place_is_at_end(o) || !is_our_gap(s) ||
	    !raise_gap(o, gap_loss(span_data(s))))
		return;
	slab_unref(take_out(o).slab);
}

int
outbox_drop_oldest(struct outbox *o, size_t keep, uint64_t *frames,
                   uint64_t *bytes)
{
	struct loss all = { 0, 0 }, loss;
	int r = 0;

	while (outbox_owes(o) > keep && (r = find_oldest(o)) > 0) {
		r = open_gap(o);
		if (r < 0)
			break;
		loss = drop_row(o, keep);
		raise_gap(o, loss);
		merge_gap(o);
		loss_add(&all, loss);
	}
	o->moved |= all.frames > 0;
	*frames = all.frames;
	*bytes = all.bytes;
	return r < 0 ? r : 0;
}
