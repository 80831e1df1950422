/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "subtable.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/hash.h"

#define FIRST_CAP 4u

/*
 * Where the search for `id` begins. Clients choose the numbers, but not where
 * the table lies: they cannot aim for one slot.
 */
static uint32_t
home(const struct subtable *t, uint32_t id)
{
	return (uint32_t)hash_mix(id ^ (uint64_t)(uintptr_t)t->slots,
	                          UINT64_C(0x9e3779b97f4a7c15)) &
	       (t->cap - 1);
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
	struct subtable bigger = { .cap = t->cap ? t->cap * 2 : FIRST_CAP };

	if (t->n + t->n / 7 + 1 < t->cap)
		return 0;
	bigger.slots = calloc(bigger.cap, sizeof(struct subscription *));
	if (!bigger.slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->cap; i++) {
		if (t->slots[i])
			bigger.slots[slot_of(&bigger, t->slots[i]->id)] =
				t->slots[i];
	}
	free(t->slots);
	t->slots = bigger.slots;
	t->cap = bigger.cap;
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

/* Close the gap at `i`: move up what was pushed past it. */
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

	/* from the end, so that emptying it takes one pass */
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
