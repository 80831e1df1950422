/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * router - which outboxes get the messages of a topic.
 *
 * Filters hang in a trie; where a topic leads is worked out once and kept as a
 * route, a flat list of outboxes, until any subscription changes. The router
 * knows outboxes, not sessions or sockets.
 */
#ifndef UMBELD_ROUTER_H
#define UMBELD_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outbox.h"
#include "proto/routes.h"
#include "proto/trie.h"

/* Lives in whoever subscribed; in place until router_unsubscribe(). */
struct subscription {
	struct trie_entry entry;
	struct outbox *to;
	uint32_t id;  /* the client's number for it */
	bool monitor; /* does not count as a responder */
};

struct router {
	struct trie trie;
	struct routes routes;
	uint64_t walk; /* number of the current one, see outbox.route_mark */
	struct outbox **found;
	uint32_t n_found;
	uint32_t found_cap;
	bool responder; /* the walk met a subscription that is no monitor */
	bool out_of_memory;
};

/* `seed` should be random. Returns 0 or -ENOMEM. */
int router_init(struct router *r, uint64_t seed);
void router_fini(struct router *r);

/* `filter` must be valid. Returns 0, or -ENOMEM with nothing changed. */
int router_subscribe(struct router *r, struct subscription *s,
                     const char *filter, size_t len);
void router_unsubscribe(struct router *r, struct subscription *s);

/* Does this route lead to anybody who might answer? */
#define ROUTE_HAS_RESPONDER 1u

/* The outboxes of a route, route->n of them, each once. */
static inline struct outbox *
route_outbox(const struct route *route, uint32_t i)
{
	return route->to[i];
}

/*
 * The route of a topic if it is known; then the topic is valid, too. NULL
 * when it is not: ask topic_is_valid(), then router_find().
 * Routes are valid until the router is called again.
 */
static inline struct route *
router_recall(struct router *r, const char *topic, size_t len)
{
	return routes_find(&r->routes, topic, len);
}

/* The route of a valid topic; NULL when there is no memory for it. */
struct route *router_find(struct router *r, const char *topic, size_t len);

#endif
