/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "ahead.h"

#include "frame.h"

/* How far before its turn each step is asked for, in messages. */
#define FETCH_ROUTE  9u
#define FETCH_NODE   6u
#define FETCH_TARGET 3u

static struct ahead_message *
message_at(struct ahead *a, uint32_t i)
{
	return &a->ring[(a->first + i) & (AHEAD - 1)];
}

/* Behind the whole frame at `frame`; NULL when it is not whole. */
static const uint8_t *
frame_end(const uint8_t *frame, const uint8_t *end)
{
	size_t left = (size_t)(end - frame), len;

	if (left <= FRAME_PREFIX_SIZE || frame[0] != FRAME_MAGIC)
		return NULL;
	len = load_be32(frame + 1);
	if (len > left - FRAME_PREFIX_SIZE)
		return NULL;
	return frame + FRAME_PREFIX_SIZE + len;
}

/* One more message, if a whole one of the plain shape follows. */
static bool
look_further(struct ahead *a, const struct routes *routes, const uint8_t *end)
{
	const uint8_t *body = a->next + FRAME_PREFIX_SIZE, *next;
	struct ahead_message *m;
	struct publish p;

	next = frame_end(a->next, end);
	if (!next || !publish_read_plain(body, (size_t)(next - body), &p))
		return false;
	m = message_at(a, a->n++);
	m->topic = p.topic;
	m->topic_len = p.topic_len;
	m->hash = routes_hash(routes, p.topic, p.topic_len);
	m->bucket = 0;
	routes_fetch_set(routes, m->hash);
	a->next = next;
	return true;
}

/* The next step of each of those that are ahead. */
static void
fetch(struct ahead *a, const struct routes *routes, const struct trie *trie)
{
	struct ahead_message *m = message_at(a, FETCH_ROUTE);

	if (a->n > FETCH_ROUTE && !routes_fetch_route(routes, m->hash) && trie)
		m->bucket = trie_fetch_bucket(trie, m->topic, m->topic_len);
	m = message_at(a, FETCH_NODE);
	if (a->n > FETCH_NODE && m->bucket && trie)
		trie_fetch_node(trie, m->bucket);
	m = message_at(a, FETCH_TARGET);
	if (a->n > FETCH_TARGET && !m->bucket)
		routes_fetch_target(routes, m->hash);
	else if (a->n > FETCH_TARGET && trie)
		trie_fetch_entries(trie, m->bucket);
}

uint32_t
ahead_hash(struct ahead *a, const struct routes *routes,
           const struct trie *trie, const uint8_t *frame, const uint8_t *end,
           const struct publish *p)
{
	uint32_t hash;

	if (!a->on)
		return routes_hash(routes, p->topic, p->topic_len);
	if (a->n > 0 && a->expected == frame && a->next <= end) {
		hash = message_at(a, 0)->hash;
		a->first++;
		a->n--;
	} else {
		hash = routes_hash(routes, p->topic, p->topic_len);
		a->n = 0;
		a->next = p->payload + p->payload_len;
	}
	a->expected = p->payload + p->payload_len;
	while (a->n < AHEAD && look_further(a, routes, end))
		continue;
	fetch(a, routes, a->cold ? trie : NULL);
	return hash;
}
