/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * out - whole frames in one piece of memory, on their way to the kernel.
 *
 *	data ... frame ... head ... tail ... cap
 *
 * `frame` is the start of the first frame that the kernel has not taken
 * completely. It is found by walking the length prefixes when the kernel took a
 * part, so that a message needs no bookkeeping of its own. When the connection
 * breaks, the frames that the kernel took whole are gone, and the frame in hand
 * (the one it took in part) is sent again from its beginning.
 *
 * There is no socket in here: the sender reports how much the kernel took.
 */
#ifndef UMBEL_CLIENT_OUT_H
#define UMBEL_CLIENT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes behind `cap` that may be overwritten, so that short copies need not be
   exact. */
#define OUT_SLACK 64u

struct out {
	uint8_t *data;
	size_t cap;
	size_t frame;
	size_t head; /* the next byte to be sent */
	size_t tail; /* where the next frame goes */
};

void out_fini(struct out *o);

/* The number of bytes that wait. */
static inline size_t
out_pending(const struct out *o)
{
	return o->tail - o->head;
}

/* Has the kernel taken only a part of the frame in hand? */
static inline bool
out_is_mid_frame(const struct out *o)
{
	return o->head > o->frame;
}

/* Make room for `n` bytes at the tail. 0 or -ENOMEM. */
int out_reserve(struct out *o, size_t n);

/* Is there room for `n` bytes without more memory? */
bool out_has_room(const struct out *o, size_t n);

/* The kernel took `n` more bytes. Returns the number of PUBLISH frames that
   this completed. */
uint64_t out_sent(struct out *o, size_t n);

/* Is the frame in hand, if any, a PUBLISH? */
bool out_is_publish_in_hand(const struct out *o);

/* Bytes from the head to the end of the frame in hand; 0 between frames. */
size_t out_rest_of_frame(const struct out *o);

/* The connection is gone: keep only whole PUBLISH frames. The one in hand is
   dropped, too, if `drop_in_hand`. Returns the number of PUBLISH frames dropped
   that way. */
uint64_t out_restart(struct out *o, bool drop_in_hand);

/* Drop PUBLISH frames with a body longer than `max`, before any part of them is
   sent. Returns how many. */
uint64_t out_drop_longer(struct out *o, size_t max);

/* Keep only the frames for which `keep` returns true. No frame may have been
   sent in part. Returns how many were dropped. */
uint64_t out_filter(struct out *o,
                    bool (*keep)(const uint8_t *frame, size_t size, void *arg),
                    void *arg);

/*
 * The same, but replace the frames: `make` returns the length of the new frame
 * (0: none), and writes it unless `to` is NULL. 0 or -ENOMEM, and the number of
 * frames dropped.
 */
int out_rewrite(struct out *o,
                size_t (*make)(const uint8_t *frame, size_t size, uint8_t *to,
                               void *arg),
                void *arg, uint64_t *dropped);

/* Free the memory if nothing waits and it is more than `keep` bytes. */
void out_shrink(struct out *o, size_t keep);

#endif
