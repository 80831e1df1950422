/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * page - an answer to a request for introspection, while it is written: a
 * PUBLISH of the broker to the request's reply, whose payload is one map.
 *
 * A list in it is bounded twice: by the bytes of a page, and by the work that
 * one request may cause. Where it stopped goes into the map as `next`.
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

/* A whole frame is no longer. */
#define PAGE_MAX      (256u << 10)
/* Kept free: for what comes behind a list, and for the few entries that are
   written between two questions whether it goes on. */
#define PAGE_RESERVE  (16u << 10)
/* Things that are looked at for one request. */
#define PAGE_WORK_MAX 10000u

struct page {
	struct slab *slab;
	struct pack pack;
	uint8_t *payload;
	uint8_t *map;
	uint8_t *list; /* NULL: none is open */
	uint32_t n_pairs;
	uint32_t n_entries; /* of the list */
	uint32_t work;
};

/*
 * Begin an answer to `reply`. Returns 0 or -ENOMEM; then there is nothing to
 * free. Else it ends with page_end() or page_end_with_error().
 */
int page_begin(struct page *g, struct slab_pool *pool, struct text reply);

/* A key of the map: its value is written to the pack that is returned. */
struct pack *page_pair(struct page *g, const char *key);
void page_uint(struct page *g, const char *key, uint64_t value);
void page_text(struct page *g, const char *key, const char *value);

/* The list, under this key; its entries are written to the pack. */
void page_list(struct page *g, const char *key);
/* May one more thing be looked at, and is there room to tell of it? */
bool page_goes_on(struct page *g);
struct pack *page_entry(struct page *g);
void page_list_end(struct page *g);

/* There is more: the client is to ask again, with this. */
void page_next(struct page *g, uint64_t next);
void page_next_text(struct page *g, const char *text, size_t len);

/* The frame's length, from the first byte of g->slab; 0 when it did not fit. */
uint32_t page_end(struct page *g);

/* Instead of all that was begun: an answer that says what is wrong. */
uint32_t page_end_with_error(struct page *g, struct text reply,
                             enum status status, const char *text);

#endif
