/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * gap - a GAP frame that is in an outbox and whose counts can still grow.
 *
 * Its counts are encoded with fixed widths, so that adding an adjacent loss
 * only overwrites two fields of eight bytes.
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

/* The reason given for what drop-oldest drops. */
#define GAP_DROPPED "too slow, the oldest messages were dropped"

/* Enough for a GAP with any of our reasons. */
#define GAP_MAX 256u

/* Write the whole frame. Returns its length. */
size_t gap_put(uint8_t frame[GAP_MAX], struct loss loss, const char *reason);

/* The loss that the frame reports. */
struct loss gap_loss(const uint8_t *frame);

/* Add `more` to the loss that the frame reports. False when its reason is
   another one. */
bool gap_raise(uint8_t *frame, size_t len, struct loss more,
               const char *reason);

#endif
