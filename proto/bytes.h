/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * bytes - big-endian loads and stores at any alignment.
 */
#ifndef UMBEL_PROTO_BYTES_H
#define UMBEL_PROTO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t
load_be16(const uint8_t *p)
{
	return (uint16_t)((uint32_t)p[0] << 8 | p[1]);
}

static inline uint32_t
load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t
load_be64(const uint8_t *p)
{
	return (uint64_t)load_be32(p) << 32 | load_be32(p + 4);
}

/* Eight bytes as a word that is only compared: its value depends on the byte
   order. */
static inline uint64_t
bytes_word(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* A mask for the last `n` bytes of such a word; the whole word from 8 on. */
static inline uint64_t
bytes_last(size_t n)
{
	uint8_t mask[8] = { 0 };

	if (n > sizeof(mask))
		n = sizeof(mask);
	memset(mask + sizeof(mask) - n, 0xff, n);
	return bytes_word(mask);
}

/*
 * memcmp(a, b, n) == 0 for short strings that are nearly always equal: no
 * call, a few loads, the last of which may overlap the one before.
 */
static inline bool
bytes_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	if (n < 8)
		return memcmp(a, b, n) == 0;
	for (size_t i = 0; i + 8 < n; i += 8) {
		if (bytes_word(a + i) != bytes_word(b + i))
			return false;
	}
	return bytes_word(a + n - 8) == bytes_word(b + n - 8);
}

static inline void
store_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static inline void
store_be64(uint8_t *p, uint64_t v)
{
	store_be32(p, (uint32_t)(v >> 32));
	store_be32(p + 4, (uint32_t)v);
}

static inline void
store_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

#endif
