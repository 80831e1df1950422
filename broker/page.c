/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "page.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "proto/frame.h"
#include "proto/publish.h"

/* Write everything of the frame before the payload. */
static void
write_head(struct page *g, struct text reply, const char *content_type,
           uint32_t error)
{
	uint8_t stamp[PUBLISH_STAMP_SIZE];

	store_be32(stamp, 0);
	store_be32(stamp + 4, (uint32_t)geteuid());
	g->pack = pack_into(g->slab->data, g->slab->cap);
	pack_raw(&g->pack, (uint8_t[FRAME_PREFIX_SIZE]){ 0 },
	         FRAME_PREFIX_SIZE);
	pack_array(&g->pack, 7);
	pack_uint(&g->pack, PUBLISH_TYPE);
	pack_uint(&g->pack, 0);
	pack_bin(&g->pack, stamp, sizeof(stamp));
	pack_str(&g->pack, reply.at, reply.len);
	pack_nil(&g->pack);
	pack_map(&g->pack, error ? 2 : 1);
	pack_pair_text(&g->pack, "content-type", content_type);
	if (error)
		pack_pair_uint(&g->pack, "error", error);
	g->payload = pack_bin_later(&g->pack);
}

static uint32_t
finish(struct page *g)
{
	size_t len = pack_length(&g->pack);

	if (g->pack.full)
		return 0;
	pack_count(g->payload, (uint32_t)(g->pack.at - g->payload - 5));
	frame_put_prefix(g->pack.start, (uint32_t)(len - FRAME_PREFIX_SIZE));
	return (uint32_t)len;
}

int
page_begin(struct page *g, struct slab_pool *pool, struct text reply)
{
	*g = (struct page){ 0 };
	g->slab = slab_new_small(pool, PAGE_MAX);
	if (!g->slab)
		return -ENOMEM;
	write_head(g, reply, "msgpack", 0);
	g->map = pack_map_later(&g->pack);
	return 0;
}

struct pack *
page_pair(struct page *g, const char *key)
{
	pack_text(&g->pack, key);
	g->n_pairs++;
	return &g->pack;
}

void
page_uint(struct page *g, const char *key, uint64_t value)
{
	pack_uint(page_pair(g, key), value);
}

void
page_text(struct page *g, const char *key, const char *value)
{
	pack_text(page_pair(g, key), value);
}

void
page_list(struct page *g, const char *key)
{
	g->list = pack_array_later(page_pair(g, key));
	g->n_entries = 0;
}

bool
page_goes_on(struct page *g)
{
	return g->work++ < PAGE_WORK_MAX && pack_room(&g->pack) >= PAGE_RESERVE;
}

struct pack *
page_entry(struct page *g)
{
	g->n_entries++;
	return &g->pack;
}

void
page_list_end(struct page *g)
{
	pack_count(g->list, g->n_entries);
	g->list = NULL;
}

void
page_next(struct page *g, uint64_t next)
{
	page_uint(g, "next", next);
}

void
page_next_text(struct page *g, const char *text, size_t len)
{
	pack_str(page_pair(g, "next"), text, len);
}

uint32_t
page_end(struct page *g)
{
	pack_count(g->map, g->n_pairs);
	return finish(g);
}

uint32_t
page_end_with_error(struct page *g, struct text reply, enum status status,
                    const char *text)
{
	write_head(g, reply, "text", (uint32_t)status);
	pack_raw(&g->pack, text, strlen(text));
	return finish(g);
}
