/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* A table with open addressing; it is made anew when topics are forgotten. */

#include "tally.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define FIRST_SLOTS   256u
/* After so many rounds of silence a topic is forgotten. */
#define SILENT_ROUNDS 30u

static uint32_t
hash_of(const char *s)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *s; s++)
		hash = (hash ^ (uint8_t)*s) * 16777619u;
	return hash;
}

/* Its place in the table, or the free one where it would be. */
static uint32_t *
slot_of(const struct tally *t, const char *name, uint32_t hash)
{
	size_t at = hash & (t->n_slots - 1);

	while (t->table[at] != 0) {
		const struct tally_topic *topic = &t->topics[t->table[at] - 1];

		if (topic->hash == hash && strcmp(topic->name, name) == 0)
			break;
		at = (at + 1) & (t->n_slots - 1);
	}
	return &t->table[at];
}

static void
index_anew(struct tally *t, size_t n_slots)
{
	free(t->table);
	t->table = calloc(n_slots, sizeof(*t->table));
	if (!t->table)
		cli_die("out of memory");
	t->n_slots = n_slots;
	for (size_t i = 0; i < t->n; i++)
		*slot_of(t, t->topics[i].name, t->topics[i].hash) =
			(uint32_t)i + 1;
}

static struct tally_topic *
add(struct tally *t, const char *name, uint32_t hash)
{
	struct tally_topic *topic;

	if (t->n == t->size) {
		t->size = t->size ? 2 * t->size : 64;
		t->topics = realloc(t->topics, t->size * sizeof(*t->topics));
		if (!t->topics)
			cli_die("out of memory");
	}
	topic = &t->topics[t->n++];
	*topic = (struct tally_topic){ .name = strdup(name), .hash = hash };
	if (!topic->name)
		cli_die("out of memory");
	if (t->n * 2 > t->n_slots)
		index_anew(t, 2 * t->n_slots);
	else
		*slot_of(t, name, hash) = (uint32_t)t->n;
	return topic;
}

void
tally_count(struct tally *t, const char *topic, uint32_t session, size_t bytes)
{
	uint32_t hash = hash_of(topic);
	struct tally_topic *found;
	uint32_t number;

	if (t->n_slots == 0)
		index_anew(t, FIRST_SLOTS);
	number = *slot_of(t, topic, hash);
	if (number == 0 && t->n >= TALLY_MAX) {
		t->others++;
		return;
	}
	found = number ? &t->topics[number - 1] : add(t, topic, hash);
	if (found->session != 0 && found->session != session)
		found->several = true;
	found->session = session;
	found->messages++;
	found->bytes += bytes;
}

static void
turn(struct tally_topic *topic, int64_t us)
{
	double seconds = us > 0 ? (double)us / 1e6 : 1;

	topic->silent = topic->messages > 0 ? 0 : topic->silent + 1;
	topic->per_second = (double)topic->messages / seconds;
	topic->bytes_per_second = (double)topic->bytes / seconds;
	topic->messages = topic->bytes = 0;
}

void
tally_turn(struct tally *t, int64_t us)
{
	size_t kept = 0;

	t->others = 0;
	for (size_t i = 0; i < t->n; i++) {
		turn(&t->topics[i], us);
		if (t->topics[i].silent >= SILENT_ROUNDS)
			free(t->topics[i].name);
		else
			t->topics[kept++] = t->topics[i];
	}
	if (kept == t->n)
		return;
	t->n = kept;
	index_anew(t, t->n_slots);
}

const struct tally_topic *
tally_find(const struct tally *t, const char *topic)
{
	uint32_t number;

	if (t->n_slots == 0)
		return NULL;
	number = *slot_of(t, topic, hash_of(topic));
	return number ? &t->topics[number - 1] : NULL;
}

void
tally_free(struct tally *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->topics[i].name);
	free(t->topics);
	free(t->table);
	*t = (struct tally){ 0 };
}
