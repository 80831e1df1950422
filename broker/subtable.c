/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "subtable.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/hash.h"

#define FIRST_CAP 4u

/*
 * The place of `id`, which stays the same while the table grows: slots are in
 * the order of places, except for entries that collisions pushed further.
 * Clients choose the ids but not the address of the table, so they cannot aim
 * at one place.
 */
static uint32_t
place(const struct subtable *t, uint32_t id)
{
	return (uint32_t)(hash_mix(id ^ (uint64_t)(uintptr_t)t,
	                           UINT64_C(0x9e3779b97f4a7c15)) >>
	                  32);
}

/* How many places share one slot. */
static uint64_t
places_per_slot(const struct subtable *t)
{
	return SUBTABLE_END / t->cap;
}

/* Where the search for `id` begins. */
static uint32_t
home(const struct subtable *t, uint32_t id)
{
	return (uint32_t)((uint64_t)place(t, id) * t->cap >> 32);
}

static uint32_t
next(const struct subtable *t, uint32_t i)
{
	return (i + 1) & (t->cap - 1);
}

/* The slot of `id`, or the free one where it would go. */
static uint32_t
slot_of(const struct subtable *t, uint32_t id)
{
	uint32_t i = home(t, id);

	while (t->slots[i] && t->slots[i]->id != id)
		i = next(t, i);
	return i;
}

struct subscription *
subtable_find(const struct subtable *t, uint32_t id)
{
	if (t->one && t->one->id == id)
		return t->one;
	return t->cap ? t->slots[slot_of(t, id)] : NULL;
}

static int
grow(struct subtable *t)
{
	uint32_t n_old = t->cap, cap = n_old ? n_old * 2 : FIRST_CAP;
	struct subscription **old = t->slots, **slots;

	if (t->n + t->n / 7 + 1 < t->cap)
		return 0;
	slots = calloc(cap, sizeof(struct subscription *));
	if (!slots)
		return -ENOMEM;
	t->slots = slots;
	t->cap = cap;
	for (uint32_t i = 0; i < n_old; i++) {
		if (old[i])
			slots[slot_of(t, old[i]->id)] = old[i];
	}
	free(old);
	return 0;
}

int
subtable_add(struct subtable *t, struct subscription *s)
{
	if (!t->one) {
		t->one = s;
	} else {
		if (grow(t) < 0)
			return -ENOMEM;
		t->slots[slot_of(t, s->id)] = s;
	}
	t->n++;
	return 0;
}

/* Close the gap at `i`: move back entries that were pushed past it. */
static void
close_gap(struct subtable *t, uint32_t i)
{
	for (uint32_t k = next(t, i); t->slots[k]; k = next(t, k)) {
		uint32_t want = home(t, t->slots[k]->id);

		/* may it stand at i: is i between its home and k? */
		if (((k - want) & (t->cap - 1)) >= ((k - i) & (t->cap - 1))) {
			t->slots[i] = t->slots[k];
			t->slots[k] = NULL;
			i = k;
		}
	}
}

struct subscription *
subtable_remove(struct subtable *t, uint32_t id)
{
	struct subscription *s = subtable_find(t, id);

	if (!s)
		return NULL;
	t->n--;
	if (s == t->one) {
		t->one = NULL;
	} else {
		uint32_t i = slot_of(t, id);

		t->slots[i] = NULL;
		close_gap(t, i);
	}
	return s;
}

struct subscription *
subtable_pop(struct subtable *t)
{
	struct subscription *last;

	/* from the end, so that emptying the table takes one pass */
	while (t->cap > 0) {
		struct subscription *s = t->slots[--t->cap];

		if (s) {
			t->n--;
			return s;
		}
	}
	last = t->one;
	free(t->slots);
	*t = (struct subtable){ 0 };
	return last;
}

uint64_t
subtable_visit(const struct subtable *t, uint64_t from, subtable_found *found,
               void *user)
{
	uint64_t end = SUBTABLE_END;

	if (t->cap > 0) {
		uint32_t i = (uint32_t)(from / places_per_slot(t));

		/* no entry has its home at an empty slot */
		while (i < t->cap && !t->slots[i])
			i++;
		if (i < t->cap)
			end = (i + UINT64_C(1)) * places_per_slot(t);
		for (; i < t->cap && t->slots[i]; i = next(t, i)) {
			uint32_t at = place(t, t->slots[i]->id);

			if (at >= from && at < end)
				found(t->slots[i], user);
		}
	}
	if (t->one && place(t, t->one->id) >= from &&
	    place(t, t->one->id) < end)
		found(t->one, user);
	return end;
}
