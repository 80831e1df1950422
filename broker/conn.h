/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * conn - a socket: its events, what comes in, what goes out, and its end.
 *
 * A connection carries a session. What is read is parsed at once; what that
 * puts into outboxes is sent when the batch is over, one system call for each
 * receiver. Nothing is freed in the middle of a turn of the loop, so that no
 * callback pulls the rug from under another.
 *
 * When the pool has no slab to read into, messages still *pass* from who sends
 * them to those who keep up: a piece is looked at while the kernel keeps it, and
 * is sent on before the next one. What somebody would owe afterwards is left to
 * the kernel, and its sender waits for memory. So those who do not read cost
 * only those who publish to them.
 */
#ifndef UMBELD_CONN_H
#define UMBELD_CONN_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "admission.h"
#include "broker.h"
#include "deadline.h"
#include "input.h"
#include "list.h"
#include "session.h"

/* What only a connection needs that has once been slow to read. */
struct conn_writer {
	struct event writable;
	struct deadline retry; /* the kernel was out of memory */
};

struct conn {
	struct session session;
	struct event readable;
	struct conn_writer *writer; /* NULL until it is needed */
	struct input input;
	struct deadline due; /* for HELLO, for a frame, or to take leave */
	STAILQ_ENTRY(conn) dirty_link;
	struct link ready_link;
	int fd;
	bool dirty : 1;    /* in conns.dirty: something new to send */
	bool ready : 1;    /* in conns.ready: input to take again */
	bool reading : 1;  /* `readable` is on */
	bool blocked : 1;  /* the kernel is full: `writable` is on */
	bool all_read : 1; /* reading is over: end of stream */
	bool paused : 1; /* not read before the next turn: others have theirs */
	bool served : 1; /* has memory to read into, and has waited for it */
	bool dead : 1;   /* in conns.dead */
};

/* All connections of a server, and what is to be done with them this turn. */
struct conns {
	struct session_ops ops; /* what sessions know of their connections */
	struct event_base *base;
	struct broker *broker;
	size_t n;
	uint32_t send_buffer; /* of each socket, bytes */
	STAILQ_HEAD(, conn) dirty;
	struct link ready; /* conns, by ready_link */
	struct link dead;  /* the same */
	struct deadline_queue handshakes;
	struct deadline_queue frames;
	struct deadline_queue leaves;
	struct deadline_queue retries;
};

void conns_init(struct conns *all, struct event_base *base,
                struct broker *broker);

/* For admission: whoever is refused gets a fatal ERROR `limit`. */
struct carrier conns_carrier(struct conns *all);

/* The turn is over: send, go on with what can go on, free what has ended.
   False when there is more to do at once. */
bool conns_end_turn(struct conns *all);

/* Has every session been sent what waits for it? */
bool conns_are_flushed(const struct conns *all);

/* Close all, at once. */
void conns_fini(struct conns *all);

#endif
