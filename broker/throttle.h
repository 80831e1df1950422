/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * throttle - enforces publish-rate, if it is set, on each session.
 *
 * A session that has used up its rate is not read until it may publish again,
 * so nothing is lost. All sessions that wait for this are checked again at
 * every tick. A session that has been slowed for hold_notice_ms is told, and
 * told once more when it has not been slowed since the last tick.
 *
 * Without a publish-rate there are no throttles, and they cost nothing.
 */
#ifndef UMBELD_THROTTLE_H
#define UMBELD_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "bucket.h"
#include "session.h"

/* The throttle of one session; created when it first publishes. */
struct throttle {
	struct session *session;
	struct bucket bucket;
	struct link slowed; /* in broker.slowed */
	bool waits;         /* for the next tick ... */
	struct text topic;  /* ... with a message on it, in the input */
	bool told;          /* the client knows that it is slowed */
	uint64_t since_ms;  /* when it began to be slowed */
	uint64_t taken;     /* messages since then */
};

/* The length of a tick. */
uint32_t throttle_tick_ms(const struct config *config);

/*
 * How many messages `s` may publish now. If none, the session waits, with a
 * message on this topic, and goes on through its waiter's resume.
 */
uint32_t throttle_allows(struct session *s, struct text topic);
/* Count messages that the session has published. */
void throttle_take(struct session *s, uint32_t messages);

/* Stop waiting. The client is not told. */
void throttle_forget(struct session *s);
void throttle_free(struct session *s);

/* Deadline of struct broker; the user is the broker. */
void throttle_on_tick(struct deadline *d, void *broker);

#endif
