/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * slab - reference-counted receive buffers, and the one pool that bounds all
 * memory that messages occupy.
 *
 * The kernel writes received bytes into a slab once; outboxes point into the
 * slab, and the kernel reads the bytes from there again. Three kinds of slab
 * share one struct:
 *
 *	plain	SLAB_SIZE bytes of the pool's mapping; the slab that was given
 *		back last is reused first, because it is still in the CPU cache
 *	large	holds one frame that does not fit a plain slab; reserves address
 *		space for the largest frame, but is charged as bytes arrive
 *	small	heap memory for what an outbox writes itself
 *
 * The pool charges what is used against `max`. At the ceiling, plain and large
 * slabs are refused, and whoever needs one waits in `waiters`. The first waiter
 * takes what it needs as soon as there is enough; until then nobody else gets
 * any memory, however little they need. A large slab that already holds bytes
 * may go on growing, because it is given back only when its frame is complete.
 * Small slabs are charged but never refused: answers must go out, and other
 * limits bound them.
 *
 * Memory of slabs that was used once stays resident until a caller who knows
 * the time calls slab_pool_give_back().
 */
#ifndef UMBELD_SLAB_H
#define UMBELD_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "waiters.h"

#define SLAB_SIZE (256u << 10)

struct slab_pool;

struct slab {
	struct slab_pool *pool;
	uint8_t *data;
	struct slab *next_free;
	uint32_t cap;
	uint32_t refs;
	uint32_t charged;
	uint32_t frame_size; /* a hint, for input.c */
	uint8_t kind;
};

struct slab_pool {
	size_t used; /* bytes charged now */
	size_t max;
	size_t peak;
	struct waiters waiters; /* for memory */
	bool serving;           /* waiters are being served */

	uint8_t *memory; /* of the plain slabs */
	struct slab *plain;
	size_t n_plain;
	size_t n_fresh; /* plain slabs that were never used */
	struct slab *free_plain;
	size_t n_free; /* length of free_plain */
	size_t n_idle; /* its tail, unused since slab_pool_give_back() */
	size_t n_cold; /* its tail, already given back to the kernel */
	struct slab *free_large;
	uint32_t n_free_large;
	uint32_t n_idle_large;
	uint32_t large_size;
	size_t heap_freed; /* bytes of small slabs; spare.c resets it */
};

/*
 * A pool of at most `max` bytes whose large slabs hold `max_frame` and a
 * prefix. Returns 0 or -ENOMEM.
 */
int slab_pool_init(struct slab_pool *pool, size_t max, uint32_t max_frame);
void slab_pool_fini(struct slab_pool *pool);

/* Can `bytes` be charged now, with nobody queued for memory before the
   caller? */
bool slab_pool_has(const struct slab_pool *pool, size_t bytes);

/* A plain slab with one reference, or NULL at the ceiling. */
struct slab *slab_new(struct slab_pool *pool);

/*
 * A large slab with one reference, or NULL at the ceiling. Nothing of it is
 * charged yet: slab_reserve() before bytes are put into it.
 */
struct slab *slab_new_large(struct slab_pool *pool);

/* Charge the first `len` bytes, unless they are already. False at the
   ceiling. */
bool slab_reserve(struct slab *slab, uint32_t len);

/* A small slab of `cap` bytes with one reference, or NULL without memory. */
struct slab *slab_new_small(struct slab_pool *pool, uint32_t cap);

static inline struct slab *
slab_ref(struct slab *slab)
{
	slab->refs++;
	return slab;
}

/* Give a reference back; NULL is fine. */
void slab_unref(struct slab *slab);

/* How many free plain slabs stay resident in any case. */
#define SLAB_SPARE 1u

/* Is there anything worth a slab_pool_give_back()? */
static inline bool
slab_pool_has_spare(const struct slab_pool *pool)
{
	return pool->n_free - pool->n_cold > SLAB_SPARE ||
	       pool->n_free_large > 0;
}

/* Give the memory of slabs that were free ever since the last call back to the
   kernel. These slabs can still be allocated. */
void slab_pool_give_back(struct slab_pool *pool);

/* Is the pool too full for another plain slab? */
static inline bool
slab_pool_is_short(const struct slab_pool *pool)
{
	return pool->used + SLAB_SIZE > pool->max;
}

/* Charge memory that messages occupy outside slabs: in the kernel's socket
   buffers and in the rings of spans. */
void slab_pool_charge(struct slab_pool *pool, size_t bytes);
void slab_pool_uncharge(struct slab_pool *pool, size_t bytes);

/* Call this after a waiter has left: the next one may need less and be served
   now. */
void slab_pool_serve(struct slab_pool *pool);

#endif
