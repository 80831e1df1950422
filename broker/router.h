/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * router - which outboxes, and which groups, get the messages of a topic.
 *
 * Filters hang in a trie; where a topic leads is worked out once and kept as a
 * route, a flat list of outboxes and behind them groups, until subscriptions
 * change. The router knows outboxes, not sessions or sockets.
 */
#ifndef UMBELD_ROUTER_H
#define UMBELD_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "group.h"
#include "outbox.h"
#include "proto/bytes.h"
#include "proto/routes.h"
#include "proto/trie.h"
#include "subscription.h"

/* What a walk has met; the memory is kept from walk to walk. */
struct found {
	void **at;
	uint32_t n;
	uint32_t cap;
};

struct router {
	struct trie trie;
	struct routes routes;
	struct groups groups;
	size_t n_subscriptions; /* members of groups too */
	uint64_t walk; /* number of the current one, see outbox.route_mark */
	uint64_t
		n_doubles; /* subscriptions met whose outbox was found already */
	struct found outboxes;
	struct found in_groups;
	bool responder; /* the walk met a subscription that is no monitor */
	bool out_of_memory;
};

/* `seed` should be random. Returns 0 or -ENOMEM. */
int router_init(struct router *r, uint64_t seed);
void router_fini(struct router *r);

/* `filter` must be valid. Returns 0, or -ENOMEM with nothing changed. */
int router_subscribe(struct router *r, struct subscription *s,
                     const char *filter, size_t len);

/*
 * The same for a member: the group of this name and filter is founded if need
 * be. Who is in a group may change without any route being forgotten.
 */
int router_join(struct router *r, struct member *m, struct text name,
                struct text filter);

/* For both; no group that a route leads to is freed by it. */
void router_unsubscribe(struct router *r, struct subscription *s);

/* Does this route lead to anybody who might answer? */
#define ROUTE_HAS_RESPONDER 1u

/* The outboxes of a route, each once; groups are not among them. */
static inline uint32_t
route_n_outboxes(const struct route *route)
{
	return route->n - route->n_last;
}

static inline struct outbox *
route_outbox(const struct route *route, uint32_t i)
{
	return route->to[i];
}

/* Its groups. */
static inline uint32_t
route_n_groups(const struct route *route)
{
	return route->n_last;
}

static inline struct group *
route_group(const struct route *route, uint32_t i)
{
	return route->to[route->n - route->n_last + i];
}

/* The same people in the same order, so that what goes to the one may as well go
   to the other. */
static inline bool
route_leads_like(const struct route *a, const struct route *b)
{
	return a->n == b->n && a->n_last == b->n_last &&
	       bytes_equal((const uint8_t *)a->to, (const uint8_t *)b->to,
	                   a->n * sizeof(a->to[0]));
}

/* Does any filter match this topic? It changes nothing, routes included. */
bool router_leads_anywhere(struct router *r, const char *topic, size_t len);

/*
 * The route of a topic if it is known; then the topic is valid, too. NULL
 * when it is not: ask topic_is_valid(), then router_find().
 * Routes are valid until the router is called again.
 */
static inline struct route *
router_recall(struct router *r, const char *topic, size_t len)
{
	uint32_t hash = routes_hash(&r->routes, topic, len);

	return routes_find(&r->routes, hash, topic, len);
}

/*
 * How many sessions and groups a valid topic leads to. Nothing is remembered,
 * and what is remembered stays.
 */
uint32_t router_count(struct router *r, const char *topic, size_t len);

/* The route of a valid topic; NULL when there is no memory for it. */
struct route *router_find(struct router *r, const char *topic, size_t len);

#endif
