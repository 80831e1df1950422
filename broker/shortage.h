/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * shortage - what happens when memory is short: who waits for it, and which
 * session is ended.
 *
 * Whoever needs a slab, or has a message that would stay in memory (conn.h),
 * waits for it while the pool has none to give, and gets it in turn (slab.h).
 * Sessions that rather lose messages do so first (shed.h). When the first in
 * turn has waited for stall_ms, those that take leave lose all but their last
 * words, and frames that have begun go if they have too much (unfinished.h), or
 * the session that owes most, of the user that owes most; or,
 * when nobody owes anything, the one whose frame has most of it so far. After
 * as much time again the next one goes, if the first still waits.
 *
 * A wait longer than hold_notice_ms is logged and published with the holds. The
 * client itself gets no HOLD, because that would take memory.
 */
#ifndef UMBELD_SHORTAGE_H
#define UMBELD_SHORTAGE_H

#include "session.h"

/* `s` waits for memory, until its ops->take_memory() has got some or, if it has
   put a command off, shortage_keep() has. */
void shortage_wait(struct session *s);

/* What has only begun gives way to what can be taken. Was there any? For who
   needs a slab, before it waits. */
bool shortage_squeeze(struct broker *b);

/* What it waited for is done with: the next time it is last. */
static inline void
shortage_is_over(struct session *s)
{
	s->in_need = false;
}

/*
 * Reserve one slab's worth of memory for the command that `s` has put off, so
 * that others do not use it up first. False when there is not enough.
 * shortage_release() gives it back.
 */
bool shortage_keep(struct session *s);
void shortage_release(struct session *s);

/* The queue for memory has changed: set the timeout for its first waiter. */
void shortage_watch(struct broker *b);

/* The session has ended. */
void shortage_forget(struct session *s);

/* Deadlines of struct broker; the user is the broker. */
void shortage_on_due(struct deadline *d, void *broker);
void shortage_on_tick(struct deadline *d, void *broker);

#endif
