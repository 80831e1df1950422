/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * routes - a bounded cache of where topics lead.
 *
 * What a topic matches is computed once (by a walk of the trie) and kept as a
 * flat list of pointers until subscriptions change. Then the owner raises the
 * generation, and routes of an older one count as absent. A topic in the cache
 * has passed topic_is_valid().
 *
 * The cache has sets of four routes, replaced in turn: a lookup reads one cache
 * line of hashes and then the route itself. The table grows with use up to its
 * bounds. From then on, a topic that occurs only once does not evict another,
 * because there may be any number of such topics.
 */
#ifndef UMBEL_PROTO_ROUTES_H
#define UMBEL_PROTO_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route {
	uint64_t admits;    /* for the owner: bits of who may use it */
	uint32_t n;         /* pointers in to[] */
	uint32_t n_last;    /* for the owner: how many at the end are special */
	uint16_t mark;      /* for the owner; all three are 0 at first */
	uint16_t topic_len; /* the topic and a NUL follow to[n] */
	void *to[];
};

struct route_set;

struct routes {
	struct route_set *sets; /* n_sets is a power of two */
	size_t n_sets;
	size_t max_sets;
	size_t n_routes;
	size_t bytes;
	size_t max_bytes;
	size_t hand;           /* the next set that is emptied to save bytes */
	struct route *passing; /* the last route that was not cached */
	size_t passing_size;
	uint64_t seed;
	uint64_t generation;
	/* while unchanged, found routes stay valid */
	uint64_t n_gone;
};

/* Returns 0 or -ENOMEM. At most max_bytes are used for routes, the table
   included. */
int routes_init(struct routes *r, size_t max_bytes, uint64_t seed);
void routes_fini(struct routes *r);

/* All current routes become stale. */
static inline void
routes_invalidate(struct routes *r)
{
	r->generation++;
	r->n_gone++;
}

uint32_t routes_hash(const struct routes *r, const char *topic, size_t len);

/*
 * The current route of a topic with this hash, or NULL. Valid until the next
 * routes_put().
 */
struct route *routes_find(const struct routes *r, uint32_t hash,
                          const char *topic, size_t len);

/*
 * The same in steps, each of which prefetches what the next one reads:
 * routes_fetch_set() the set of this hash; routes_fetch_route() returns the
 * first route in it with the hash, or NULL; route_fetch_target() says whether
 * the route is the topic's, and if so prefetches the target of its first
 * pointer. If it is another topic's, routes_find() may still find the right
 * one.
 */
void routes_fetch_set(const struct routes *r, uint32_t hash);
struct route *routes_fetch_route(const struct routes *r, uint32_t hash);
bool route_fetch_target(const struct route *route, const char *topic,
                        size_t len);

/*
 * Make the route of `topic`, which leads to the `n` pointers at `to`; NULL when
 * there is no memory. Valid until the next routes_put(). It is cached if there
 * is room, or if it seems to be worth more than the route that it would evict.
 */
struct route *routes_put(struct routes *r, const char *topic, size_t len,
                         void *const *to, uint32_t n);

/*
 * Call `found` for each route of a set, below r->n_sets. Visiting every set
 * visits every cached topic, including stale ones. `found` must not change the
 * cache.
 */
typedef void routes_found(const struct route *route, void *user);
void routes_visit(const struct routes *r, size_t set, routes_found *found,
                  void *user);

static inline const char *
route_topic(const struct route *route)
{
	return (const char *)&route->to[route->n];
}

#endif
