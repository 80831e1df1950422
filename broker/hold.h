/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * hold - backpressure: which publisher waits for which subscriber, for how long
 * at most, and who is told.
 *
 * A publisher whose message finds a full outbox waits in that outbox's queue,
 * and its socket is not read; the kernel's socket buffer then slows down the
 * process behind it.
 *
 * An outbox whose reader keeps up is full at a soft mark, far below the high
 * one: its publishers are *paced*, for moments that nobody is told of, so that
 * what was read from one socket is still in the CPU cache when it is written to
 * the other. A reader that makes no room within PACE_MS is slow; then its
 * outbox may fill up to the high mark, and publishers that wait there are
 * *held*, until the reader has caught up. Three timeouts bound that:
 *
 *	notice	after hold_notice_ms the publisher gets HOLD, and it is logged
 *	stall	a subscriber that takes no byte for stall_ms while anybody
 *		waits for it, or with a message for it for another one, is
 *		evicted
 *	end	one that holds one publisher for hold_max_ms is evicted
 *
 * A client that was evicted for one of these may for a while not hold anybody
 * up.
 */
#ifndef UMBELD_HOLD_H
#define UMBELD_HOLD_H

#include "deadline.h"
#include "session.h"

/*
 * `s` waits for room in the outbox of `by`; `topic` points into its waiting
 * input. If `by` is in the way as a member of `group` (else NULL), room at any
 * other member is enough, too: then the group is awaited, and all its members
 * are watched. False when there is no memory to remember it.
 */
bool hold_begin(struct session *s, struct session *by, struct group *group,
                struct text topic);

/*
 * `s` has begun to wait, with a message that goes by `route`: the stall clocks of
 * all others that are full for it run, too, so that they need not be waited for
 * one after another.
 */
void hold_watch(const struct session *s, const struct route *route);

/* `s` waits until the broker has settled. */
void hold_for_settling(struct session *s);

/* `s` goes on; called when its turn has come. */
void hold_ended(struct session *s);

/* Cancel every wait of `s`, without sending HOLD(off). */
void hold_forget(struct session *s);

/*
 * `by` has fewer subscriptions than before: sessions that waited for it with a
 * message that it no longer gets go on. The others keep their places and their
 * timeouts, so that a slow reader gains nothing by unsubscribing.
 */
void hold_review(struct session *by);

/* A group has a new member, which may have room. */
void hold_review_group(struct group *g);

/*
 * The outbox of `by` has become shorter although the kernel took nothing:
 * resume those who can go on. Whoever reduces what an outbox owes calls this,
 * or hold_progress(), or ends the session.
 */
void hold_made_room(struct session *by);

/* The kernel took bytes for `by`: the same, and it shows that the client
   reads. */
void hold_progress(struct session *by);

/* How long a reader may take to make room before it counts as slow. */
#define PACE_MS 10u

/* Deadlines of struct broker; the user is the broker. */
void hold_on_paced(struct deadline *d, void *broker);
void hold_on_stall(struct deadline *d, void *broker);
void hold_on_notice(struct deadline *d, void *broker);
void hold_on_too_long(struct deadline *d, void *broker);

#endif
