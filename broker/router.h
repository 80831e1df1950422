/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * router - which outboxes and which groups get the messages of a topic.
 *
 * Filters are in a trie. Where a topic leads is computed once and cached as a
 * route, a flat list of outboxes followed by groups, until subscriptions
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

/* What a walk of the trie has found; the memory is reused by the next walk. */
struct found {
	void **at;
	uint32_t n;
	uint32_t cap;
};

struct router {
	struct trie trie;
	struct routes routes;
	struct groups groups;
	size_t n_subscriptions; /* including members of groups */
	uint64_t walk; /* number of the current one, see outbox.route_mark */
	uint64_t n_doubles; /* matches whose outbox was found already */
	struct found outboxes;
	struct found in_groups;
	bool responder; /* the walk met one that is not a monitor */
	bool out_of_memory;
};

/* `seed` should be random. Returns 0 or -ENOMEM. */
int router_init(struct router *r, uint64_t seed);
void router_fini(struct router *r);

/* `filter` must be valid. Returns 0, or -ENOMEM with nothing changed. */
int router_subscribe(struct router *r, struct subscription *s,
                     const char *filter, size_t len);

/*
 * The same for a member of a group: the group of this name and filter is
 * created if need be. Members may join and leave a group without invalidating
 * routes.
 */
int router_join(struct router *r, struct member *m, struct text name,
                struct text filter);

/*
 * Undoes router_subscribe() or router_join(). A group that becomes empty stays
 * allocated until groups_sweep(), because a caller may still use a route to it.
 */
void router_unsubscribe(struct router *r, struct subscription *s);

/* Does this route lead to anybody that might answer a request? */
#define ROUTE_HAS_RESPONDER 1u

/* The outboxes of a route, each once; not those of members of groups. */
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

/* The groups of a route. */
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

/* Do both routes lead to the same outboxes and groups in the same order, so
   that messages for the one may also go to the other? */
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
 * The cached route of a topic; then the topic is valid, too. NULL when there is
 * none: ask topic_is_valid(), then router_find(). Routes are valid until the
 * router is called again.
 */
static inline struct route *
router_recall(struct router *r, const char *topic, size_t len)
{
	uint32_t hash = routes_hash(&r->routes, topic, len);

	return routes_find(&r->routes, hash, topic, len);
}

/*
 * How many sessions and groups a valid topic leads to. This neither adds nor
 * removes a cached route.
 */
uint32_t router_count(struct router *r, const char *topic, size_t len);

/* The route of a valid topic; NULL when there is no memory for it. */
struct route *router_find(struct router *r, const char *topic, size_t len);

#endif
