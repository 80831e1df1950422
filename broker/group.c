/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "group.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/hash.h"

#define FIRST_BUCKETS 16u
#define FIRST_MEMBERS 4u

int
groups_init(struct groups *gs, uint64_t seed)
{
	*gs = (struct groups){ .n_buckets = FIRST_BUCKETS, .seed = seed };
	gs->buckets = calloc(gs->n_buckets, sizeof(struct group *));
	return gs->buckets ? 0 : -ENOMEM;
}

void
groups_fini(struct groups *gs)
{
	assert(gs->n == 0);
	groups_sweep(gs);
	free(gs->buckets);
	*gs = (struct groups){ 0 };
}

void
groups_sweep(struct groups *gs)
{
	struct group *g;

	while ((g = gs->empty)) {
		gs->empty = g->next;
		free(g);
	}
}

/* ---- by name and filter --------------------------------------------------- */

static struct group **
bucket_of(const struct groups *gs, uint64_t hash)
{
	return &gs->buckets[hash & (gs->n_buckets - 1)];
}

static uint64_t
hash_of(const struct groups *gs, struct text name, struct text filter)
{
	return hash_bytes(hash_bytes(gs->seed, name.at, name.len), filter.at,
	                  filter.len);
}

static bool
is_named(const struct group *g, struct text name)
{
	return g->name_len == name.len &&
	       memcmp(g->name, name.at, name.len) == 0;
}

static bool
has_filter(const struct group *g, struct text filter)
{
	char text[255];

	return trie_filter(&g->sub.entry, text) == filter.len &&
	       memcmp(text, filter.at, filter.len) == 0;
}

struct group *
groups_find(const struct groups *gs, struct text name, struct text filter)
{
	uint64_t hash = hash_of(gs, name, filter);
	struct group *g = *bucket_of(gs, hash);

	while (g &&
	       !(g->hash == hash && is_named(g, name) && has_filter(g, filter)))
		g = g->next;
	return g;
}

static void
put_in_bucket(struct groups *gs, struct group *g)
{
	struct group **bucket = bucket_of(gs, g->hash);

	g->next = *bucket;
	*bucket = g;
}

/* If there is no memory to grow, lookups only take longer. */
static void
grow(struct groups *gs)
{
	struct groups bigger = *gs;

	if (gs->n < gs->n_buckets)
		return;
	bigger.n_buckets *= 2;
	bigger.buckets = calloc(bigger.n_buckets, sizeof(struct group *));
	if (!bigger.buckets)
		return;
	for (size_t i = 0; i < gs->n_buckets; i++) {
		struct group *g = gs->buckets[i];

		while (g) {
			struct group *next = g->next;

			put_in_bucket(&bigger, g);
			g = next;
		}
	}
	free(gs->buckets);
	*gs = bigger;
}

struct group *
groups_add(struct groups *gs, struct text name, struct text filter)
{
	struct group *g = calloc(1, sizeof(*g) + name.len);

	if (!g)
		return NULL;
	g->sub.in_group = true;
	g->hash = hash_of(gs, name, filter);
	g->name_len = (uint8_t)name.len;
	memcpy(g->name, name.at, name.len);
	grow(gs);
	put_in_bucket(gs, g);
	gs->n++;
	return g;
}

void
groups_remove(struct groups *gs, struct group *g)
{
	struct group **link = bucket_of(gs, g->hash);

	assert(g->n == 0);
	while (*link != g)
		link = &(*link)->next;
	*link = g->next;
	gs->n--;
	free(g->members);
	g->members = NULL;
	g->next = gs->empty;
	gs->empty = g;
}

/* ---- members -------------------------------------------------------------- */

int
group_join(struct group *g, struct member *m)
{
	if (g->n == g->cap) {
		uint32_t cap = g->cap ? g->cap * 2 : FIRST_MEMBERS;
		struct member **members =
			realloc(g->members, cap * sizeof(struct member *));

		if (!members)
			return -ENOMEM;
		g->members = members;
		g->cap = cap;
	}
	m->group = g;
	m->place = g->n;
	m->sub.in_group = true;
	g->members[g->n++] = m;
	return 0;
}

void
group_leave(struct member *m)
{
	struct group *g = m->group;
	struct member *last = g->members[--g->n];

	g->members[m->place] = last;
	last->place = m->place;
	link_leave(&m->awaited);
}

bool
group_has(const struct group *g, const struct outbox *o)
{
	for (uint32_t i = 0; i < g->n; i++) {
		if (g->members[i]->sub.to == o)
			return true;
	}
	return false;
}

uint32_t
group_count(const struct group *g, const struct outbox *o)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->n; i++)
		n += g->members[i]->sub.to == o;
	return n;
}

/* ---- the choice ----------------------------------------------------------- */

/* Is the outbox full, and not just briefly? */
static bool
is_full(const struct outbox *o)
{
	return outbox_is_full(o) && !outbox_keeps_up(o);
}

/* Should `a` get the next message rather than `b`? Not if they are equal. */
static bool
comes_before(const struct outbox *a, const struct outbox *b)
{
	if (is_full(a) != is_full(b))
		return is_full(b);
	return a->bytes < b->bytes;
}

static struct member *
look(const struct group *g, const struct outbox *except, size_t least)
{
	struct member *best = NULL;
	uint32_t at = g->turn;

	for (uint32_t i = 0; i < g->n; i++, at++) {
		struct member *m;

		if (at >= g->n)
			at = 0;
		m = g->members[at];
		if (m->sub.to == except ||
		    (best && !comes_before(m->sub.to, best->sub.to)))
			continue;
		best = m;
		if (m->sub.to->bytes <= least && !is_full(m->sub.to))
			break; /* no member comes before this one */
	}
	return best;
}

struct member *
group_choose(struct group *g, const struct outbox *except, size_t *least)
{
	struct member *best = look(g, except, *least);

	if (best) {
		g->turn = best->place + 1;
		*least = best->sub.to->bytes;
	}
	return best;
}

struct outbox *
group_find_full(const struct group *g, const struct outbox *own)
{
	const struct member *m = look(g, NULL, 0);

	if (m && m->sub.to == own && is_full(own))
		m = look(g, own, 0); /* then all are full: return another one */
	if (!m || m->sub.to == own || !outbox_is_full(m->sub.to) ||
	    m->sub.to->policy != OVERFLOW_BLOCK)
		return NULL;
	return m->sub.to;
}

bool
group_keeps_up(const struct group *g)
{
	for (uint32_t i = 0; i < g->n; i++) {
		if (!outbox_is_behind(g->members[i]->sub.to))
			return true;
	}
	return false;
}

size_t
subscription_filter(const struct subscription *sub, char buf[255])
{
	const struct member *m = (const struct member *)sub;

	return trie_filter(sub->in_group && sub->to ? &m->group->sub.entry
	                                            : &sub->entry,
	                   buf);
}
