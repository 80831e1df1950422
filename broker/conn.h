/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * conn - a connected socket: its events, its input and output, and its end.
 *
 * A connection is the transport of a session. What is read is parsed at once;
 * what that adds to outboxes is sent when the batch is over, with one system
 * call for each receiver. Nothing is freed in the middle of a turn of the event
 * loop, so that no callback frees what another still uses.
 *
 * When the pool has no slab to read into, messages can still *pass* from
 * publishers to subscribers that keep up: a piece of input is only peeked at,
 * so the kernel keeps it, and its messages are sent before the next piece is
 * read. A message that some subscriber would owe afterwards is left in the
 * kernel, and its publisher waits for memory. So subscribers that do not read
 * only affect those who publish to them.
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

/* What a connection only needs once its peer has been slow to read. */
struct conn_writer {
	struct event writable;
	struct deadline retry; /* the kernel was out of memory */
};

struct conn {
	struct session session;
	struct event readable;
	struct conn_writer *writer; /* NULL until it is needed */
	struct input input;
	struct deadline due; /* for HELLO, for a frame, or for the end */
	STAILQ_ENTRY(conn) dirty_link;
	struct link ready_link;
	int fd;
	bool dirty : 1;    /* in conns.dirty: something new to send */
	bool ready : 1;    /* in conns.ready: input to take again */
	bool reading : 1;  /* `readable` is on */
	bool blocked : 1;  /* the kernel is full: `writable` is on */
	bool all_read : 1; /* end of stream or an error */
	bool paused : 1;   /* other connections have their turn first */
	bool served : 1;   /* got memory to read into, after waiting */
	bool dead : 1;     /* in conns.dead */
};

/* All connections of a broker, and those to be dealt with in this turn. */
struct conns {
	struct session_ops ops; /* for the sessions */
	struct event_base *base;
	struct broker *broker;
	size_t n;
	uint32_t send_buffer; /* SO_SNDBUF of each socket */
	STAILQ_HEAD(, conn) dirty;
	struct link ready; /* conns, by ready_link */
	struct link dead;  /* conns, by ready_link, too */
	struct deadline_queue handshakes;
	struct deadline_queue frames;
	struct deadline_queue leaves;
	struct deadline_queue retries;
};

void conns_init(struct conns *all, struct event_base *base,
                struct broker *broker);

/* For admission: a refused client gets a fatal ERROR `limit`. */
struct carrier conns_carrier(struct conns *all);

/* End the turn: send, resume what can go on, free what has ended. False when
   there is more to do at once. */
bool conns_end_turn(struct conns *all);

/* Are all outboxes empty? */
bool conns_are_flushed(const struct conns *all);

/* Close all connections at once. */
void conns_fini(struct conns *all);

#endif
