/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * spare - returns memory to the kernel after a load has ended.
 *
 * This applies to slabs that nobody has needed for give_back_ms, and to what
 * the heap keeps after many sessions or subscriptions have ended. A deadline is
 * set only while there is such memory, so that an idle broker does not wake up
 * and a busy one checks once per give_back_ms.
 */
#ifndef UMBELD_SPARE_H
#define UMBELD_SPARE_H

#include "broker.h"

/* Approximate heap usage; of a session, without its subscriptions. */
#define SPARE_SESSION      1024u
#define SPARE_SUBSCRIPTION 128u
/* When this much of the heap has been freed, it is given back. */
#define SPARE_HEAP         (512u << 10)

void spare_wait(struct broker *b);

/* Check for spare memory. Called on each turn of the loop; it costs two
   comparisons. */
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
