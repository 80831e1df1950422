/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * input - the bytes that one client has sent and that are not parsed yet.
 *
 * The kernel writes into a slab, frames are parsed where they lie, and those
 * that are routed stay there. The slab is given back as soon as it holds no
 * unparsed bytes, so that an idle session holds none. A frame always lies in
 * one piece: one that does not fit the rest of the slab moves to the front of
 * another, or into a large slab, which is charged as bytes arrive, not by the
 * length that the frame claims.
 */
#ifndef UMBELD_INPUT_H
#define UMBELD_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/frame.h"
#include "slab.h"

struct input {
	struct slab *slab; /* a reference, or NULL */
	uint32_t at;       /* the first byte that is not parsed yet */
	uint32_t end;      /* behind the last byte received */
};

/*
 * Room for the next bytes: `at`, and how many at most. False when the pool has
 * no memory; then nothing has changed.
 */
bool input_room(struct input *in, struct slab_pool *pool, uint8_t **at,
                size_t *room);

static inline void
input_received(struct input *in, size_t n)
{
	in->end += (uint32_t)n;
}

static inline size_t
input_length(const struct input *in)
{
	return in->end - in->at;
}

/* The prefix and body at the front; borrowed. */
static inline uint8_t *
input_frame(const struct input *in)
{
	return in->slab->data + in->at;
}

/* FRAME_OK only when the whole body has arrived. */
static inline enum frame_result
input_peek(const struct input *in, uint32_t max_body, uint32_t *body_len)
{
	enum frame_result r;

	if (in->at == in->end)
		return FRAME_SHORT;
	r = frame_peek(input_frame(in), input_length(in), max_body, body_len);
	if (r == FRAME_OK &&
	    input_length(in) < (size_t)FRAME_PREFIX_SIZE + *body_len)
		return FRAME_SHORT;
	return r;
}

/* So much more at least until the frame at the front is whole. */
size_t input_missing(const struct input *in);

static inline void
input_skip(struct input *in, size_t n)
{
	in->at += (uint32_t)n;
}

/*
 * Move a frame that is only partly received, if it is short, from its slab to
 * memory of its own size, because others need the slab more. True if that gave
 * anything back. Only for when memory is short, not for each read.
 */
bool input_squeeze(struct input *in, struct slab_pool *pool);

/* Give the slab back if it holds no unparsed bytes. */
void input_rest(struct input *in);

/* Drop all unparsed bytes. */
void input_drop(struct input *in);

#endif
