/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * gateway - HTTP for those who have no client: all connections of the socket
 * that --http names, and what is to be done with them this turn.
 *
 * Each connection is a session like any other, which says to the broker in
 * umbel's own frames what its requests ask for; see web.h. So whatever holds
 * for clients holds here: rules, limits, holds, eviction. What is carried out
 * differently is what differs: text that waits for a reader is owed like an
 * outbox (session_ops.output_memory), each refusal is told, for each is an
 * answer (session.awaits_each), and who goes for want of memory goes at once.
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
	struct session_ops ops;  /* what sessions know of their connections */
	struct event_base *base; /* NULL: there is no gateway */
	struct broker *broker;
	size_t n;
	struct web_list all;
	struct web_list busy;         /* there is something to do */
	struct deadline_queue heads;  /* until a request's head is there */
	struct deadline_queue bodies; /* until its body is, or is answered */
	struct deadline_queue idles;  /* until another request comes */
	struct deadline_queue leaves;
	struct deadline_queue retries;
	struct deadline_queue looks;
	int64_t dated; /* what `date` says, in seconds since 1970 */
	char date[HTTP_DATE_SIZE];
};

void gateway_init(struct gateway *g, struct event_base *base,
                  struct broker *broker);

/* For answers: made anew once a second. */
const char *gateway_date(struct gateway *g);

/* For admission: whoever is refused gets a 503. */
struct carrier gateway_carrier(struct gateway *g);

/* The turn is over: do what is to be done. Comes before conns_end_turn(), for
   others get something to do by it. */
void gateway_end_turn(struct gateway *g);

static inline bool
gateway_is_idle(const struct gateway *g)
{
	return TAILQ_EMPTY(&g->busy);
}

/* Has everybody been sent what waits for them? */
bool gateway_is_flushed(const struct gateway *g);

/* Close all, at once. */
void gateway_fini(struct gateway *g);

#endif
