/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * routes - a bounded memory of where topics lead.
 *
 * What a topic matches is worked out once (by a trie walk) and kept as a flat
 * list of pointers until subscriptions change. Then the owner raises the
 * generation, and routes of an older one count as absent. A topic that is in
 * here has passed topic_is_valid().
 *
 * Sets of four, replaced in turn: a lookup reads one cache line of hashes and
 * then the route itself. The table grows with use up to its bounds. Then a
 * topic that comes once makes nobody go: there may be any number of them.
 */
#ifndef UMBEL_PROTO_ROUTES_H
#define UMBEL_PROTO_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route {
	uint64_t admits;    /* the owner's: bits of who may use it */
	uint32_t n;         /* pointers in to[] */
	uint32_t n_last;    /* the owner's: how many at its end are special */
	uint16_t mark;      /* the owner's; all are 0 at first */
	uint16_t topic_len; /* its text and a NUL lie behind to[n] */
	void *to[];
};

struct route_set;

struct routes {
	struct route_set *sets; /* a power of two of them */
	size_t n_sets;
	size_t max_sets;
	size_t n_routes;
	size_t bytes;
	size_t max_bytes;
	size_t hand; /* the set from which the next is dropped for its bytes */
	struct route *passing; /* the last one that is not remembered */
	size_t passing_size;
	uint64_t seed;
	uint64_t generation;
	uint64_t n_gone; /* while this stays, so do all that were found */
};

/* 0 or -ENOMEM. At most max_bytes are spent on routes, the table included. */
int routes_init(struct routes *r, size_t max_bytes, uint64_t seed);
void routes_fini(struct routes *r);

/* All routes of now are stale from here on. */
static inline void
routes_invalidate(struct routes *r)
{
	r->generation++;
	r->n_gone++;
}

uint32_t routes_hash(const struct routes *r, const char *topic, size_t len);

/*
 * The current route of a topic, whose hash it is, or NULL. Valid until the next
 * routes_put().
 */
struct route *routes_find(const struct routes *r, uint32_t hash,
                          const char *topic, size_t len);

/*
 * The same in steps, each of which has the processor fetch what the next one
 * will look at: the set of this hash; the first route in it that has the hash,
 * or NULL; whether that is the topic's, and if so what its first pointer is to.
 * When it is another's, routes_find() may know better.
 */
void routes_fetch_set(const struct routes *r, uint32_t hash);
struct route *routes_fetch_route(const struct routes *r, uint32_t hash);
bool route_fetch_target(const struct route *route, const char *topic,
                        size_t len);

/*
 * The route of `topic`, that leads to the `n` pointers at `to`; or NULL when
 * there is no memory. Valid until the next routes_put(). It is remembered if
 * there is room, or if it seems to be worth more than what would have to go.
 */
struct route *routes_put(struct routes *r, const char *topic, size_t len,
                         void *const *to, uint32_t n);

/*
 * Call `found` for each route of a set, below r->n_sets: once through the sets
 * is once through all topics that are remembered, stale ones too. It must not
 * change them.
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
