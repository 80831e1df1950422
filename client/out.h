/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * out - whole frames in one piece of memory, on their way to the kernel.
 *
 *	data ... frame ... head ... tail ... cap
 *
 * `frame` is where the first frame begins that the kernel has not taken whole.
 * It is found by walking the length prefixes when the kernel took a part, so
 * that a message costs no bookkeeping of its own. When the connection breaks,
 * what the kernel had whole is gone, and the frame in hand starts afresh.
 *
 * No socket in here: whoever sends tells how far the kernel went.
 */
#ifndef UMBEL_CLIENT_OUT_H
#define UMBEL_CLIENT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes behind `cap` that may be scribbled on: short copies need not be exact. */
#define OUT_SLACK 64u

struct out {
	uint8_t *data;
	size_t cap;
	size_t frame;
	size_t head; /* the next byte to be sent */
	size_t tail; /* where the next frame goes */
};

void out_fini(struct out *o);

/* Bytes that wait. */
static inline size_t
out_pending(const struct out *o)
{
	return o->tail - o->head;
}

/* Is a part of a frame with the kernel, and the rest not? */
static inline bool
out_is_mid_frame(const struct out *o)
{
	return o->head > o->frame;
}

/* Make room for `n` bytes at the tail. 0 or -ENOMEM. */
int out_reserve(struct out *o, size_t n);

/* Would that take no more memory than there is? */
bool out_has_room(const struct out *o, size_t n);

/* The kernel took `n` bytes more. How many PUBLISH frames that completed. */
uint64_t out_sent(struct out *o, size_t n);

/* Is the frame in hand, if any, a PUBLISH? */
bool out_is_publish_in_hand(const struct out *o);

/* Bytes from the head to the end of the frame in hand; 0 between frames. */
size_t out_rest_of_frame(const struct out *o);

/* The connection is gone: only whole PUBLISH frames wait from here on. The one
   in hand goes too if `drop_in_hand`; how many went that way. */
uint64_t out_restart(struct out *o, bool drop_in_hand);

/* Drop PUBLISH frames with a body longer than `max`, before any of it is sent.
   How many. */
uint64_t out_drop_longer(struct out *o, size_t max);

/* Go through the frames that wait, none of which has begun, and keep those that
   `keep` wants. How many went. */
uint64_t out_filter(struct out *o,
                    bool (*keep)(const uint8_t *frame, size_t size, void *arg),
                    void *arg);

/*
 * The same, but put others in their place: `make` says how long the new frame
 * is (0: there is none), and writes it unless `to` is NULL. 0 or -ENOMEM, and
 * how many went.
 */
int out_rewrite(struct out *o,
                size_t (*make)(const uint8_t *frame, size_t size, uint8_t *to,
                               void *arg),
                void *arg, uint64_t *dropped);

/* Give memory back if nothing waits and there is more than `keep`. */
void out_shrink(struct out *o, size_t keep);

#endif
