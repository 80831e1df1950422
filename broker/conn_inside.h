/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * conn_inside - shared by the files of a connection and used by nobody else. In
 * the order in which a message meets them: conn_read.c reads and parses,
 * conn_pass.c does so when there is no memory to read into, conn_write.c sends
 * what is owed, conn_time.c ends what takes too long; and conn.c is how a
 * connection begins, has its turn, and ends.
 */
#ifndef UMBELD_CONN_INSIDE_H
#define UMBELD_CONN_INSIDE_H

#include "conn.h"
#include "unread.h"

static inline struct conn *
conn_of(struct session *s)
{
	return (struct conn *)((char *)s - offsetof(struct conn, session));
}

static inline const struct conn *
conn_of_const(const struct session *s)
{
	return (const struct conn *)((const char *)s -
	                             offsetof(struct conn, session));
}

static inline struct conns *
conns_of(const struct conn *c)
{
	return (struct conns *)((char *)c->session.ops -
	                        offsetof(struct conns, ops));
}

static inline struct conn *
conn_of_ready(struct link *l)
{
	return (struct conn *)((char *)l - offsetof(struct conn, ready_link));
}

static inline bool
conn_answers_are_unread(const struct conn *c)
{
	return unread_is_too_much(&c->session);
}

/* Must its input be left alone until something has happened? */
static inline bool
conn_is_put_off(const struct conn *c)
{
	return session_is_waiting(&c->session) || conn_answers_are_unread(c) ||
	       c->paused;
}

/* ---- conn.c ---------------------------------------------------------------- */

/* Take its input again in the next round. */
void conn_mark_ready(struct conn *c);
/* Free it when the round is over. */
void conn_mark_dead(struct conn *c);

/* ---- conn_read.c ----------------------------------------------------------- */

void conn_on_readable(evutil_socket_t fd, short what, void *user);

/* Start or stop watching the socket for input, whichever is right now. */
void conn_watch_input(struct conn *c);

/* Carry out all complete frames. Returns how many there were, 0 or more. */
unsigned conn_take_frames(struct conn *c);
/* To be called after `taken` frames were taken and the rest is not to be taken
   now. */
void conn_have_taken(struct conn *c, unsigned taken);

/* Take the input of all connections that are marked ready. */
void conns_take_ready(struct conns *all);

/* ---- conn_pass.c ----------------------------------------------------------- */

/*
 * Let messages pass as far as nothing of them stays in memory. False when none
 * passed: then the session has to wait for memory.
 */
bool conn_pass(struct conn *c);

/* Unless the rest of its frame will not come: then it ends. */
void conn_wait_for_memory(struct conn *c);

/* The other end has gone, and the kernel has not the rest of the frame. */
bool conn_is_cut_off(const struct conn *c);

/* ---- conn_write.c ---------------------------------------------------------- */

/* Offer the outbox to the kernel. Did it take a byte? */
bool conn_flush(struct conn *c);
/* Flush all connections whose outboxes were woken. */
void conns_flush_dirty(struct conns *all);

/* No output waits for room in the kernel any more. */
void conn_unblock(struct conn *c);
void conn_on_retry(struct deadline *d, void *all);

/* ---- conn_time.c ----------------------------------------------------------- */

void conns_init_deadlines(struct conns *all);

/* `taken` frames were taken. Set the timeout for the rest: a frame that has
   begun must be completed in time, and so must the handshake. */
void conn_watch_time(struct conn *c, unsigned taken);

#endif
