/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * slab - reference-counted receive buffers, and the one pool that bounds all
 * memory that messages occupy.
 *
 * The kernel writes into a slab once; outboxes point into it and the kernel
 * reads it from there again. Three kinds share one struct:
 *
 *	plain	SLAB_SIZE bytes out of the pool's mapping, the one that was
 *		given back last first: it is still in the processor's cache
 *	large	one frame that does not fit a plain one; address space for the
 *		largest frame, paid for as bytes arrive
 *	small	heap memory for what an outbox writes itself
 *
 * The pool charges what is used against `max`. Plain and large slabs are
 * refused at the ceiling, and those who need one wait in `waiters`: whoever is
 * first takes what it needs as soon as there is enough, and until then nobody
 * else does, however little that would be. But a large slab that has bytes
 * already may go on: only when its frame is whole it comes back. Small slabs
 * are charged but not refused: answers must go out, and other limits bound
 * them.
 *
 * Memory of slabs that was in use once stays resident until somebody who knows
 * the time asks for slab_pool_give_back().
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
	uint32_t frame_size; /* the reader's: of frames that came lately */
	uint8_t kind;
};

struct slab_pool {
	size_t used; /* bytes charged now */
	size_t max;
	size_t peak;
	struct waiters waiters; /* for memory */
	bool serving;           /* the first of them is to take it now */

	uint8_t *memory; /* of the plain slabs */
	struct slab *plain;
	size_t n_plain;
	size_t n_fresh; /* plain slabs that were never used */
	struct slab *free_plain;
	size_t n_free; /* in that list ... */
	size_t n_idle; /* ... and of its last ones, how many were not in use */
	size_t n_cold; /* since slab_pool_give_back(), or ever since it */
	struct slab *free_large;
	uint32_t n_free_large;
	uint32_t n_idle_large;
	uint32_t large_size;
	size_t heap_freed; /* bytes of small slabs; for others to look at */
};

/*
 * A pool of at most `max` bytes whose large slabs hold `max_frame` and a
 * prefix. Returns 0 or -ENOMEM.
 */
int slab_pool_init(struct slab_pool *pool, size_t max, uint32_t max_frame);
void slab_pool_fini(struct slab_pool *pool);

/* Is there so much, and is nobody before you? */
bool slab_pool_has(const struct slab_pool *pool, size_t bytes);

/* A plain slab with one reference, or NULL at the ceiling. */
struct slab *slab_new(struct slab_pool *pool);

/*
 * A large slab with one reference, or NULL at the ceiling. Nothing of it is
 * charged yet: slab_reserve() before bytes are put into it.
 */
struct slab *slab_new_large(struct slab_pool *pool);

/* See that the first `len` bytes are paid for. False at the ceiling. */
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

/* Of free slabs whose memory is resident, so many are always kept. */
#define SLAB_SPARE 1u

/* Is there anything worth a slab_pool_give_back()? */
static inline bool
slab_pool_has_spare(const struct slab_pool *pool)
{
	return pool->n_free - pool->n_cold > SLAB_SPARE ||
	       pool->n_free_large > 0;
}

/* The memory of slabs that were free all the time since this was called last
   goes back to the kernel; they can still be had. */
void slab_pool_give_back(struct slab_pool *pool);

/* Nobody who needs a slab gets one. */
static inline bool
slab_pool_is_short(const struct slab_pool *pool)
{
	return pool->used + SLAB_SIZE > pool->max;
}

/* Memory that messages occupy elsewhere: in the kernel's socket buffers. */
void slab_pool_charge(struct slab_pool *pool, size_t bytes);
void slab_pool_uncharge(struct slab_pool *pool, size_t bytes);

/* One that waited has left: who is first now may need less than it did. */
void slab_pool_serve(struct slab_pool *pool);

#endif
