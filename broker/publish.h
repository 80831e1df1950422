/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * publish - the path of a message: read, stamp, check, route, and append to the
 * outboxes of all subscribers. No message costs an allocation, a copy or a
 * system call here, except retained ones.
 */
#ifndef UMBELD_PUBLISH_H
#define UMBELD_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "input.h"
#include "session.h"

enum publish_outcome {
	PUBLISH_TAKEN,  /* taken, and skipped in the input */
	PUBLISH_PAUSES, /* taken, but other sessions have their turn next */
	/* Not taken, and still in the input: the session waits for something,
	   or the message may not pass now (broker.passing). */
	PUBLISH_WAITS,
	PUBLISH_FATAL, /* the session has failed */
};

/* Is this a PUBLISH of the common shape? Other frames need a closer look. */
static inline bool
publish_is_likely(const uint8_t *body, uint32_t len)
{
	return len >= 2 && body[0] == 0x97 && body[1] == 3;
}

/*
 * Route the PUBLISH at the front of the input, whose body has arrived
 * completely, and possibly several of the messages behind it.
 */
enum publish_outcome publish_take(struct session *s, struct input *in,
                                  uint32_t body_len);

/*
 * Route a whole PUBLISH frame, `len` bytes at `off` of `slab`. It must be
 * valid, stamped and permitted, and not come from a session that could wait. A
 * full outbox still gets it up to twice the mark, and a GAP beyond that.
 * Returns how many outboxes and groups the route has.
 *
 * Like publish_take(), this may invalidate routes, so it must not be called
 * while a caller uses one. A message that arises in the middle of something
 * else goes to broker_post().
 */
uint32_t publish_inject(struct broker *b, struct slab *slab, uint32_t off,
                        uint32_t len);

/* Route the messages that were given to broker_post(), in order. */
void publish_posted(struct broker *b);

#endif
