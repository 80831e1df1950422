/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * report - events that may happen to a session again and again: the first is
 * reported at once, the following ones once a second with their number.
 *
 * Each cause is reported separately: in the log, and, if a PUBLISH was refused,
 * also to the client. A session that awaits a verdict on each PUBLISH is told
 * about each one; then only the log is limited to once a second.
 */
#ifndef UMBELD_REPORT_H
#define UMBELD_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "deadline.h"
#include "proto/message.h"
#include "proto/status.h"

struct session;

/* The events of one cause. */
struct report {
	struct report *next; /* of another cause */
	struct session *session;
	/* the status of a refused PUBLISH, or one of those below */
	unsigned cause;
	struct deadline due; /* while set, only count */
	uint64_t n;          /* events not reported yet */
	uint64_t bytes;      /* of dropped messages */
	char *about;         /* of the last event ... */
	char *why;           /* ... and the reason */
};

#define REPORT_DROPPED      0x10000u /* dropped messages */
#define REPORT_SUBSCRIPTION 0x10001u /* subscriptions over a limit */
#define REPORT_DENIED       0x10002u /* subscriptions denied by the rules */
#define REPORT_REQUEST      0x10003u /* refused requests; each is answered */

/* The name of a limit, and how much there was of what it bounds. */
struct measured {
	const char *what;
	size_t n;
	size_t limit;
	const char *of;
};

/* Messages to the session were dropped, because of this limit. */
void report_dropped(struct session *s, uint64_t frames, uint64_t bytes,
                    const struct measured *m);

/* A subscription is refused: there are `n` already. */
void report_refused_subscription(struct session *s, uint32_t request,
                                 const char *what, const char *limit,
                                 uint32_t n, uint32_t max);

/* The rules do not allow the session to subscribe to this filter. */
void report_denied_subscription(struct session *s, uint32_t request,
                                struct text filter, const char *why);

/* A PUBLISH is refused; this also counts it. */
void report_refused_publish(struct session *s, enum status status,
                            struct text about, const char *why);

/* Deadline of struct broker; the user is the broker. */
void report_on_due(struct deadline *d, void *broker);

/* The session has ended. Losses that are not reported yet go to the log now. */
void report_forget(struct session *s);

#endif
