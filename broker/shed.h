/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * shed - what becomes of messages for a session that owes too much, and for
 * which nobody waits.
 *
 * Under `block` its senders wait (hold.h), but some messages cannot: those are
 * taken up to twice the mark. Under `drop-oldest` the oldest make room for
 * them, also when memory is short. Under `disconnect` the session has to go.
 * Nothing is lost without a GAP.
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

/* No more is owed than below the mark: append, and do not ask. */
static inline bool
shed_has_room(const struct outbox *o)
{
	return o->bytes < o->limits->high;
}

/* Messages were appended that nobody asked about, in the middle of something:
   what has to become of too many does so when that is over. */
void shed_soon(struct outbox *o);

/* Clients wait for memory: sessions that rather lose messages, do. Those that
   owe most lose first. */
void shed_for_memory(struct broker *b);

/* The same, of those that take leave: but what they are told last, a GAP and an
   ERROR, is sent. */
void shed_ending(struct broker *b);

/* A deadline of struct broker; the user is the broker. */
void shed_on_overflow(struct deadline *d, void *broker);

#endif
