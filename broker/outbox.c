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
/* A DELIVER's body of up to this is copied: one piece more for the kernel to
   gather costs more than that. */
#define COPY_MAX    1024u

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

/* Room for `n` spans more, at most two. */
static int
grow(struct outbox *o, uint32_t n)
{
	uint32_t cap = o->cap > 1 ? o->cap * 2 : FIRST_SPANS;
	struct span *spans;

	if (o->n_spans + n <= o->cap)
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
is_message(const struct span *s)
{
	return s->kind != SPAN_ANSWER && s->kind != SPAN_GAP;
}

static bool
continues(const struct span *last, const struct span *s)
{
	return last && last->slab == s->slab &&
	       last->off + last->len == s->off && last->kind == s->kind &&
	       s->kind != SPAN_GAP && last->part == SPAN_WHOLE &&
	       s->part == SPAN_WHOLE;
}

/* Takes a reference of its own. Returns 0 or -ENOMEM with nothing changed. */
static int
append(struct outbox *o, struct span s)
{
	struct span *last = last_span(o);

	if (continues(last, &s)) {
		last->len += s.len;
		last->frames += s.frames;
	} else {
		if (grow(o, 1) < 0)
			return -ENOMEM;
		slab_ref(s.slab);
		o->n_spans++;
		*last_span(o) = s;
	}
	o->bytes += s.len;
	wake(o);
	return 0;
}

int
outbox_push(struct outbox *o, struct slab *slab, uint32_t off, uint32_t len,
            uint32_t frames)
{
	if (o->closed)
		return 0;
	return append(o, (struct span){
				 .slab = slab,
				 .off = off,
				 .len = len,
				 .frames = frames,
				 .kind = SPAN_MESSAGES,
			 });
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

/* Append what was written to own_room(). */
static int
append_own(struct outbox *o, enum span_kind kind, enum span_part part,
           size_t len)
{
	struct span s = {
		.slab = o->own,
		.off = o->own_used,
		.len = (uint32_t)len,
		.kind = (uint16_t)kind,
		.part = (uint16_t)part,
	};

	s.frames = is_message(&s);
	if (append(o, s) < 0)
		return -ENOMEM;
	o->own_used += (uint32_t)len;
	if (!is_message(&s))
		o->answer_bytes += len;
	return 0;
}

static int
append_copy(struct outbox *o, enum span_kind kind, const uint8_t *frame,
            size_t len)
{
	uint8_t *room;

	if (o->closed)
		return 0;
	room = own_room(o, len);
	if (!room)
		return -ENOMEM;
	memcpy(room, frame, len);
	return append_own(o, kind, SPAN_WHOLE, len);
}

int
outbox_answer(struct outbox *o, const uint8_t *frame, size_t len)
{
	return append_copy(o, SPAN_ANSWER, frame, len);
}

static int
append_in_two(struct outbox *o, enum span_kind kind, const uint8_t *head,
              size_t head_len, struct span body)
{
	uint8_t *room;

	if (grow(o, 2) < 0)
		return -ENOMEM;
	room = own_room(o, head_len);
	if (!room)
		return -ENOMEM;
	memcpy(room, head, head_len);
	append_own(o, kind, SPAN_HEAD, head_len);
	return append(o, body);
}

static int
append_in_one(struct outbox *o, enum span_kind kind, const uint8_t *head,
              size_t head_len, const uint8_t *body, size_t body_len)
{
	uint8_t *room = own_room(o, head_len + body_len);

	if (!room)
		return -ENOMEM;
	memcpy(room, head, head_len);
	memcpy(room + head_len, body, body_len);
	return append_own(o, kind, SPAN_WHOLE, head_len + body_len);
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
	if (len <= COPY_MAX)
		return append_in_one(o, kind, head, head_len, slab->data + off,
		                     len);
	return append_in_two(o, kind, head, head_len,
	                     (struct span){
				     .slab = slab,
				     .off = off,
				     .len = len,
				     .kind = (uint16_t)kind,
				     .part = SPAN_BODY,
			     });
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
	return append_copy(o, SPAN_GAP, frame,
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

		if (!is_message(s))
			o->answer_bytes -= part;
		o->sent += (uint32_t)part;
		n -= part;
		if (o->sent == s->len)
			drop_first(o);
	}
	if (o->n_spans == 0)
		shrink(o);
	if (o->bytes <= o->limits->soft_low)
		o->slow = false;
	if (o->bytes <= (o->slow ? o->limits->low : o->limits->soft_low))
		waiters_resume_all(&o->waiters);
}

/* ---- the frame that is being written ------------------------------------ */

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

	if (o->sent == 0 || s->part != SPAN_WHOLE)
		return;
	while (at < o->sent) {
		uint32_t size = frame_size_at(s, at);

		if (at + size > o->sent)
			break;
		at += size;
		s->frames -= is_message(s);
	}
	s->off += at;
	s->len -= at;
	o->sent -= at;
}

/*
 * Trim, and tell how many spans the frame that is being written lies in: 0 when
 * there is none. Others may lie behind it in the same span.
 */
static uint32_t
begun_spans(struct outbox *o)
{
	const struct span *s = span_at(o, 0);

	if (o->n_spans == 0)
		return 0;
	trim_first(o);
	if (s->part == SPAN_BODY)
		return 1;
	if (o->sent == 0)
		return 0;
	return s->part == SPAN_HEAD ? 2 : 1;
}

/* ---- pack ---------------------------------------------------------------- */

static void
move_span(struct span *s, struct slab *to, uint32_t off)
{
	memcpy(to->data + off, s->slab->data + s->off, s->len);
	slab_unref(s->slab);
	s->slab = slab_ref(to);
	s->off = off;
}

/* Those of spans i to end - 1 that lie in `slab`. */
struct group {
	struct slab *slab;
	uint32_t i;
	uint32_t end;
	size_t owed;
};

/* The spans from `i` on that lie in one slab; heads may lie between them. */
static struct group
group_at(const struct outbox *o, uint32_t i)
{
	struct group g = { .slab = span_at(o, i)->slab, .i = i, .end = i };

	for (; g.end < o->n_spans; g.end++) {
		const struct span *s = span_at(o, g.end);

		if (s->slab == g.slab)
			g.owed += s->len;
		else if (s->part != SPAN_HEAD)
			break;
	}
	return g;
}

/* Into own memory. Without memory nothing changes. */
static void
pack_behind(struct outbox *o, const struct group *g)
{
	for (uint32_t i = g->i; i < g->end; i++) {
		struct span *s = span_at(o, i);

		if (s->slab != g->slab)
			continue;
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
pack_first(struct outbox *o, const struct group *g)
{
	struct slab *slab = slab_new_small(o->pool, (uint32_t)g->owed);
	uint32_t off = 0;

	if (!slab)
		return;
	for (uint32_t i = g->i; i < g->end; i++) {
		struct span *s = span_at(o, i);

		if (s->slab != g->slab)
			continue;
		move_span(s, slab, off);
		off += s->len;
	}
	slab_unref(slab);
}

static void
pack_group(struct outbox *o, const struct group *g)
{
	if (g->slab == o->own || g->owed >= g->slab->charged / 8 ||
	    g->slab->cap < SLAB_SIZE)
		return;
	slab_ref(g->slab); /* it is to be told from others until the end */
	if (g->i < o->n_packed)
		pack_first(o, g);
	else
		pack_behind(o, g);
	slab_unref(g->slab);
}

void
outbox_pack(struct outbox *o)
{
	uint32_t i = o->n_packed;

	if (o->n_spans == 0)
		return;
	trim_first(o);
	if (o->moved) /* less is owed of the slab that is first */
		i = 0;
	o->moved = false;
	while (i < o->n_spans) {
		struct group g = group_at(o, i);

		pack_group(o, &g);
		/* of a packed outbox only what is first ever shrinks */
		if (i == 0 && o->n_packed > g.end)
			g.end = o->n_packed;
		i = g.end;
	}
	o->n_packed = o->n_spans;
}

/* ---- take back ----------------------------------------------------------- */

/* Of a span that begins with a frame being written: only that. */
static void
leave_begun_frame(struct outbox *o, uint64_t *frames, uint64_t *bytes)
{
	struct span *s = span_at(o, 0);
	uint32_t size;

	if (s->part != SPAN_WHOLE)
		return;
	size = frame_size_at(s, 0);
	if (is_message(s)) {
		*frames += s->frames - 1;
		*bytes += s->len - size;
		s->frames = 1;
	}
	s->len = size;
}

void
outbox_cut(struct outbox *o, uint64_t *frames, uint64_t *bytes)
{
	uint32_t begun = begun_spans(o);

	*frames = 0;
	*bytes = 0;
	while (o->n_spans > begun) {
		struct span *s = last_span(o);

		*frames += s->frames;
		*bytes += is_message(s) ? s->len : 0;
		if (s->kind == SPAN_GAP)
			add_gap(s, frames, bytes);
		slab_unref(s->slab);
		o->n_spans--;
	}
	o->bytes = 0;
	o->answer_bytes = 0;
	o->n_packed = 0;
	if (begun == 0) {
		shrink(o);
		return;
	}
	leave_begun_frame(o, frames, bytes);
	for (uint32_t i = 0; i < begun; i++)
		o->bytes += span_at(o, i)->len;
	o->bytes -= o->sent;
	if (!is_message(span_at(o, 0)))
		o->answer_bytes = o->bytes;
}

struct taking {
	struct outbox *o;
	outbox_taker *taker;
	void *user;
};

/*
 * Frames of a whole span, but for those before `at`. What is left moves
 * together: short messages lie in the outbox's own memory.
 */
static void
take_whole(const struct taking *t, struct span *s, uint32_t at)
{
	uint8_t *start = s->slab->data + s->off;
	uint32_t end = s->len;

	s->len = at;
	while (at < end) {
		uint32_t size = frame_size_at(s, at);

		if (t->taker(t->user, deliver_sub(start + at), s->slab,
		             s->off + at + DELIVER_GROUP_HEAD,
		             size - DELIVER_GROUP_HEAD)) {
			s->frames--;
			t->o->bytes -= size;
		} else {
			if (s->len < at)
				memmove(start + s->len, start + at, size);
			s->len += size;
		}
		at += size;
	}
}

static bool
take_in_two(const struct taking *t, struct span *head, struct span *body)
{
	if (!t->taker(t->user, deliver_sub(head->slab->data + head->off),
	              body->slab, body->off, body->len))
		return false;
	t->o->bytes -= head->len + body->len;
	slab_unref(head->slab);
	slab_unref(body->slab);
	return true;
}

/* Of the span or two at `i`: is nothing left? */
static bool
take_span(const struct taking *t, uint32_t i)
{
	struct span *s = span_at(t->o, i);

	if (s->kind != SPAN_GROUP)
		return false;
	if (s->part != SPAN_WHOLE)
		return take_in_two(t, s, span_at(t->o, i + 1));
	take_whole(t, s, 0);
	if (s->len > 0)
		return false;
	slab_unref(s->slab);
	return true;
}

void
outbox_take_group_messages(struct outbox *o, outbox_taker *taker, void *user)
{
	const struct taking t = { o, taker, user };
	uint32_t kept = begun_spans(o);
	struct span *first = span_at(o, 0);
	uint32_t n;

	if (kept == 1 && first->kind == SPAN_GROUP && first->part == SPAN_WHOLE)
		take_whole(&t, first, frame_size_at(first, 0));
	for (uint32_t i = kept; i < o->n_spans; i += n) {
		n = span_at(o, i)->part == SPAN_HEAD ? 2 : 1;
		if (take_span(&t, i))
			continue;
		for (uint32_t k = 0; k < n; k++)
			*span_at(o, kept++) = *span_at(o, i + k);
	}
	o->n_spans = kept;
	o->n_packed = 0;
	if (kept == 0)
		shrink(o);
}

void
outbox_close(struct outbox *o)
{
	drop_all(o);
	o->closed = true;
	waiters_resume_all(&o->waiters);
}
