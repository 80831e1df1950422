/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "outbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"
#include "proto/message.h"

#define FIRST_SPANS 4u
/* Own memory comes in pieces from ... to ... bytes, by how much is owed. */
#define OWN_MIN     512u
#define OWN_MAX     (64u << 10)

void
outbox_init(struct outbox *o, const struct outbox_limits *limits,
            struct slab_pool *pool, void (*wake)(struct outbox *))
{
	*o = (struct outbox){
		.limits = limits,
		.pool = pool,
		.wake = wake,
		.cap = 1,
	};
	o->spans = &o->one;
	waiters_init(&o->waiters);
}

static struct span *
span_at(const struct outbox *o, uint32_t i)
{
	return &o->spans[(o->first + i) & (o->cap - 1)];
}

static struct span *
last_span(const struct outbox *o)
{
	return o->n_spans > 0 ? span_at(o, o->n_spans - 1) : NULL;
}

static void
own_release(struct outbox *o)
{
	slab_unref(o->own);
	o->own = NULL;
	o->own_used = 0;
}

static void
free_ring(struct outbox *o)
{
	if (o->spans != &o->one)
		free(o->spans);
}

/* An empty outbox of an idle session costs nothing but itself. */
static void
shrink(struct outbox *o)
{
	o->first = 0;
	o->sent = 0;
	o->n_packed = 0;
	own_release(o);
	free_ring(o);
	o->spans = &o->one;
	o->cap = 1;
}

static void
drop_all(struct outbox *o)
{
	for (uint32_t i = 0; i < o->n_spans; i++)
		slab_unref(span_at(o, i)->slab);
	o->n_spans = 0;
	o->bytes = 0;
	o->answer_bytes = 0;
	shrink(o);
}

void
outbox_fini(struct outbox *o)
{
	assert(waiters_are_empty(&o->waiters));
	drop_all(o);
	o->closed = true;
	deadline_clear(&o->stall);
}

/* ---- append ------------------------------------------------------------ */

static int
grow(struct outbox *o)
{
	uint32_t cap = o->cap > 1 ? o->cap * 2 : FIRST_SPANS;
	struct span *spans;

	if (o->n_spans < o->cap)
		return 0;
	spans = malloc(cap * sizeof(*spans));
	if (!spans)
		return -ENOMEM;
	for (uint32_t i = 0; i < o->n_spans; i++)
		spans[i] = *span_at(o, i);
	free_ring(o);
	o->spans = spans;
	o->first = 0;
	o->cap = cap;
	return 0;
}

static void
wake(struct outbox *o)
{
	if (o->awake)
		return;
	o->awake = true;
	o->wake(o);
}

static bool
continues(const struct span *last, const struct slab *slab, uint32_t off,
          enum span_kind kind)
{
	return last && last->slab == slab && last->off + last->len == off &&
	       last->kind == kind && kind != SPAN_GAP;
}

static int
append(struct outbox *o, enum span_kind kind, struct slab *slab, uint32_t off,
       uint32_t len, uint32_t frames)
{
	struct span *last = last_span(o);

	if (continues(last, slab, off, kind)) {
		last->len += len;
		last->frames += frames;
	} else {
		if (grow(o) < 0)
			return -ENOMEM;
		o->n_spans++;
		*last_span(o) = (struct span){
			.slab = slab_ref(slab),
			.off = off,
			.len = len,
			.frames = frames,
			.kind = kind,
		};
	}
	o->bytes += len;
	wake(o);
	return 0;
}

int
outbox_push(struct outbox *o, struct slab *slab, uint32_t off, uint32_t len,
            uint32_t frames)
{
	if (o->closed)
		return 0;
	return append(o, SPAN_MESSAGES, slab, off, len, frames);
}

/* `len` bytes of the outbox's own memory: where to put them, or NULL. */
static uint8_t *
own_room(struct outbox *o, size_t len)
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
	own_release(o);
	o->own = slab_new_small(o->pool, (uint32_t)cap);
	return o->own ? o->own->data : NULL;
}

static int
append_own(struct outbox *o, enum span_kind kind, const uint8_t *frame,
           size_t len)
{
	uint8_t *room;

	if (o->closed)
		return 0;
	room = own_room(o, len);
	if (!room)
		return -ENOMEM;
	memcpy(room, frame, len);
	if (append(o, kind, o->own, o->own_used, (uint32_t)len, 0) < 0)
		return -ENOMEM;
	o->own_used += (uint32_t)len;
	o->answer_bytes += len;
	return 0;
}

int
outbox_answer(struct outbox *o, const uint8_t *frame, size_t len)
{
	return append_own(o, SPAN_ANSWER, frame, len);
}

/* Where the counts of an encoded GAP are: 94 07 cf frames cf bytes reason. */
#define GAP_FRAMES_AT (FRAME_PREFIX_SIZE + 3)
#define GAP_BYTES_AT  (GAP_FRAMES_AT + 9)

static void
add_gap(const struct span *gap, uint64_t *frames, uint64_t *bytes)
{
	const uint8_t *at = gap->slab->data + gap->off;

	*frames += load_be64(at + GAP_FRAMES_AT);
	*bytes += load_be64(at + GAP_BYTES_AT);
}

static size_t
encode_gap(uint64_t frames, uint64_t bytes, const char *reason,
           uint8_t frame[MESSAGE_MAX])
{
	struct message m = { .type = TYPE_GAP };

	m.gap.frames = frames;
	m.gap.bytes = bytes;
	m.gap.reason = text_from(reason);
	return message_encode(&m, frame, MESSAGE_MAX);
}

/* Raise the GAP that is last, if the kernel has nothing of it yet and it has
   room for the reason. */
static bool
raise_gap(struct outbox *o, uint64_t frames, uint64_t bytes, const char *reason)
{
	struct span *last = last_span(o);
	uint8_t frame[MESSAGE_MAX];

	if (!last || last->kind != SPAN_GAP || (o->n_spans == 1 && o->sent > 0))
		return false;
	add_gap(last, &frames, &bytes);
	if (encode_gap(frames, bytes, reason, frame) != last->len)
		return false;
	memcpy(last->slab->data + last->off, frame, last->len);
	return true;
}

int
outbox_gap(struct outbox *o, uint64_t frames, uint64_t bytes,
           const char *reason)
{
	uint8_t frame[MESSAGE_MAX];

	if (raise_gap(o, frames, bytes, reason))
		return 0;
	return append_own(o, SPAN_GAP, frame,
	                  encode_gap(frames, bytes, reason, frame));
}

/* ---- drain ------------------------------------------------------------- */

int
outbox_iov(const struct outbox *o, struct iovec *iov, int max)
{
	uint32_t n = o->n_spans < (uint32_t)max ? o->n_spans : (uint32_t)max;

	for (uint32_t i = 0; i < n; i++) {
		const struct span *s = span_at(o, i);
		size_t skip = i == 0 ? o->sent : 0;

		iov[i].iov_base = s->slab->data + s->off + skip;
		iov[i].iov_len = s->len - skip;
	}
	return (int)n;
}

static void
drop_first(struct outbox *o)
{
	slab_unref(span_at(o, 0)->slab);
	o->first = (o->first + 1) & (o->cap - 1);
	o->n_spans--;
	o->n_packed -= o->n_packed > 0;
	o->sent = 0;
}

void
outbox_sent(struct outbox *o, size_t n)
{
	o->moved |= n > 0;
	o->bytes -= n;
	while (n > 0) {
		struct span *s = span_at(o, 0);
		size_t left = s->len - o->sent;
		size_t part = n < left ? n : left;

		if (s->kind != SPAN_MESSAGES)
			o->answer_bytes -= part;
		o->sent += (uint32_t)part;
		n -= part;
		if (o->sent == s->len)
			drop_first(o);
	}
	if (o->n_spans == 0)
		shrink(o);
	if (o->bytes <= o->limits->low)
		waiters_resume_all(&o->waiters);
}

/* ---- pack and cut ------------------------------------------------------ */

static uint32_t
frame_size_at(const struct span *s, uint32_t at)
{
	return FRAME_PREFIX_SIZE + load_be32(s->slab->data + s->off + at + 1);
}

/*
 * Forget the frames of the first span that the kernel took whole: afterwards
 * the span begins with the frame that is being written.
 */
static void
trim_first(struct outbox *o)
{
	struct span *s = span_at(o, 0);
	uint32_t at = 0;

	while (at < o->sent) {
		uint32_t size = frame_size_at(s, at);

		if (at + size > o->sent)
			break;
		at += size;
		s->frames -= s->kind == SPAN_MESSAGES;
	}
	s->off += at;
	s->len -= at;
	o->sent -= at;
}

static void
move_span(struct span *s, struct slab *to, uint32_t off)
{
	memcpy(to->data + off, s->slab->data + s->off, s->len);
	slab_unref(s->slab);
	s->slab = slab_ref(to);
	s->off = off;
}

/* Spans i to end - 1 into own memory. Without memory nothing changes. */
static void
pack_behind(struct outbox *o, uint32_t i, uint32_t end)
{
	for (; i < end; i++) {
		struct span *s = span_at(o, i);

		if (!own_room(o, s->len))
			return;
		move_span(s, o->own, o->own_used);
		o->own_used += s->len;
	}
}

/*
 * The first spans, which were worth their slab until most of it was sent. They
 * get a slab for themselves: in the one that answers are appended to, they
 * would be gone long before those.
 */
static void
pack_first(struct outbox *o, uint32_t end, size_t owed)
{
	struct slab *slab = slab_new_small(o->pool, (uint32_t)owed);
	uint32_t off = 0;

	if (!slab)
		return;
	for (uint32_t i = 0; i < end; i++) {
		struct span *s = span_at(o, i);

		move_span(s, slab, off);
		off += s->len;
	}
	slab_unref(slab);
}

void
outbox_pack(struct outbox *o)
{
	uint32_t i = o->n_packed;

	if (o->n_spans == 0)
		return;
	if (o->sent > 0)
		trim_first(o);
	if (o->moved) /* less is owed of the slab that is first */
		i = 0;
	o->moved = false;
	while (i < o->n_spans) {
		struct slab *slab = span_at(o, i)->slab;
		uint32_t end = i;
		size_t owed = 0;

		while (end < o->n_spans && span_at(o, end)->slab == slab)
			owed += span_at(o, end++)->len;
		if (slab != o->own && owed < slab->charged / 8 &&
		    slab->cap >= SLAB_SIZE) {
			if (i < o->n_packed)
				pack_first(o, end, owed);
			else
				pack_behind(o, i, end);
		}
		/* of a packed outbox only what is first ever shrinks */
		if (i == 0 && o->n_packed > end)
			end = o->n_packed;
		i = end;
	}
	o->n_packed = o->n_spans;
}

void
outbox_cut(struct outbox *o, uint64_t *frames, uint64_t *bytes)
{
	bool begun = o->sent > 0;

	*frames = 0;
	*bytes = 0;
	if (begun)
		trim_first(o);
	begun = begun && o->sent > 0;
	while (o->n_spans > (begun ? 1 : 0)) {
		struct span *s = last_span(o);

		*frames += s->frames;
		*bytes += s->kind == SPAN_MESSAGES ? s->len : 0;
		if (s->kind == SPAN_GAP)
			add_gap(s, frames, bytes);
		slab_unref(s->slab);
		o->n_spans--;
	}
	o->bytes = 0;
	o->answer_bytes = 0;
	o->n_packed = 0;
	if (begun) {
		struct span *s = span_at(o, 0);
		uint32_t size = frame_size_at(s, 0);

		if (s->kind == SPAN_MESSAGES) {
			*frames += s->frames - 1;
			*bytes += s->len - size;
			s->frames = 1;
		}
		s->len = size;
		o->bytes = s->len - o->sent;
		if (s->kind != SPAN_MESSAGES)
			o->answer_bytes = o->bytes;
	} else {
		shrink(o);
	}
}

void
outbox_close(struct outbox *o)
{
	drop_all(o);
	o->closed = true;
	waiters_resume_all(&o->waiters);
}
