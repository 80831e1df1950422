/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * subtable - the subscriptions of one session, by the ids that the client
 * chose. There may be a million of them, so a slot is one pointer.
 *
 * A table must not move: its address is part of the hash of its entries.
 */
#ifndef UMBELD_SUBTABLE_H
#define UMBELD_SUBTABLE_H

#include <stdint.h>

#include "router.h"

struct subtable {
	struct subscription *one;    /* the first, if any; not in slots */
	struct subscription **slots; /* all others; open addressing */
	uint32_t cap;                /* a power of two, or 0 */
	uint32_t n;
};

struct subscription *subtable_find(const struct subtable *t, uint32_t id);

/* Add a subscription whose id is not in the table. Returns 0 or -ENOMEM. */
int subtable_add(struct subtable *t, struct subscription *s);

/* Remove a subscription and return it, or NULL when there is none. */
struct subscription *subtable_remove(struct subtable *t, uint32_t id);

/*
 * Remove any one subscription; when the table is empty, free its memory and
 * return NULL. Once begun, call this until it returns NULL, with no other call
 * in between.
 */
struct subscription *subtable_pop(struct subtable *t);

/* The place where the visit of a table ends. */
#define SUBTABLE_END (UINT64_C(1) << 32)

typedef void subtable_found(struct subscription *s, void *user);

/*
 * Call `found` for a few subscriptions, from the place `from` on, and return
 * the place where to continue. A visit from 0 to SUBTABLE_END finds every
 * subscription that is in the table throughout exactly once, whatever is added
 * or removed in between.
 */
uint64_t subtable_visit(const struct subtable *t, uint64_t from,
                        subtable_found *found, void *user);

#endif
