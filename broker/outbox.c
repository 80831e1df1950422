/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "outbox_inside.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gap.h"

/* Smallest and largest slab for the outbox's own memory; the size follows what
   is queued. */
#define OWN_MIN  512u
#define OWN_MAX  (64u << 10)
/*
 * A DELIVER's body of up to this is copied, because one more iovec costs the
 * kernel more than that. But a retained value is not copied while memory is
 * short: the store has one copy for all who ask for it.
 */
#define COPY_MAX 1024u

void
outbox_init(struct outbox *o, const struct outbox_limits *limits,
            struct slab_pool *pool, void (*wake)(struct outbox *))
{
	*o = (struct outbox){
		.limits = limits,
		.wake = wake,
	};
	spans_init(&o->spans, pool);
	waiters_init(&o->waiters);
}

void
outbox_own_release(struct outbox *o)
{
	slab_unref(o->own);
	o->own = NULL;
	o->own_used = 0;
}

void
outbox_shrink(struct outbox *o)
{
	spans_clear(&o->spans);
	o->sent = 0;
	o->n_packed = 0;
	outbox_own_release(o);
}

static void
drop_all(struct outbox *o)
{
	outbox_shrink(o);
	o->bytes = 0;
	o->answer_bytes = 0;
	o->retained_bytes = 0;
}

void
outbox_fini(struct outbox *o)
{
	assert(waiters_are_empty(&o->waiters));
	drop_all(o);
	o->closed = true;
	deadline_clear(&o->clock);
}

/* ---- append ------------------------------------------------------------ */

static void
wake(struct outbox *o)
{
	if (o->awake)
		return;
	o->awake = true;
	o->wake(o);
}

/* Takes a reference of its own. Returns 0, or -ENOMEM with nothing changed. */
static int
append(struct outbox *o, const struct span *s)
{
	struct span *last = spans_last(&o->spans);

	if (last && span_continues(last, s)) {
		last->len += s->len;
		last->frames += s->frames;
	} else {
		if (spans_reserve(&o->spans, 1) < 0)
			return -ENOMEM;
		slab_ref(s->slab);
		spans_append(&o->spans, s);
	}
	outbox_count_in(o, s, s->len);
	o->messages += s->frames;
	wake(o);
	return 0;
}

int
outbox_push(struct outbox *o, struct slab *slab, uint32_t off, uint32_t len,
            uint32_t frames)
{
	const struct span s = {
		.slab = slab,
		.off = off,
		.len = len,
		.frames = frames,
		.kind = SPAN_MESSAGES,
	};

	return o->closed ? 0 : append(o, &s);
}

uint8_t *
outbox_own_room(struct outbox *o, size_t len)
{
	size_t cap = o->bytes;

	if (o->own && o->own->cap - o->own_used >= len)
		return o->own->data + o->own_used;
	if (cap < OWN_MIN)
		cap = OWN_MIN;
	if (cap > OWN_MAX)
		cap = OWN_MAX;
	if (cap < len)
		cap = len;
	outbox_own_release(o);
	o->own = slab_new_small(o->spans.pool, (uint32_t)cap);
	return o->own ? o->own->data : NULL;
}

struct span
outbox_own_span(struct outbox *o, enum span_kind kind, size_t len)
{
	struct span s = {
		.slab = o->own,
		.off = o->own_used,
		.len = (uint32_t)len,
		.kind = (uint16_t)kind,
	};

	s.frames = span_is_message(&s);
	o->own_used += s.len;
	return s;
}

/* Append a copy of a frame that is given in two pieces; the second may be
   empty. */
static int
append_copy(struct outbox *o, enum span_kind kind, const uint8_t *head,
            size_t head_len, const uint8_t *rest, size_t rest_len)
{
	struct span s;
	uint8_t *room;

	if (spans_reserve(&o->spans, 1) < 0)
		return -ENOMEM;
	room = outbox_own_room(o, head_len + rest_len);
	if (!room)
		return -ENOMEM;
	memcpy(room, head, head_len);
	if (rest_len > 0)
		memcpy(room + head_len, rest, rest_len);
	s = outbox_own_span(o, kind, head_len + rest_len);
	return append(o, &s);
}

int
outbox_answer(struct outbox *o, const uint8_t *frame, size_t len)
{
	if (o->closed)
		return 0;
	return append_copy(o, SPAN_ANSWER, frame, len, NULL, 0);
}

/* Append a copy of the head, and behind it a reference to the body. */
static int
append_in_two(struct outbox *o, enum span_kind kind, const uint8_t *head,
              size_t head_len, struct span body)
{
	struct span s;
	uint8_t *room;

	if (spans_reserve(&o->spans, 2) < 0)
		return -ENOMEM;
	room = outbox_own_room(o, head_len);
	if (!room)
		return -ENOMEM;
	memcpy(room, head, head_len);
	s = outbox_own_span(o, kind, head_len);
	s.part = SPAN_HEAD;
	body.kind = s.kind;
	body.part = SPAN_BODY;
	append(o, &s);
	return append(o, &body);
}

int
outbox_deliver(struct outbox *o, uint32_t sub, const struct deliver_info *info,
               struct slab *slab, uint32_t off, uint32_t len)
{
	enum span_kind kind = info ? SPAN_RETAINED : SPAN_GROUP;
	uint8_t head[DELIVER_HEAD_MAX];
	size_t head_len;

	if (o->closed)
		return 0;
	head_len = deliver_put_head(head, sub, info, len);
	if (len <= COPY_MAX && !(info && slab_pool_is_short(o->spans.pool)))
		return append_copy(o, kind, head, head_len, slab->data + off,
		                   len);
	return append_in_two(
		o, kind, head, head_len,
		(struct span){ .slab = slab, .off = off, .len = len });
}

/* Add the loss to the last span if that is a GAP with the same reason of which
   the kernel has no byte yet. */
static bool
raise_last(struct outbox *o, struct loss loss, const char *reason)
{
	const struct span *last = spans_last(&o->spans);

	return last && last->kind == SPAN_GAP &&
	       (o->spans.n > 1 || o->sent == 0) &&
	       gap_raise(span_data(last), last->len, loss, reason);
}

int
outbox_gap(struct outbox *o, uint64_t frames, uint64_t bytes,
           const char *reason)
{
	const struct loss loss = { frames, bytes };
	uint8_t frame[GAP_MAX];

	if (o->closed || raise_last(o, loss, reason))
		return 0;
	return append_copy(o, SPAN_GAP, frame, gap_put(frame, loss, reason),
	                   NULL, 0);
}

/* ---- drain ------------------------------------------------------------- */

int
outbox_iov(const struct outbox *o, struct iovec *iov, int max)
{
	uint32_t all = o->spans.n;
	uint32_t n = all < (uint32_t)max ? all : (uint32_t)max;

	for (uint32_t i = 0; i < n; i++) {
		const struct span *s = spans_at(&o->spans, i);
		size_t skip = i == 0 ? o->sent : 0;

		iov[i].iov_base = span_data(s) + skip;
		iov[i].iov_len = s->len - skip;
	}
	return (int)n;
}

static void
drop_first(struct outbox *o)
{
	spans_drop_first(&o->spans);
	o->n_packed -= o->n_packed > 0;
	o->sent = 0;
}

void
outbox_made_room(struct outbox *o)
{
	if (o->bytes <= o->limits->soft_low)
		o->slow = false;
	if (o->bytes <= (o->slow ? o->limits->low : o->limits->soft_low))
		waiters_resume_all(&o->waiters);
}

void
outbox_sent(struct outbox *o, size_t n)
{
	o->moved |= n > 0;
	while (n > 0) {
		const struct span *s = spans_at(&o->spans, 0);
		size_t left = s->len - o->sent;
		size_t part = n < left ? n : left;

		outbox_count_out(o, s, part);
		o->sent += (uint32_t)part;
		n -= part;
		if (o->sent == s->len)
			drop_first(o);
	}
	if (outbox_is_empty(o))
		outbox_shrink(o);
	outbox_made_room(o);
}

/* Estimate the frames left in the first span from its share of bytes left. */
static uint64_t
frames_left(const struct outbox *o, const struct span *first)
{
	uint64_t left = first->len - o->sent;

	return (first->frames * left + first->len - 1) / first->len;
}

uint64_t
outbox_messages(const struct outbox *o)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < o->spans.n; i++) {
		const struct span *s = spans_at(&o->spans, i);

		if (span_is_message(s))
			n += i == 0 ? frames_left(o, s) : s->frames;
	}
	return n;
}

static void
trim_first(struct outbox *o, struct span *s)
{
	while (o->sent > 0) {
		uint32_t size = span_frame_size(s, 0);

		if (size > o->sent)
			break;
		span_drop_frame(s, size);
		o->sent -= size;
	}
}

uint32_t
outbox_trim(struct outbox *o)
{
	struct span *s = spans_at(&o->spans, 0);

	if (outbox_is_empty(o))
		return 0;
	switch ((enum span_part)s->part) {
	case SPAN_WHOLE:
		trim_first(o, s);
		return o->sent > 0;
	case SPAN_HEAD:
		return o->sent > 0 ? 2 : 0;
	case SPAN_BODY:
		return 1;
	}
	return 0;
}

void
outbox_close(struct outbox *o)
{
	drop_all(o);
	o->closed = true;
	waiters_resume_all(&o->waiters);
}
