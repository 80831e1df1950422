/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "tally.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define uthash_fatal(what) cli_die("out of memory")
#include <uthash.h>

/* After so many rounds of silence a topic is forgotten. */
#define SILENT_ROUNDS 30u

struct tally_entry {
	struct tally_topic topic; /* first */
	UT_hash_handle hh;
	char name[];
};

/* what these look like when they are expanded is uthash's affair */
/* NOLINTBEGIN(readability-function-size,clang-analyzer-unix.Malloc) */

static struct tally_entry *
find(const struct tally *t, const char *name)
{
	struct tally_entry *e;

	HASH_FIND_STR(t->entries, name, e);
	return e;
}

static struct tally_entry *
add(struct tally *t, const char *name)
{
	size_t size = strlen(name) + 1;
	struct tally_entry *e = calloc(1, sizeof(*e) + size);

	if (!e)
		cli_die("out of memory");
	memcpy(e->name, name, size);
	e->topic.name = e->name;
	HASH_ADD_STR(t->entries, name, e);
	return e;
}

static void
forget(struct tally *t, struct tally_entry *e)
{
	HASH_DEL(t->entries, e);
	free(e);
}

/* NOLINTEND(readability-function-size,clang-analyzer-unix.Malloc) */

void
tally_count(struct tally *t, const char *topic, uint32_t session, size_t bytes)
{
	struct tally_entry *e = find(t, topic);
	struct tally_topic *seen;

	if (!e && tally_size(t) >= TALLY_MAX) {
		t->others++;
		return;
	}
	seen = e ? &e->topic : &add(t, topic)->topic;
	if (seen->session != 0 && seen->session != session)
		seen->several = true;
	seen->session = session;
	seen->messages++;
	seen->bytes += bytes;
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
	struct tally_entry *e, *next;

	t->others = 0;
	HASH_ITER (hh, t->entries, e, next) {
		turn(&e->topic, us);
		if (e->topic.silent >= SILENT_ROUNDS)
			forget(t, e);
	}
}

size_t
tally_size(const struct tally *t)
{
	return HASH_COUNT(t->entries);
}

const struct tally_topic *
tally_find(const struct tally *t, const char *topic)
{
	const struct tally_entry *e = find(t, topic);

	return e ? &e->topic : NULL;
}

const struct tally_topic *
tally_next(const struct tally *t, const struct tally_topic *topic)
{
	const struct tally_entry *before = (const void *)topic;
	const struct tally_entry *e = before ? before->hh.next : t->entries;

	return e ? &e->topic : NULL;
}

void
tally_free(struct tally *t)
{
	struct tally_entry *e, *next;

	HASH_ITER (hh, t->entries, e, next) {
		forget(t, e);
	}
	*t = (struct tally){ 0 };
}
