/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * unread - a session that does not read its answers: too many of them are
 * queued, and so its input is not read (PROTOCOL.md, O6).
 *
 * When that has lasted for hold_notice_ms, it is logged and published with the
 * holds: the session is held up by itself. The client gets no HOLD, which would
 * be one more answer.
 */
#ifndef UMBELD_UNREAD_H
#define UMBELD_UNREAD_H

#include "deadline.h"
#include "session.h"

/* Exists while there are too many. */
struct unread {
	struct session *session;
	uint64_t since_ms;
	bool told;
	struct deadline due;
};

static inline bool
unread_is_too_much(const struct session *s)
{
	return s->out.answer_bytes > s->broker->limits.answers;
}

/* Call this when there have become too many, or are not any more. */
void unread_changed(struct session *s);

/* The transport calls this when it decides whether to read the session's
   input. */
static inline void
unread_look(struct session *s)
{
	if (unread_is_too_much(s) != (s->unread != NULL))
		unread_changed(s);
}

/* The session has ended. */
void unread_forget(struct session *s);

/* Deadline of struct broker; the user is the broker. */
void unread_on_notice(struct deadline *d, void *broker);

#endif
