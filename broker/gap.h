/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * gap - a GAP frame that lies in an outbox and can still be raised.
 *
 * Its counts are written with fixed widths, so that a loss right behind one
 * that is announced already changes eight bytes twice.
 */
#ifndef UMBELD_GAP_H
#define UMBELD_GAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was lost: messages, and their bytes with prefixes. */
struct loss {
	uint64_t frames;
	uint64_t bytes;
};

static inline void
loss_add(struct loss *sum, struct loss more)
{
	sum->frames += more.frames;
	sum->bytes += more.bytes;
}

/* The reason of what drop-oldest drops. */
#define GAP_DROPPED "too slow, the oldest messages were dropped"

/* Enough for a GAP whose reason is a sentence of ours. */
#define GAP_MAX 256u

/* Write the whole frame. Returns its length. */
size_t gap_put(uint8_t frame[GAP_MAX], struct loss loss, const char *reason);

/* What it tells of. */
struct loss gap_loss(const uint8_t *frame);

/* Let it tell of `more`. False when it gives another reason. */
bool gap_raise(uint8_t *frame, size_t len, struct loss more,
               const char *reason);

#endif
