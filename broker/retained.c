/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * Topics are looked up in a hash table, filters in a sorted array. New topics
 * are appended unsorted and merged into the order when the order is next
 * needed, so that a thousand new topics cost one sort, and a single one costs
 * one move.
 */
#include "retained.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/hash.h"
#include "proto/topic.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* What the allocator and the two tables add to our structs for each value. */
#define OVERHEAD 64u

struct retained_entry {
	struct retained_value value; /* first */
	UT_hash_handle hh;
	char topic[];
};

void
retained_init(struct retained *r, struct slab_pool *pool, size_t max_n,
              size_t max_bytes, uint64_t seed)
{
	*r = (struct retained){
		.pool = pool,
		.max_n = max_n,
		.max_bytes = max_bytes,
		.seed = seed,
	};
}

/* ---- the hash table -------------------------------------------------------- */

static unsigned
hash_topic(const struct retained *r, const char *topic, size_t len)
{
	return (unsigned)hash_bytes(r->seed, topic, len);
}

/* the size of these functions is due to the macros of uthash */
/* NOLINTBEGIN(readability-function-size) */

static struct retained_entry *
find(const struct retained *r, const char *topic, size_t len)
{
	struct retained_entry *e;

	HASH_FIND_BYHASHVALUE(hh, r->by_topic, topic, len,
	                      hash_topic(r, topic, len), e);
	return e;
}

static bool
add(struct retained *r, struct retained_entry *e)
{
	const char *topic = e->topic;
	unsigned len = e->value.topic_len;

	HASH_ADD_KEYPTR_BYHASHVALUE(hh, r->by_topic, topic, len,
	                            hash_topic(r, topic, len), e);
	return e->hh.tbl != NULL;
}

static void
take_out(struct retained *r, struct retained_entry *e)
{
	HASH_DEL(r->by_topic, e);
}

/* NOLINTEND(readability-function-size) */

const struct retained_value *
retained_find(const struct retained *r, const char *topic, size_t len)
{
	struct retained_entry *e = find(r, topic, len);

	return e ? &e->value : NULL;
}

/* ---- the order ------------------------------------------------------------- */

/* Compare by bytes; a prefix of the other topic comes first. */
static int
compare(const struct retained_entry *e, const char *topic, size_t len)
{
	size_t own = e->value.topic_len;
	int c = memcmp(e->topic, topic, own < len ? own : len);

	return c ? c : (own > len) - (own < len);
}

static int
compare_entries(const void *a, const void *b)
{
	const struct retained_entry *const *x = a, *const *y = b;

	return compare(*x, (*y)->topic, (*y)->value.topic_len);
}

/* The index of the first of the `n` sorted entries that is not before
   `topic`. */
static size_t
lower_bound(const struct retained *r, size_t n, const char *topic, size_t len)
{
	size_t from = 0;

	while (from < n) {
		size_t middle = from + (n - from) / 2;

		if (compare(r->order[middle], topic, len) < 0)
			from = middle + 1;
		else
			n = middle;
	}
	return from;
}

/*
 * Merge `n` more entries, themselves sorted, into the order; the array has room
 * for them behind the sorted part. From the last on, each is put at its
 * position, and all above it move up.
 */
static void
merge(struct retained *r, struct retained_entry *const *late, size_t n)
{
	size_t end = r->n_sorted;

	while (n > 0) {
		const struct retained_entry *e = late[n - 1];
		size_t at = lower_bound(r, end, e->topic, e->value.topic_len);

		memmove(&r->order[at + n], &r->order[at],
		        (end - at) * sizeof(struct retained_entry *));
		r->order[at + n - 1] = late[n - 1];
		end = at;
		n--;
	}
}

static void
sort(struct retained *r)
{
	const size_t one = sizeof(struct retained_entry *);
	size_t n = r->n - r->n_sorted;
	struct retained_entry **late;

	if (n == 0)
		return;
	late = malloc(n * one);
	if (late) {
		memcpy(late, &r->order[r->n_sorted], n * one);
		qsort(late, n, one, compare_entries);
		merge(r, late, n);
		free(late);
	} else {
		qsort(r->order, r->n, one, compare_entries);
	}
	r->n_sorted = r->n;
}

static bool
make_room(struct retained *r)
{
	size_t cap = r->order_cap ? r->order_cap * 2 : 16;
	struct retained_entry **order;

	if (r->n < r->order_cap)
		return true;
	order = realloc(r->order, cap * sizeof(struct retained_entry *));
	if (!order)
		return false;
	r->order = order;
	r->order_cap = cap;
	return true;
}

/* Remove the entry from the order. Returns how many entries moved for that. */
static size_t
leave_order(struct retained *r, const struct retained_entry *e)
{
	size_t at;

	sort(r);
	at = lower_bound(r, r->n, e->topic, e->value.topic_len);
	assert(at < r->n && r->order[at] == e);
	r->n--;
	r->n_sorted--;
	memmove(&r->order[at], &r->order[at + 1],
	        (r->n - at) * sizeof(struct retained_entry *));
	return r->n - at;
}

/* ---- put and clear --------------------------------------------------------- */

static size_t
cost(size_t topic_len, uint32_t body_len)
{
	return sizeof(struct retained_entry) + topic_len + sizeof(struct slab) +
	       body_len + OVERHEAD;
}

static size_t
cost_of(const struct retained_entry *e)
{
	return cost(e->value.topic_len, e->value.slab->cap);
}

static struct slab *
copy(const struct retained *r, const uint8_t *body, uint32_t len)
{
	struct slab *slab = slab_new_small(r->pool, len);

	if (slab)
		memcpy(slab->data, body, len);
	return slab;
}

/* Add an entry without a value to both tables; NULL without memory. */
static struct retained_entry *
add_entry(struct retained *r, const char *topic, size_t len)
{
	struct retained_entry *e = NULL;

	if (make_room(r))
		e = malloc(sizeof(*e) + len);
	if (!e)
		return NULL;
	*e = (struct retained_entry){
		.value = { .topic = e->topic, .topic_len = (uint32_t)len },
	};
	memcpy(e->topic, topic, len);
	if (!add(r, e)) {
		free(e);
		return NULL;
	}
	r->order[r->n++] = e;
	return e;
}

enum retained_result
retained_put(struct retained *r, const char *topic, size_t topic_len,
             const uint8_t *body, uint32_t body_len, uint64_t now_ms)
{
	struct retained_entry *e = find(r, topic, topic_len);
	size_t more = cost(topic_len, body_len), less = e ? cost_of(e) : 0;
	struct slab *slab;

	if (!e && r->n >= r->max_n)
		return RETAINED_TOO_MANY;
	if (r->bytes - less + more > r->max_bytes)
		return RETAINED_TOO_BIG;
	slab = copy(r, body, body_len);
	if (slab && !e)
		e = add_entry(r, topic, topic_len);
	if (!slab || !e) {
		slab_unref(slab);
		return RETAINED_NO_MEMORY;
	}
	slab_unref(e->value.slab);
	e->value.slab = slab;
	e->value.since_ms = now_ms;
	r->bytes += more - less;
	return RETAINED_KEPT;
}

static void
free_entry(struct retained_entry *e)
{
	slab_unref(e->value.slab);
	free(e);
}

size_t
retained_clear(struct retained *r, const char *topic, size_t len)
{
	struct retained_entry *e = find(r, topic, len);
	size_t moved;

	if (!e)
		return 0;
	moved = leave_order(r, e);
	take_out(r, e);
	r->bytes -= cost_of(e);
	free_entry(e);
	return moved;
}

void
retained_fini(struct retained *r)
{
	HASH_CLEAR(hh, r->by_topic);
	while (r->n > 0)
		free_entry(r->order[--r->n]);
	free(r->order);
	*r = (struct retained){ 0 };
}

/* ---- walk ------------------------------------------------------------------ */

struct retained_walk
retained_walk(struct retained *r, const char *filter, size_t len)
{
	const char *star = memchr(filter, '*', len);
	struct retained_walk w = {
		.store = r,
		.filter = filter,
		.len = len,
		.at = r->n,
	};

	if (star) {
		sort(r);
		w.prefix_len = (size_t)(star - filter);
		w.at = lower_bound(r, r->n, filter, w.prefix_len);
	} else {
		w.exact = retained_find(r, filter, len);
	}
	return w;
}

struct retained_walk
retained_walk_from(struct retained *r, const char *filter, size_t len,
                   const char *from, size_t from_len)
{
	struct retained_walk w = retained_walk(r, filter, len);
	size_t at = w.at;

	if (w.exact && compare(find(r, filter, len), from, from_len) < 0)
		w.exact = NULL;
	if (w.at < r->n)
		at = lower_bound(r, r->n, from, from_len);
	if (w.at < at)
		w.at = at;
	return w;
}

const struct retained_value *
retained_next(struct retained_walk *w)
{
	const struct retained_value *v = w->exact;

	w->exact = NULL;
	while (!v && w->at < w->store->n) {
		v = &w->store->order[w->at++]->value;
		w->looked_at++;
		if (v->topic_len < w->prefix_len ||
		    memcmp(v->topic, w->filter, w->prefix_len) != 0)
			w->at = w->store->n; /* no later topic can match */
		if (!filter_matches(w->filter, w->len, v->topic, v->topic_len))
			v = NULL;
	}
	return v;
}
