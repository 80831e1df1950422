/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * spare - when a load is over, its memory goes back to the kernel.
 *
 * Slabs that nobody has needed for give_back_ms, and what the heap keeps after
 * many sessions or subscriptions have ended. A deadline is set only while there
 * is such memory, so that an idle broker does not wake up, and a busy one
 * asks once in that time.
 */
#ifndef UMBELD_SPARE_H
#define UMBELD_SPARE_H

#include "broker.h"

/* About what these have of the heap; a session beside its subscriptions. */
#define SPARE_SESSION      1024u
#define SPARE_SUBSCRIPTION 128u
/* So much of it, freed, is worth the kernel's time. */
#define SPARE_HEAP         (512u << 10)

void spare_wait(struct broker *b);

/* Is there any? For each turn of the loop: it costs two comparisons. */
static inline void
spare_look(struct broker *b)
{
	if (slab_pool_has_spare(&b->pool) ||
	    b->heap_freed + b->pool.heap_freed >= SPARE_HEAP)
		spare_wait(b);
}

/* A deadline of struct broker; the user is the broker. */
void spare_on_due(struct deadline *d, void *broker);

#endif
