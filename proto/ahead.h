/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * ahead - looks at the next messages of a buffer, each on another topic, and at
 * their routes.
 *
 * When the topic changes with every message, finding a route means reading
 * memory that is in no cache: the set of its hash, then the route, then what
 * the route leads to. Each step must wait for the one before, but different
 * messages do not depend on each other. So each step is made for all messages,
 * and prefetches what the next step will read. A topic that has no route yet
 * takes as many steps, through the trie of filters.
 *
 * The result is valid as long as the bytes stay where they are: it must be used
 * before anything else is read.
 */
#ifndef UMBEL_PROTO_AHEAD_H
#define UMBEL_PROTO_AHEAD_H

#include <stdint.h>

#include "publish.h"
#include "routes.h"
#include "trie.h"

/* How many messages. Each step ends with a wait for the last prefetch, and that
   wait is shared by all of them. */
#define AHEAD 64u

/* A whole frame of the plain shape. As after publish_read_plain(), its topic
   may be invalid. */
struct ahead_message {
	const uint8_t *frame;
	uint32_t size; /* of the frame, prefix included */
	uint32_t hash; /* hash of the topic, for routes */
	struct publish p;
	struct route *route; /* or NULL; use ahead_route() */
};

struct ahead {
	uint32_t n;
	uint32_t n_unknown; /* how many had no route */
	uint64_t n_gone;    /* routes.n_gone at that time */
	struct ahead_message at[AHEAD];
};

/*
 * Look at the messages from `frame` on in a buffer up to `end`, with bodies of
 * at most max_body bytes. Stops at the first message that is not plain, and
 * before the second of two consecutive messages on the same topic: runs on one
 * topic are found by comparing, which costs less.
 */
void ahead_look(struct ahead *a, const struct routes *routes,
                const uint8_t *frame, const uint8_t *end, uint32_t max_body);

/* Prefetch what trie_match() will need for the messages without a route. */
void ahead_fetch(const struct ahead *a, const struct trie *trie);

/* The route of the i-th message, or NULL. It may have been added since. */
static inline struct route *
ahead_route(const struct ahead *a, uint32_t i, const struct routes *routes)
{
	const struct ahead_message *m = &a->at[i];

	if (a->n_gone == routes->n_gone)
		return m->route;
	return routes_find(routes, m->hash, m->p.topic, m->p.topic_len);
}

#endif
