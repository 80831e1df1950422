/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "spare.h"

#include "giveback.h"

void
spare_wait(struct broker *b)
{
	if (!deadline_is_set(&b->spare))
		deadline_set(&b->spares, &b->spare);
}

void
spare_on_due(struct deadline *d, void *broker)
{
	struct broker *b = broker;

	(void)d;
	slab_pool_give_back(&b->pool);
	if (b->heap_freed + b->pool.heap_freed < SPARE_HEAP)
		return;
	b->heap_freed = b->pool.heap_freed = 0;
	giveback_heap();
}
