/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * ahead - what the routes of the next messages will need, fetched in time.
 *
 * When every message is on a topic of its own, finding its route is a walk
 * through memory that is in no cache: the set of its hash, then the route, then
 * what that leads to. Each step waits for the one before, but the walks of
 * different messages do not: so while one is routed, the processor is asked
 * for the first step of a message further on, for the second of one that is
 * nearer, and for the third of the one that comes next but one. A topic that
 * has no route yet takes as many steps, through the trie of filters.
 *
 * Nothing but time depends on it. What it says of a frame is the hash of its
 * topic, and a hash that is wrong finds no route, or one of another topic,
 * which the comparison of the topics tells.
 */
#ifndef UMBEL_PROTO_AHEAD_H
#define UMBEL_PROTO_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "publish.h"
#include "routes.h"
#include "trie.h"

#define AHEAD 16u /* messages, a power of two */

struct ahead_message {
	const char *topic;
	uint32_t topic_len;
	uint32_t hash;   /* of the topic, for routes */
	uint32_t bucket; /* what trie_fetch_bucket() said; 0: it has a route */
};

struct ahead {
	bool on;        /* the owner's: every message is on another topic */
	bool cold;      /* ... and the last one had no route */
	uint32_t n;     /* known, from `first` on */
	uint32_t first; /* in the ring: the message that is expected */
	const uint8_t *expected; /* where its frame begins */
	const uint8_t *next;     /* the frame behind the last that is known */
	struct ahead_message ring[AHEAD];
};

/*
 * The hash of the topic of `p`, whose frame begins at `frame` and whose buffer
 * holds bytes up to `end`: for routes_find(). Looks ahead on that occasion, if
 * it is on: in bulk on one topic that would be for nothing. The trie is only
 * looked at when it is cold.
 */
uint32_t ahead_hash(struct ahead *a, const struct routes *routes,
                    const struct trie *trie, const uint8_t *frame,
                    const uint8_t *end, const struct publish *p);

#endif
