/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * ahead - the next messages of a buffer, each on another topic, and where they
 * lead.
 *
 * When topics change, finding a route is a walk through memory that is in no
 * cache: the set of its hash, then the route, then what that leads to. Each
 * step waits for the one before, but the walks of different messages do not:
 * so a step is made for all of them, and the processor asked for what the next
 * one will need, before that is made. A topic that has no route yet takes as
 * many steps, through the trie of filters.
 *
 * What was seen holds for as long as the bytes stay where they are: it is to be
 * used up before anything else is read.
 */
#ifndef UMBEL_PROTO_AHEAD_H
#define UMBEL_PROTO_AHEAD_H

#include <stdint.h>

#include "publish.h"
#include "routes.h"
#include "trie.h"

/* Messages: each step ends with a wait for the last that was asked for, which is
   shared by all. */
#define AHEAD 64u

/* A whole frame of the plain shape; see publish_read_plain() for what that
   does not say of its topic. */
struct ahead_message {
	const uint8_t *frame;
	uint32_t size; /* of the frame */
	uint32_t hash; /* of the topic, for routes */
	struct publish p;
	struct route *route; /* or NULL; ask ahead_route() */
};

struct ahead {
	uint32_t n;
	uint32_t n_unknown; /* how many of them had no route */
	uint64_t n_gone;    /* of the routes, until then */
	struct ahead_message at[AHEAD];
};

/*
 * Look at the messages from `frame` on in a buffer up to `end`, with bodies of
 * max_body at most. It ends at what is no plain message, and before the second
 * of two on the same topic: bulk is found by comparing, which costs less.
 */
void ahead_look(struct ahead *a, const struct routes *routes,
                const uint8_t *frame, const uint8_t *end, uint32_t max_body);

/* Have the processor fetch what trie_match() will need for those without. */
void ahead_fetch(const struct ahead *a, const struct trie *trie);

/* The route of the i-th, or NULL: that may have come since. */
static inline struct route *
ahead_route(const struct ahead *a, uint32_t i, const struct routes *routes)
{
	const struct ahead_message *m = &a->at[i];

	if (a->n_gone == routes->n_gone)
		return m->route;
	return routes_find(routes, m->hash, m->p.topic, m->p.topic_len);
}

#endif
