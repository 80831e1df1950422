/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * spans - what an outbox has to send, in order: runs of whole frames, each of
 * which lies in some slab.
 *
 * A queue in a ring. Besides its two ends it has one place, where the oldest
 * messages are dropped. What stands before the place must be sent (the frame
 * that is being written, answers, the GAPs that report drops). Taking out and
 * inserting at the place is O(1), because the ring keeps a hole of unused
 * elements there, which removed spans leave behind:
 *
 *	first       place            n
 *	  | A A G A | . . . | M M M M |
 *	              hole
 *
 * The place only moves forward, and returns to the front as the spans before it
 * are sent; at the front there is no hole. A full ring closes its hole before
 * it grows, so its capacity is never more than four times the largest number of
 * spans that it held at once, however many were removed.
 *
 * The ring is charged to the pool but, like small slabs, never refused: other
 * limits bound how much may be queued.
 */
#ifndef UMBELD_SPANS_H
#define UMBELD_SPANS_H

#include <stdbool.h>
#include <stdint.h>

#include "slab.h"

enum span_kind {
	SPAN_MESSAGES, /* PUBLISH frames in the publisher's slab */
	SPAN_GROUP,    /* DELIVER frames for a queue group's member */
	SPAN_RETAINED, /* DELIVER frames with retained values */
	SPAN_ANSWER,   /* frames of the broker itself */
	SPAN_GAP,      /* one GAP, which may be raised before it is sent */
};

/* A DELIVER of a long message is one frame in two spans. */
enum span_part {
	SPAN_WHOLE, /* only whole frames */
	SPAN_HEAD,  /* all before the PUBLISH, the next span ... */
	SPAN_BODY,  /* ... in the publisher's slab */
};

struct span {
	struct slab *slab; /* owns a reference */
	uint32_t off;
	uint32_t len;
	uint32_t frames; /* messages; a body or a GAP counts none */
	uint16_t kind;   /* enum span_kind */
	uint16_t part;   /* enum span_part */
};

struct spans {
	struct span *at; /* &one, or a ring on the heap */
	struct span one;
	uint32_t n;
	uint32_t first;
	uint32_t cap;   /* a power of two */
	uint32_t place; /* spans before the place */
	uint32_t hole;  /* unused elements at the place */
	struct slab_pool *pool;
};

/* Initialize it where it will stay: it points into itself. */
void spans_init(struct spans *q, struct slab_pool *pool);
/* Give all references and all memory back; leaves it as spans_init() does. */
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

/* Make room for `n` more spans, at most two. Returns 0 or -ENOMEM. */
int spans_reserve(struct spans *q, uint32_t n);

/* Shrink a ring that has become too large for its contents. If there is no
   memory for that, nothing changes. */
void spans_fit(struct spans *q);

/* Append to the end, where room was reserved; takes over the span's
   reference. */
void spans_append(struct spans *q, const struct span *s);
/* Drop the first span, or all from index n on, and give their references
   back. */
void spans_drop_first(struct spans *q);
void spans_truncate(struct spans *q, uint32_t n);
/* Forget all spans from index n on without giving their references back: the
   caller has taken or moved them. */
void spans_shorten(struct spans *q, uint32_t n);

/*
 * pass: leave the span at the place and move the place behind it. take: remove
 * that span; the caller gets its reference. insert: put a span before the
 * place, for which room was reserved.
 */
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

/* Can `s` be merged into `last`, the span right before it? */
static inline bool
span_continues(const struct span *last, const struct span *s)
{
	return last->slab == s->slab && last->off + last->len == s->off &&
	       last->kind == s->kind && s->kind != SPAN_GAP &&
	       last->part == SPAN_WHOLE && s->part == SPAN_WHOLE;
}

/* Length, prefix included, of the frame that begins `at` bytes into the
   span. */
uint32_t span_frame_size(const struct span *s, uint32_t at);

/* Remove the first frame, of `size` bytes, or all frames but that one. */
void span_drop_frame(struct span *s, uint32_t size);
void span_keep_frame(struct span *s, uint32_t size);

#endif
