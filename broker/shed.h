/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * shed - what happens to messages for a session that owes too much and that
 * nobody waits for.
 *
 * Under `block` its publishers wait (hold.h), but some messages cannot wait:
 * those are accepted up to twice the mark. Under `drop-oldest` the oldest
 * messages are dropped for them, also when memory is short. Under `disconnect`
 * the session ends. Nothing is lost without a GAP.
 */
#ifndef UMBELD_SHED_H
#define UMBELD_SHED_H

#include "deadline.h"
#include "outbox.h"

struct broker;

enum shed {
	SHED_TAKE,      /* append them */
	SHED_TAKE_LAST, /* append them, so that they share in what becomes of the
	                   others, and call shed_cut_off() */
	SHED_LOSE,      /* they are lost, and that is announced */
};

/* `frames` messages of `bytes` bytes have come for an outbox that is at its
   mark. */
enum shed shed_admit(struct outbox *o, uint64_t frames, uint64_t bytes);

/* It is full, and had rather end than wait or lose. */
void shed_cut_off(struct outbox *o);

/* The outbox is below the mark: append without asking shed_admit(). */
static inline bool
shed_has_room(const struct outbox *o)
{
	return o->bytes < o->limits->high;
}

/* To be called after messages were appended without shed_admit(), in the middle
   of something else: the policy is applied when that is over. */
void shed_soon(struct outbox *o);

/* Clients wait for memory: drop messages of sessions with the policy
   drop-oldest. Those that owe most lose first. */
void shed_for_memory(struct broker *b);

/* The same for sessions that are ending; but their last frames, a GAP and an
   ERROR, are still sent. */
void shed_ending(struct broker *b);

/* A deadline of struct broker; the user is the broker. */
void shed_on_overflow(struct deadline *d, void *broker);

#endif
