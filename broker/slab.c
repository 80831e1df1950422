/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "slab.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "giveback.h"

/* Free large slabs that are kept for the next large frames. */
#define KEEP_LARGE 4u
/* Large slabs are charged in steps of this size. */
#define LARGE_STEP (64u << 10)

enum slab_kind { SLAB_PLAIN, SLAB_LARGE, SLAB_SMALL };

static void *
map(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static uint32_t
round_up(uint32_t n, uint32_t step)
{
	return (n + step - 1) / step * step;
}

int
slab_pool_init(struct slab_pool *pool, size_t max, uint32_t max_frame)
{
	*pool = (struct slab_pool){
		.max = max,
		.n_plain = max / SLAB_SIZE,
		.large_size = round_up(max_frame + 4096, LARGE_STEP),
	};
	waiters_init(&pool->waiters);
	if (pool->n_plain == 0)
		pool->n_plain = 1;
	pool->memory = map(pool->n_plain * SLAB_SIZE);
	pool->plain = calloc(pool->n_plain, sizeof(*pool->plain));
	if (!pool->memory || !pool->plain) {
		slab_pool_fini(pool);
		return -ENOMEM;
	}
	return 0;
}

static void
free_large(struct slab_pool *pool, struct slab *slab)
{
	munmap(slab->data, pool->large_size);
	free(slab);
}

void
slab_pool_fini(struct slab_pool *pool)
{
	while (pool->free_large) {
		struct slab *slab = pool->free_large;

		pool->free_large = slab->next_free;
		free_large(pool, slab);
	}
	if (pool->memory)
		munmap(pool->memory, pool->n_plain * SLAB_SIZE);
	free(pool->plain);
	*pool = (struct slab_pool){ 0 };
}

void
slab_pool_charge(struct slab_pool *pool, size_t bytes)
{
	pool->used += bytes;
	if (pool->used > pool->peak)
		pool->peak = pool->used;
}

void
slab_pool_uncharge(struct slab_pool *pool, size_t bytes)
{
	assert(pool->used >= bytes);
	pool->used -= bytes;
	slab_pool_serve(pool);
}

void
slab_pool_serve(struct slab_pool *pool)
{
	if (pool->serving) /* a waiter may give a slab back */
		return;
	pool->serving = true;
	waiters_serve(&pool->waiters);
	pool->serving = false;
}

static bool
fits(const struct slab_pool *pool, size_t bytes)
{
	return pool->used + bytes <= pool->max;
}

bool
slab_pool_has(const struct slab_pool *pool, size_t bytes)
{
	/* an empty pool always grants, or a tiny pool could do nothing */
	return (pool->serving || waiters_are_empty(&pool->waiters)) &&
	       (pool->used == 0 || fits(pool, bytes));
}

static void
charge(struct slab *slab, uint32_t bytes)
{
	slab->charged += bytes;
	slab_pool_charge(slab->pool, bytes);
}

/* Take the warmest free slab. The tail of the list is left alone, so that it
   holds the coldest. */
static void
take_free_plain(struct slab_pool *pool)
{
	pool->free_plain = pool->free_plain->next_free;
	pool->n_free--;
	if (pool->n_idle > pool->n_free)
		pool->n_idle = pool->n_free;
	if (pool->n_cold > pool->n_free)
		pool->n_cold = pool->n_free;
}

struct slab *
slab_new(struct slab_pool *pool)
{
	struct slab *slab = pool->free_plain;

	if (!slab_pool_has(pool, SLAB_SIZE))
		return NULL;
	if (slab) {
		take_free_plain(pool);
	} else if (pool->n_fresh < pool->n_plain) {
		slab = &pool->plain[pool->n_fresh];
		slab->pool = pool;
		slab->data = pool->memory + pool->n_fresh * SLAB_SIZE;
		slab->cap = SLAB_SIZE;
		slab->kind = SLAB_PLAIN;
		pool->n_fresh++;
	} else {
		return NULL;
	}
	slab->refs = 1;
	charge(slab, SLAB_SIZE);
	return slab;
}

struct slab *
slab_new_large(struct slab_pool *pool)
{
	struct slab *slab = pool->free_large;

	if (pool->used >= pool->max)
		return NULL;
	if (slab) {
		pool->free_large = slab->next_free;
		pool->n_free_large--;
		if (pool->n_idle_large > pool->n_free_large)
			pool->n_idle_large = pool->n_free_large;
	} else {
		slab = calloc(1, sizeof(*slab));
		if (!slab)
			return NULL;
		slab->data = map(pool->large_size);
		if (!slab->data) {
			free(slab);
			return NULL;
		}
		slab->pool = pool;
		slab->cap = pool->large_size;
		slab->kind = SLAB_LARGE;
	}
	slab->refs = 1;
	return slab;
}

static bool
may_grow(const struct slab *slab, uint32_t more)
{
	if (slab->charged == 0)
		return slab_pool_has(slab->pool, more);
	return slab->pool->used == slab->charged || fits(slab->pool, more);
}

bool
slab_reserve(struct slab *slab, uint32_t len)
{
	uint32_t more;

	if (len <= slab->charged)
		return true;
	more = round_up(len - slab->charged, LARGE_STEP);
	if (!may_grow(slab, more))
		return false;
	charge(slab, more);
	return true;
}

struct slab *
slab_new_small(struct slab_pool *pool, uint32_t cap)
{
	struct slab *slab = malloc(sizeof(*slab) + cap);

	if (!slab)
		return NULL;
	*slab = (struct slab){
		.pool = pool,
		.data = (uint8_t *)(slab + 1),
		.cap = cap,
		.refs = 1,
		.kind = SLAB_SMALL,
	};
	charge(slab, cap);
	return slab;
}

static void
release(struct slab *slab)
{
	struct slab_pool *pool = slab->pool;

	switch ((enum slab_kind)slab->kind) {
	case SLAB_PLAIN:
		slab->next_free = pool->free_plain;
		pool->free_plain = slab;
		pool->n_free++;
		break;
	case SLAB_LARGE:
		if (pool->n_free_large == KEEP_LARGE) {
			free_large(pool, slab);
			break;
		}
		slab->next_free = pool->free_large;
		pool->free_large = slab;
		pool->n_free_large++;
		break;
	case SLAB_SMALL:
		pool->heap_freed += slab->cap;
		free(slab);
		break;
	}
}

void
slab_unref(struct slab *slab)
{
	struct slab_pool *pool;
	uint32_t charged;

	if (!slab || --slab->refs > 0)
		return;
	pool = slab->pool;
	charged = slab->charged;
	slab->charged = 0;
	release(slab);
	/* last: it may call waiters for memory */
	slab_pool_uncharge(pool, charged);
}

/* ---- give back to the kernel -------------------------------------------- */

static void
give_back_plain(struct slab_pool *pool)
{
	struct slab *slab = pool->free_plain;
	size_t left = pool->n_free;

	for (; left > pool->n_idle; left--)
		slab = slab->next_free;
	for (; left > pool->n_cold; left--) {
		giveback_pages(slab->data, SLAB_SIZE);
		slab = slab->next_free;
	}
	pool->n_cold = pool->n_idle;
	pool->n_idle = pool->n_free;
}

/* Free as many as were idle; which ones those were does not matter. */
static void
give_back_large(struct slab_pool *pool)
{
	while (pool->n_idle_large > 0) {
		struct slab *slab = pool->free_large;

		pool->free_large = slab->next_free;
		pool->n_free_large--;
		pool->n_idle_large--;
		free_large(pool, slab);
	}
	pool->n_idle_large = pool->n_free_large;
}

void
slab_pool_give_back(struct slab_pool *pool)
{
	give_back_plain(pool);
	give_back_large(pool);
}
