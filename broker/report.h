/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * report - what befalls a session again and again, told at once, then once a
 * second with its number.
 *
 * Each cause by itself: in the log, and, when a PUBLISH was refused, to the
 * client. A session that awaits what becomes of each PUBLISH is told of each,
 * and then it is only the log that hears of it once a second.
 */
#ifndef UMBELD_REPORT_H
#define UMBELD_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "deadline.h"
#include "proto/message.h"
#include "proto/status.h"

struct session;

/* Of one cause. */
struct report {
	struct report *next; /* of another one */
	struct session *session;
	unsigned cause; /* the status of PUBLISHes, or one of those below */
	struct deadline due; /* set: do not report before */
	uint64_t n;          /* not reported yet */
	uint64_t bytes;      /* of those that were dropped */
	char *about;         /* of the last of those ... */
	char *why;           /* ... and the reason */
};

#define REPORT_DROPPED      0x10000u /* messages */
#define REPORT_SUBSCRIPTION 0x10001u /* that was refused for a limit */
#define REPORT_DENIED       0x10002u /* subscriptions, by the rules */
#define REPORT_REQUEST      0x10003u /* refused; each is answered */

/* A limit by its name, and how much there was of what it bounds. */
struct measured {
	const char *what;
	size_t n;
	size_t limit;
	const char *of;
};

/* Its messages were dropped, by reason of this. */
void report_dropped(struct session *s, uint64_t frames, uint64_t bytes,
                    const struct measured *m);

/* One more subscription is refused: there are `n` of these already. */
void report_refused_subscription(struct session *s, uint32_t request,
                                 const char *what, const char *limit,
                                 uint32_t n, uint32_t max);

/* The rules do not let it subscribe to this. */
void report_denied_subscription(struct session *s, uint32_t request,
                                struct text filter, const char *why);

/* A PUBLISH is refused, and counted. */
void report_refused_publish(struct session *s, enum status status,
                            struct text about, const char *why);

/* Deadline of struct broker; the user is the broker. */
void report_on_due(struct deadline *d, void *broker);

/* It has ended. What it has lost is in the log, if not to the second. */
void report_forget(struct session *s);

#endif
