/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * subtable - the subscriptions of one session, by the numbers that the client
 * chose. A million of them may exist, so a slot is one pointer.
 */
#ifndef UMBELD_SUBTABLE_H
#define UMBELD_SUBTABLE_H

#include <stdint.h>

#include "router.h"

struct subtable {
	struct subscription *one;    /* most have just one: it is not in ... */
	struct subscription **slots; /* ... these: open addressing */
	uint32_t cap;                /* a power of two, or 0 */
	uint32_t n;
};

struct subscription *subtable_find(const struct subtable *t, uint32_t id);

/* Add one whose id is not in it. Returns 0 or -ENOMEM. */
int subtable_add(struct subtable *t, struct subscription *s);

/* Take it out and return it, or NULL when there is none. */
struct subscription *subtable_remove(struct subtable *t, uint32_t id);

/*
 * Take any one out; NULL when it is empty, and its memory is gone then. Once
 * begun, call it until NULL and nothing else in between.
 */
struct subscription *subtable_pop(struct subtable *t);

#endif
