/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "encode.h"
#include "proto/hash.h"

#define FIRST_BUCKETS 16u

void
keep_init(struct keep *keep, size_t max_bytes, uint64_t seed)
{
	*keep = (struct keep){ .max_bytes = max_bytes, .seed = seed };
	TAILQ_INIT(&keep->all);
}

void
keep_discard(struct kept *kept)
{
	if (!kept)
		return;
	free(kept->frame);
	free(kept);
}

void
keep_fini(struct keep *keep)
{
	struct kept *kept;

	while ((kept = TAILQ_FIRST(&keep->all))) {
		TAILQ_REMOVE(&keep->all, kept, link);
		keep_discard(kept);
	}
	free(keep->buckets);
	keep->buckets = NULL;
}

/* The memory that one value takes, including its share of the buckets. */
static size_t
cost(size_t topic_len, size_t frame_len)
{
	return sizeof(struct kept) + topic_len + 1 + frame_len +
	       2 * sizeof(struct kept *);
}

static struct kept **
find(const struct keep *keep, const char *topic, uint64_t hash)
{
	struct kept **at = &keep->buckets[hash & (keep->n_buckets - 1)];

	while (*at && ((*at)->hash != hash || strcmp((*at)->topic, topic) != 0))
		at = &(*at)->next;
	return at;
}

static size_t
cost_of_old(const struct keep *keep, const char *topic, uint64_t hash)
{
	const struct kept *old;

	if (keep->n == 0)
		return 0;
	old = *find(keep, topic, hash);
	return old ? cost(strlen(topic), old->frame_len) : 0;
}

static int
grow(struct keep *keep)
{
	size_t n = keep->n_buckets ? 2 * keep->n_buckets : FIRST_BUCKETS;
	struct kept **buckets = calloc(n, sizeof(struct kept *));
	struct kept *kept;

	if (!buckets)
		return -ENOMEM;
	free(keep->buckets);
	keep->buckets = buckets;
	keep->n_buckets = n;
	TAILQ_FOREACH (kept, &keep->all, link) {
		struct kept **head = &buckets[kept->hash & (n - 1)];

		kept->next = *head;
		*head = kept;
	}
	return 0;
}

int
keep_make(struct keep *keep, const char *topic, const void *data, size_t len,
          const struct umbel_pub_options *options, struct kept **out)
{
	size_t topic_len = strlen(topic);
	uint64_t hash = hash_bytes(keep->seed, topic, topic_len);
	struct kept *kept;
	int r = 0;

	if (len > keep->max_bytes)
		return UMBEL_E_LIMIT;
	if (keep->n >= keep->n_buckets)
		r = grow(keep);
	if (r < 0)
		return r;
	kept = calloc(1, sizeof(*kept) + topic_len + 1);
	if (!kept)
		return -ENOMEM;
	kept->hash = hash;
	memcpy(kept->topic, topic, topic_len);
	r = encode_frame(&kept->frame, &kept->frame_len, topic, data, len,
	                 options);
	if (r == 0 && keep->bytes - cost_of_old(keep, topic, hash) +
	                              cost(topic_len, kept->frame_len) >
	                      keep->max_bytes)
		r = UMBEL_E_LIMIT;
	if (r < 0) {
		keep_discard(kept);
		return r;
	}
	*out = kept;
	return 0;
}

static void
drop(struct keep *keep, struct kept **at)
{
	struct kept *kept = *at;

	*at = kept->next;
	TAILQ_REMOVE(&keep->all, kept, link);
	keep->bytes -= cost(strlen(kept->topic), kept->frame_len);
	keep->n--;
	keep_discard(kept);
}

void
keep_put(struct keep *keep, struct kept *kept)
{
	struct kept **at = find(keep, kept->topic, kept->hash);

	if (*at)
		drop(keep, at);
	at = &keep->buckets[kept->hash & (keep->n_buckets - 1)];
	kept->next = *at;
	*at = kept;
	TAILQ_INSERT_TAIL(&keep->all, kept, link);
	keep->bytes += cost(strlen(kept->topic), kept->frame_len);
	keep->n++;
}

static struct kept **
find_topic(const struct keep *keep, const char *topic)
{
	return find(keep, topic, hash_bytes(keep->seed, topic, strlen(topic)));
}

struct kept *
keep_find(const struct keep *keep, const char *topic)
{
	return keep->n > 0 ? *find_topic(keep, topic) : NULL;
}

void
keep_clear(struct keep *keep, const char *topic)
{
	struct kept **at;

	if (keep->n == 0)
		return;
	at = find_topic(keep, topic);
	if (*at)
		drop(keep, at);
}
