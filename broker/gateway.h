/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * gateway - HTTP for programs without an umbel client: all connections of the
 * socket that --http names, and what is to be done with them this turn.
 *
 * Each connection is a session like any other. It turns its HTTP requests into
 * umbel's own frames; see web.h. So the same rules, limits, holds and eviction
 * apply as for other clients. There are three differences: text that waits for
 * a reader counts as memory like an outbox (session_ops.output_memory), each
 * refusal is sent, because each one is an answer (session.awaits_each), and a
 * session that is evicted for lack of memory is closed at once.
 */
#ifndef UMBELD_GATEWAY_H
#define UMBELD_GATEWAY_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "admission.h"
#include "broker.h"
#include "deadline.h"
#include "http.h"
#include "session.h"

struct web;
TAILQ_HEAD(web_list, web);

struct gateway {
	struct session_ops ops;  /* callbacks of the sessions */
	struct event_base *base; /* NULL: there is no gateway */
	struct broker *broker;
	size_t n;
	struct web_list all;
	struct web_list busy;         /* connections with something to do */
	struct deadline_queue heads;  /* until a request's head is complete */
	struct deadline_queue bodies; /* until its body is, or its answer */
	struct deadline_queue idles;  /* until another request comes */
	struct deadline_queue leaves;
	struct deadline_queue retries;
	struct deadline_queue looks;
	int64_t dated; /* the time in `date`, in seconds since 1970 */
	char date[HTTP_DATE_SIZE];
};

void gateway_init(struct gateway *g, struct event_base *base,
                  struct broker *broker);

/* The value of the Date field, updated once a second. */
const char *gateway_date(struct gateway *g);

/* For admission. A refused connection gets a 503. */
struct carrier gateway_carrier(struct gateway *g);

/* Call at the end of each turn, to do the pending work. Must come before
   conns_end_turn(), because it makes work for other connections. */
void gateway_end_turn(struct gateway *g);

static inline bool
gateway_is_idle(const struct gateway *g)
{
	return TAILQ_EMPTY(&g->busy);
}

/* Has all pending output been sent? */
bool gateway_is_flushed(const struct gateway *g);

/* Close all connections immediately. */
void gateway_fini(struct gateway *g);

#endif
