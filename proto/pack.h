/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * pack - writes msgpack into a buffer of a fixed size.
 *
 * For payloads that the broker itself writes, which grow value by value and
 * must fit a page. Every head is as short as possible, except heads whose count
 * is filled in later. What does not fit is not written, and `full` is set:
 * check it once, at the end.
 */
#ifndef UMBEL_PROTO_PACK_H
#define UMBEL_PROTO_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pack {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool full;
};

static inline struct pack
pack_into(void *buf, size_t cap)
{
	uint8_t *at = buf;

	return (struct pack){ .start = at, .at = at, .end = at + cap };
}

static inline size_t
pack_length(const struct pack *p)
{
	return (size_t)(p->at - p->start);
}

static inline size_t
pack_room(const struct pack *p)
{
	return (size_t)(p->end - p->at);
}

void pack_nil(struct pack *p);
void pack_bool(struct pack *p, bool value);
void pack_uint(struct pack *p, uint64_t value);
void pack_str(struct pack *p, const char *text, size_t len);
/* A C string. */
void pack_text(struct pack *p, const char *text);
void pack_bin(struct pack *p, const void *data, size_t len);
/* Only the head: the caller puts the bytes behind it. */
void pack_bin_head(struct pack *p, size_t len);
/* Append bytes that are msgpack already. */
void pack_raw(struct pack *p, const void *data, size_t len);

/* Heads: `n` elements, or pairs, follow. */
void pack_array(struct pack *p, uint32_t n);
void pack_map(struct pack *p, uint32_t n);

/*
 * Heads whose count, or length in bytes, is not known yet. They return the
 * head's address, for pack_count(); NULL when there is no room.
 */
uint8_t *pack_array_later(struct pack *p);
uint8_t *pack_map_later(struct pack *p);
uint8_t *pack_bin_later(struct pack *p);

/* Fill in the count of such a head. NULL is ignored. */
void pack_count(uint8_t *head, uint32_t n);

/* A key, which is a C string, and its value. */
void pack_pair_bool(struct pack *p, const char *key, bool value);
void pack_pair_uint(struct pack *p, const char *key, uint64_t value);
void pack_pair_text(struct pack *p, const char *key, const char *value);

#endif
