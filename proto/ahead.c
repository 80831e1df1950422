/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "ahead.h"

#include "frame.h"

static bool
read_frame(struct ahead_message *m, const uint8_t *frame, const uint8_t *end,
           uint32_t max_body)
{
	size_t left = (size_t)(end - frame);
	uint32_t len;

	if (left <= FRAME_PREFIX_SIZE || frame[0] != FRAME_MAGIC)
		return false;
	len = load_be32(frame + 1);
	if (len > max_body || len > left - FRAME_PREFIX_SIZE)
		return false;
	m->frame = frame;
	m->size = FRAME_PREFIX_SIZE + len;
	return publish_read_plain(frame + FRAME_PREFIX_SIZE, len, &m->p);
}

/* Read the messages. Two equal hashes in a row mean the same topic, or may be
   treated as if they did. */
static void
read_all(struct ahead *a, const struct routes *routes, const uint8_t *frame,
         const uint8_t *end, uint32_t max_body)
{
	uint32_t last = 0; /* never the hash of a topic */

	for (a->n = 0; a->n < AHEAD; a->n++) {
		struct ahead_message *m = &a->at[a->n];

		if (!read_frame(m, frame, end, max_body))
			break;
		m->hash = routes_hash(routes, m->p.topic, m->p.topic_len);
		if (m->hash == last)
			break;
		last = m->hash;
		routes_fetch_set(routes, m->hash);
		frame += m->size;
	}
}

void
ahead_look(struct ahead *a, const struct routes *routes, const uint8_t *frame,
           const uint8_t *end, uint32_t max_body)
{
	read_all(a, routes, frame, end, max_body);
	a->n_gone = routes->n_gone;
	a->n_unknown = 0;
	for (uint32_t i = 0; i < a->n; i++)
		a->at[i].route = routes_fetch_route(routes, a->at[i].hash);
	for (uint32_t i = 0; i < a->n; i++) {
		struct ahead_message *m = &a->at[i];

		if (m->route &&
		    route_fetch_target(m->route, m->p.topic, m->p.topic_len))
			continue;
		m->route = NULL;
		a->n_unknown++;
	}
}

void
ahead_fetch(const struct ahead *a, const struct trie *trie)
{
	uint32_t bucket[AHEAD] = { 0 };

	for (uint32_t i = 0; i < a->n; i++) {
		const struct publish *p = &a->at[i].p;

		if (!a->at[i].route)
			bucket[i] =
				trie_fetch_bucket(trie, p->topic, p->topic_len);
	}
	for (uint32_t i = 0; i < a->n; i++) {
		if (bucket[i])
			trie_fetch_node(trie, bucket[i]);
	}
	for (uint32_t i = 0; i < a->n; i++) {
		if (bucket[i])
			trie_fetch_entries(trie, bucket[i]);
	}
}
