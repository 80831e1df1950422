/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * retained - the last retained message of each topic, for later subscribers.
 *
 * A value is the body of a PUBLISH as it was routed, stamp included, in a small
 * slab of exactly its size: a message of 20 bytes does not pin the 256 KiB slab
 * that it came in. Outboxes refer to that slab like to any other, so a value
 * that is replaced while an outbox still has to send it lives until then.
 *
 * The store is bounded in values and in bytes, including its own overhead, and
 * refuses what does not fit: dropping another topic's value would be silent.
 * The slabs are charged to the pool as well, because the pool bounds all memory
 * that messages occupy; the configuration ensures that the store never takes
 * more than a part of the pool.
 */
#ifndef UMBELD_RETAINED_H
#define UMBELD_RETAINED_H

#include <stddef.h>
#include <stdint.h>

#include "slab.h"

/* A retained value. Valid until the store changes; its slab may be shared
   beyond that. */
struct retained_value {
	const char *topic;
	struct slab *slab; /* only the body */
	uint64_t since_ms; /* when it was stored */
	uint32_t topic_len;
};

struct retained_entry;

struct retained {
	struct slab_pool *pool;
	struct retained_entry *by_topic; /* a hash table */
	struct retained_entry **order;   /* by topic, except the last few */
	size_t order_cap;
	size_t n_sorted; /* how many of order are sorted */
	size_t n;
	size_t bytes;
	size_t max_n;
	size_t max_bytes;
	uint64_t seed;
};

/* Initialize an empty store. `seed` should be random, because clients choose
   the topics. */
void retained_init(struct retained *r, struct slab_pool *pool, size_t max_n,
                   size_t max_bytes, uint64_t seed);
void retained_fini(struct retained *r);

enum retained_result {
	RETAINED_KEPT,
	RETAINED_TOO_MANY, /* max_n values are kept already */
	RETAINED_TOO_BIG,  /* it would exceed max_bytes */
	RETAINED_NO_MEMORY,
};

/* Store a copy of this body as the topic's value. Unless the result is
   RETAINED_KEPT, nothing has changed. */
enum retained_result retained_put(struct retained *r, const char *topic,
                                  size_t topic_len, const uint8_t *body,
                                  uint32_t body_len, uint64_t now_ms);

/* Delete the value of a topic. Returns how many array entries moved for
   that. */
size_t retained_clear(struct retained *r, const char *topic, size_t len);

/* The value of a topic, or NULL. */
const struct retained_value *retained_find(const struct retained *r,
                                           const char *topic, size_t len);

/*
 * A walk of the values that a filter matches, ordered by the bytes of their
 * topics. The store must not change meanwhile; `filter` is borrowed.
 */
struct retained_walk {
	const struct retained *store;
	const char *filter;
	size_t len;
	size_t prefix_len; /* of the filter, up to its first wildcard */
	size_t at;         /* index in order */
	size_t looked_at;  /* values looked at: the cost */
	const struct retained_value *exact; /* of a filter without wildcards */
};

struct retained_walk retained_walk(struct retained *r, const char *filter,
                                   size_t len);
/* The same, but starting at a topic, whether it exists or not. */
struct retained_walk retained_walk_from(struct retained *r, const char *filter,
                                        size_t len, const char *from,
                                        size_t from_len);
/* The next value, or NULL after the last. */
const struct retained_value *retained_next(struct retained_walk *w);

#endif
