/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * page - an introspection answer while it is written: a PUBLISH by the broker
 * to the reply topic of the request, whose payload is one map.
 *
 * A list in it is bounded twice: by the size of a page, and by the work that
 * one request may cause. The place where the list stopped goes into the map as
 * `next`.
 */
#ifndef UMBELD_PAGE_H
#define UMBELD_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"
#include "proto/pack.h"
#include "proto/status.h"
#include "slab.h"

/* The maximum size of the whole frame. */
#define PAGE_MAX      (256u << 10)
/* Kept free for what follows a list, and for the few entries that are written
   between two calls of page_goes_on(). */
#define PAGE_RESERVE  (16u << 10)
/* The number of things that are looked at for one request. */
#define PAGE_WORK_MAX 10000u

struct page {
	struct slab *slab;
	struct pack pack;
	uint8_t *payload;
	uint8_t *map;
	uint8_t *list; /* NULL if none is open */
	uint32_t n_pairs;
	uint32_t n_entries; /* entries in the list */
	uint32_t work;
};

/*
 * Begin an answer to `reply`. Returns 0, or -ENOMEM; then there is nothing to
 * free. After 0, finish it with page_end() or page_end_with_error().
 */
int page_begin(struct page *g, struct slab_pool *pool, struct text reply);

/* Write a key of the map. The caller writes its value to the returned pack. */
struct pack *page_pair(struct page *g, const char *key);
void page_uint(struct page *g, const char *key, uint64_t value);
void page_text(struct page *g, const char *key, const char *value);

/* Begin the list, under this key. The caller writes its entries to the pack. */
void page_list(struct page *g, const char *key);
/* May one more thing be looked at, and is there room for its entry? */
bool page_goes_on(struct page *g);
struct pack *page_entry(struct page *g);
void page_list_end(struct page *g);

/* There is more: the client asks again with this value as `after`. */
void page_next(struct page *g, uint64_t next);
void page_next_text(struct page *g, const char *text, size_t len);

/* Returns the length of the frame, which begins at the first byte of g->slab,
   or 0 if it did not fit. */
uint32_t page_end(struct page *g);

/* Replace everything that was written by an answer that says what is wrong. */
uint32_t page_end_with_error(struct page *g, struct text reply,
                             enum status status, const char *text);

#endif
