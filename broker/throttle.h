/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * throttle - no session publishes faster than publish-rate, if there is one.
 *
 * Whoever has published what it may is not read until it may again, so that
 * nothing is lost. All who wait for that look again at every tick. Who has been
 * slowed for hold_notice_ms is told, and once more when it has not been slowed
 * since the last tick.
 *
 * Without a publish-rate there are no throttles, and nobody looks for one.
 */
#ifndef UMBELD_THROTTLE_H
#define UMBELD_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "bucket.h"
#include "session.h"

/* Of a session that has published something. */
struct throttle {
	struct session *session;
	struct bucket bucket;
	struct link slowed; /* in broker.slowed */
	bool waits;         /* for the next tick ... */
	struct text topic;  /* ... with a message on it, in the input */
	bool told;          /* that it is slowed */
	uint64_t since_ms;  /* it is slowed */
	uint64_t taken;     /* messages since then */
};

/* How long a tick of this broker is. */
uint32_t throttle_tick_ms(const struct config *config);

/*
 * How many messages `s` may publish now. If that is none it waits, with one on
 * this topic, and goes on by its waiter's resume.
 */
uint32_t throttle_allows(struct session *s, struct text topic);
/* It has published so many. */
void throttle_take(struct session *s, uint32_t messages);

/* It waits for nothing any more, and nobody is told. */
void throttle_forget(struct session *s);
void throttle_free(struct session *s);

/* Deadline of struct broker; the user is the broker. */
void throttle_on_tick(struct deadline *d, void *broker);

#endif
