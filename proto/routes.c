/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "routes.h"

#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "hash.h"

#define WAYS       4u
#define CACHE_LINE 64
#define FIRST_SETS 16u
/*
 * When a set is full, a new topic evicts a route when it is missed twice in a
 * row, and otherwise on every EVERY-th miss of the set: without that, topics
 * that alternate would never be cached.
 */
#define EVERY      8u

/* One cache line: the hashes are compared first, so only one route is read. */
struct route_set {
	alignas(CACHE_LINE) uint32_t hash[WAYS]; /* 0: free */
	struct route *route[WAYS];
	uint64_t generation; /* of all routes in it */
	uint32_t seen;       /* the last hash that found no room */
	uint16_t missed;     /* how many such misses there were */
	uint16_t turn;       /* the way that is replaced next */
};
_Static_assert(sizeof(struct route_set) == CACHE_LINE, "one line");

static struct route_set *
new_sets(size_t n)
{
	struct route_set *sets =
		aligned_alloc(CACHE_LINE, n * sizeof(struct route_set));

	if (sets)
		memset(sets, 0, n * sizeof(*sets));
	return sets;
}

int
routes_init(struct routes *r, size_t max_bytes, uint64_t seed)
{
	*r = (struct routes){
		.n_sets = FIRST_SETS,
		.max_sets = FIRST_SETS,
		.max_bytes = max_bytes,
		.seed = seed,
		.generation = 1,
	};
	/* up to a quarter of the budget may be table */
	while (r->max_sets * 2 * sizeof(struct route_set) <= max_bytes / 4)
		r->max_sets *= 2;
	r->sets = new_sets(r->n_sets);
	if (!r->sets)
		return -ENOMEM;
	r->bytes = r->n_sets * sizeof(*r->sets);
	return 0;
}

static size_t
route_size(size_t topic_len, size_t n)
{
	return sizeof(struct route) + n * sizeof(void *) + topic_len + 1;
}

static void
drop(struct routes *r, struct route_set *set, unsigned way)
{
	struct route *route = set->route[way];

	if (!route)
		return;
	r->bytes -= route_size(route->topic_len, route->n);
	r->n_routes--;
	r->n_gone++;
	free(route);
	set->route[way] = NULL;
	set->hash[way] = 0;
}

static void
drop_all(struct routes *r, struct route_set *set)
{
	for (unsigned way = 0; way < WAYS; way++)
		drop(r, set, way);
}

void
routes_fini(struct routes *r)
{
	for (size_t i = 0; i < r->n_sets; i++)
		drop_all(r, &r->sets[i]);
	free(r->sets);
	free(r->passing);
	*r = (struct routes){ 0 };
}

uint32_t
routes_hash(const struct routes *r, const char *topic, size_t len)
{
	uint32_t hash = (uint32_t)hash_bytes(r->seed, topic, len);

	return hash ? hash : 1;
}

static struct route_set *
set_of(const struct routes *r, uint32_t hash)
{
	return &r->sets[hash & (r->n_sets - 1)];
}

static bool
is_topic(const struct route *route, const char *topic, size_t len)
{
	return route->topic_len == len &&
	       bytes_equal((const uint8_t *)route_topic(route),
	                   (const uint8_t *)topic, len);
}

struct route *
routes_find(const struct routes *r, uint32_t hash, const char *topic,
            size_t len)
{
	const struct route_set *set = set_of(r, hash);

	if (set->generation != r->generation)
		return NULL;
	for (unsigned way = 0; way < WAYS; way++) {
		if (set->hash[way] == hash &&
		    is_topic(set->route[way], topic, len))
			return set->route[way];
	}
	return NULL;
}

/* Prefetch the first cache line's worth of an object, which may span two
   lines. */
static void
fetch(const void *at)
{
	__builtin_prefetch(at);
	__builtin_prefetch((const uint8_t *)at + CACHE_LINE - 1);
}

void
routes_fetch_set(const struct routes *r, uint32_t hash)
{
	__builtin_prefetch(set_of(r, hash));
}

struct route *
routes_fetch_route(const struct routes *r, uint32_t hash)
{
	const struct route_set *set = set_of(r, hash);

	if (set->generation != r->generation)
		return NULL;
	for (unsigned way = 0; way < WAYS; way++) {
		if (set->hash[way] == hash) {
			fetch(set->route[way]);
			return set->route[way];
		}
	}
	return NULL;
}

bool
route_fetch_target(const struct route *route, const char *topic, size_t len)
{
	if (!is_topic(route, topic, len))
		return false;
	if (route->n > 0)
		fetch(route->to[0]);
	return true;
}

static void
make_room(struct routes *r, size_t size)
{
	for (size_t i = 0; i < r->n_sets && r->bytes + size > r->max_bytes;
	     i++) {
		drop_all(r, &r->sets[r->hand]);
		r->hand = (r->hand + 1) & (r->n_sets - 1);
	}
}

/* Double the sets when there are as many routes as sets, so that hardly any
   topic finds its set full and has to be matched each time. */
static void
grow(struct routes *r)
{
	struct routes bigger = *r;

	if (r->n_routes < r->n_sets || r->n_sets == r->max_sets)
		return;
	bigger.n_sets = r->n_sets * 2;
	bigger.sets = new_sets(bigger.n_sets);
	if (!bigger.sets)
		return;
	bigger.bytes += r->n_sets * sizeof(*r->sets);
	bigger.hand = 0;
	for (size_t i = 0; i < r->n_sets; i++) {
		for (unsigned way = 0; way < WAYS; way++) {
			uint32_t hash = r->sets[i].hash[way];
			struct route_set *to;

			if (!hash)
				continue;
			/* a set's routes are split between two sets: there is
			   room */
			to = set_of(&bigger, hash);
			to->generation = r->sets[i].generation;
			to->hash[to->turn] = hash;
			to->route[to->turn++] = r->sets[i].route[way];
		}
	}
	free(r->sets);
	*r = bigger;
	make_room(r, 0);
}

/* The first free way, or WAYS. */
static unsigned
free_way(const struct route_set *set)
{
	unsigned way = 0;

	while (way < WAYS && set->hash[way])
		way++;
	return way;
}

/* Is the topic worth evicting a route? */
static bool
is_worth_it(struct route_set *set, uint32_t hash)
{
	bool again = set->seen == hash;

	set->seen = hash;
	return again || ++set->missed % EVERY == 0;
}

static struct route *
fill(struct route *route, const char *topic, size_t len, void *const *to,
     uint32_t n)
{
	*route = (struct route){
		.n = n,
		.topic_len = (uint16_t)len,
	};
	if (n > 0)
		memcpy(route->to, to, n * sizeof(*to));
	memcpy(&route->to[n], topic, len);
	((char *)&route->to[n])[len] = '\0';
	return route;
}

/* A route that is not cached; the next one reuses its memory. */
static struct route *
pass(struct routes *r, size_t size)
{
	void *more;

	if (size <= r->passing_size)
		return r->passing;
	more = realloc(r->passing, size);
	if (!more)
		return NULL;
	r->passing = more;
	r->passing_size = size;
	return more;
}

/* A route that is cached; if its set is full, another is evicted. */
static struct route *
remember(struct routes *r, struct route_set *set, uint32_t hash, size_t size)
{
	struct route *route = malloc(size);
	unsigned way;

	if (!route)
		return NULL;
	make_room(r, size);
	way = free_way(set);
	if (way == WAYS) {
		way = set->turn++ % WAYS;
		drop(r, set, way);
	}
	set->hash[way] = hash;
	set->route[way] = route;
	r->n_routes++;
	r->bytes += size;
	return route;
}

struct route *
routes_put(struct routes *r, const char *topic, size_t len, void *const *to,
           uint32_t n)
{
	size_t size = route_size(len, n);
	uint32_t hash = routes_hash(r, topic, len);
	struct route_set *set;
	struct route *route;

	grow(r);
	set = set_of(r, hash);
	/* drop stale routes first */
	if (set->generation != r->generation)
		drop_all(r, set);
	set->generation = r->generation;
	if ((free_way(set) < WAYS && r->bytes + size <= r->max_bytes) ||
	    is_worth_it(set, hash))
		route = remember(r, set, hash, size);
	else
		route = pass(r, size);
	return route ? fill(route, topic, len, to, n) : NULL;
}

void
routes_visit(const struct routes *r, size_t set, routes_found *found,
             void *user)
{
	for (unsigned way = 0; way < WAYS; way++) {
		if (r->sets[set].hash[way])
			found(r->sets[set].route[way], user);
	}
}
