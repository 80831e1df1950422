/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * publish - the path of a message: read, stamp, check, route, and into the
 * outboxes of all who subscribed. Nothing here allocates, copies or calls the
 * system per message, but for those that are retained.
 */
#ifndef UMBELD_PUBLISH_H
#define UMBELD_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "input.h"
#include "session.h"

enum publish_outcome {
	PUBLISH_TAKEN,  /* and skipped in the input */
	PUBLISH_PAUSES, /* taken, and others have their turn before the next */
	PUBLISH_WAITS, /* the message is still in the input, and the session waits,
	                  or the message may not pass (struct broker) */
	PUBLISH_FATAL, /* the session has failed */
};

/* Is this a PUBLISH of the common shape? Others need a closer look. */
static inline bool
publish_is_likely(const uint8_t *body, uint32_t len)
{
	return len >= 2 && body[0] == 0x97 && body[1] == 3;
}

/*
 * Route the PUBLISH at the front of the input, whose body has arrived whole,
 * and with it those that follow on the same topic.
 */
enum publish_outcome publish_take(struct session *s, struct input *in,
                                  uint32_t body_len);

/*
 * Route a whole PUBLISH frame, `len` bytes at `off` of `slab`, that is valid,
 * stamped and permitted, and not from a session that could wait. Whose outbox
 * is full gets it up to twice the mark, and a GAP beyond. To how many it went.
 *
 * Like publish_take() it forgets routes, so that it may not be called from
 * where one is in use: what comes up in the middle of something goes to
 * broker_post().
 */
uint32_t publish_inject(struct broker *b, struct slab *slab, uint32_t off,
                        uint32_t len);

/* Route what was given to broker_post(), in order. */
void publish_posted(struct broker *b);

#endif
