/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * subtable - the subscriptions of one session, by the numbers that the client
 * chose. A million of them may exist, so a slot is one pointer.
 *
 * A table stays where it is: its address is part of where things lie in it.
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

/* Where the visit of a table ends. */
#define SUBTABLE_END (UINT64_C(1) << 32)

typedef void subtable_found(struct subscription *s, void *user);

/*
 * Call `found` for a few of them, from the place `from` on, and return the
 * place where to go on. From 0 to SUBTABLE_END, whoever was in the table all
 * the time is found exactly once, whatever came and went in between.
 */
uint64_t subtable_visit(const struct subtable *t, uint64_t from,
                        subtable_found *found, void *user);

#endif
