/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * spans - what an outbox has to send, in order: runs of whole frames, each in
 * somebody's slab.
 *
 * A queue in a ring, with one place in it besides its two ends: where the
 * oldest messages are dropped. What stands before that place has to be sent
 * (the frame that is being written, answers, the GAPs that tell of drops). Taken
 * out and put in there is in O(1), because the ring keeps a hole of unused
 * elements at the place, left behind by what was taken out:
 *
 *	first       place            n
 *	  | A A G A | . . . | M M M M |
 *	              hole
 *
 * The place only moves forward, and comes back to the front as what is before
 * it is sent; at the front there is no hole. A full ring does without its hole
 * before it grows, so it is never more than four times what was in it at once,
 * however much was taken out.
 *
 * The ring is charged to the pool, and like small slabs never refused: how much
 * may wait is bounded elsewhere.
 */
#ifndef UMBELD_SPANS_H
#define UMBELD_SPANS_H

#include <stdbool.h>
#include <stdint.h>

#include "slab.h"

enum span_kind {
	SPAN_MESSAGES, /* PUBLISH frames in somebody's slab */
	SPAN_GROUP,    /* DELIVER frames, as a queue group's member */
	SPAN_RETAINED, /* DELIVER frames with retained values */
	SPAN_ANSWER,   /* frames of the broker itself */
	SPAN_GAP,      /* one GAP, which may be raised before it is sent */
};

/* A DELIVER of a long message is one frame in two spans. */
enum span_part {
	SPAN_WHOLE, /* nothing but whole frames */
	SPAN_HEAD,  /* up to its PUBLISH, which is the next span ... */
	SPAN_BODY,  /* ... in somebody's slab */
};

struct span {
	struct slab *slab; /* a reference */
	uint32_t off;
	uint32_t len;
	uint32_t frames; /* messages in it; a body has none, nor has a GAP */
	uint16_t kind;   /* enum span_kind */
	uint16_t part;   /* enum span_part */
};

struct spans {
	struct span *at; /* `one` until there are more */
	struct span one;
	uint32_t n;
	uint32_t first;
	uint32_t cap;   /* a power of two */
	uint32_t place; /* spans before it */
	uint32_t hole;  /* elements */
	struct slab_pool *pool;
};

/* In place: it points into itself. */
void spans_init(struct spans *q, struct slab_pool *pool);
/* Give all references and all memory back: as after spans_init(). */
void spans_clear(struct spans *q);

static inline struct span *
spans_at(const struct spans *q, uint32_t i)
{
	uint32_t skip = i < q->place ? 0 : q->hole;

	return &q->at[(q->first + i + skip) & (q->cap - 1)];
}

/* NULL when there is none. */
static inline struct span *
spans_last(const struct spans *q)
{
	return q->n > 0 ? spans_at(q, q->n - 1) : NULL;
}

/* See that `n` more will fit, at most two. Returns 0 or -ENOMEM. */
int spans_reserve(struct spans *q, uint32_t n);

/* Less is in it than was: so may the ring be. Without memory nothing changes. */
void spans_fit(struct spans *q);

/* To the end, where room for it was reserved; its reference goes with it. */
void spans_append(struct spans *q, const struct span *s);
/* Forget the first, or all from the n-th on, and give the references back. */
void spans_drop_first(struct spans *q);
void spans_truncate(struct spans *q, uint32_t n);
/* All from the n-th on are others' now. */
void spans_shorten(struct spans *q, uint32_t n);

/* At the place: let one stay, take one out with its reference, put one in
   before what follows, for which room was reserved. */
void spans_pass(struct spans *q);
struct span spans_take(struct spans *q);
void spans_insert(struct spans *q, const struct span *s);

/* ---- one span ---------------------------------------------------------- */

static inline bool
span_is_message(const struct span *s)
{
	return s->kind != SPAN_ANSWER && s->kind != SPAN_GAP;
}

static inline uint8_t *
span_data(const struct span *s)
{
	return s->slab->data + s->off;
}

/* It can become a part of `last`, which is right before it. */
static inline bool
span_continues(const struct span *last, const struct span *s)
{
	return last->slab == s->slab && last->off + last->len == s->off &&
	       last->kind == s->kind && s->kind != SPAN_GAP &&
	       last->part == SPAN_WHOLE && s->part == SPAN_WHOLE;
}

/* How long the frame is, prefix included, that begins `at` bytes into it. */
uint32_t span_frame_size(const struct span *s, uint32_t at);

/* Forget its first frame of `size` bytes, or all frames but that one. */
void span_drop_frame(struct span *s, uint32_t size);
void span_keep_frame(struct span *s, uint32_t size);

#endif
