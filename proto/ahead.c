/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "ahead.h"

#include "frame.h"

/* How far before its turn each step is asked for, in messages. */
#define FETCH_ROUTE  8u
#define FETCH_TARGET 3u

static uint32_t *
hash_at(struct ahead *a, uint32_t i)
{
	return &a->hash[(a->first + i) & (AHEAD - 1)];
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
	struct publish p;
	uint32_t hash;

	next = frame_end(a->next, end);
	if (!next || !publish_read_plain(body, (size_t)(next - body), &p))
		return false;
	hash = routes_hash(routes, p.topic, p.topic_len);
	routes_fetch_set(routes, hash);
	*hash_at(a, a->n++) = hash;
	a->next = next;
	return true;
}

uint32_t
ahead_hash(struct ahead *a, const struct routes *routes, const uint8_t *frame,
           const uint8_t *end, const struct publish *p)
{
	uint32_t hash;

	if (!a->on)
		return routes_hash(routes, p->topic, p->topic_len);
	if (a->n > 0 && a->expected == frame && a->next <= end) {
		hash = *hash_at(a, 0);
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
	if (a->n > FETCH_ROUTE)
		routes_fetch_route(routes, *hash_at(a, FETCH_ROUTE));
	if (a->n > FETCH_TARGET)
		routes_fetch_target(routes, *hash_at(a, FETCH_TARGET));
	return hash;
}
