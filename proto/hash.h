/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * hash - a seeded 64-bit hash of short strings, for tables whose keys come
 * from clients.
 *
 * Multiply and fold, eight bytes at a time: the mixing step of Wang Yi's wyhash
 * (https://github.com/wangyi-fudan/wyhash, public domain). Clients that do not
 * know the seed cannot aim at one bucket. This is not a cryptographic hash.
 */
#ifndef UMBEL_PROTO_HASH_H
#define UMBEL_PROTO_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The two halves of the 128-bit product, XORed. */
static inline uint64_t
hash_mix_by_hand(uint64_t a, uint64_t b)
{
	uint64_t a0 = (uint32_t)a, a1 = a >> 32;
	uint64_t b0 = (uint32_t)b, b1 = b >> 32;
	uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32);
	uint64_t other = a0 * b1 + (uint32_t)middle;

	return (a * b) ^ (a1 * b1 + (middle >> 32) + (other >> 32));
}

#ifdef __SIZEOF_INT128__
static inline uint64_t
hash_mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 uint128;
	uint128 product = (uint128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}
#else /* a 32-bit machine */
static inline uint64_t
hash_mix(uint64_t a, uint64_t b)
{
	return hash_mix_by_hand(a, b);
}
#endif

static inline uint64_t
hash_bytes(uint64_t seed, const void *data, size_t len)
{
	const uint64_t k0 = UINT64_C(0xa0761d6478bd642f);
	const uint64_t k1 = UINT64_C(0xe7037ed1a0b428db);
	const uint8_t *p = data;
	uint64_t h = seed ^ hash_mix(len ^ k0, k1);
	uint64_t word = 0;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&word, p, 8);
		h = hash_mix(h ^ word ^ k0, k1);
	}
	if (len >= 4) {
		uint32_t low, high;

		memcpy(&low, p, 4);
		memcpy(&high, p + len - 4, 4);
		word = (uint64_t)high << 32 | low;
		h = hash_mix(h ^ word ^ k0, k1);
	} else if (len > 0) {
		word = (uint64_t)p[0] << 16 | (uint64_t)p[len / 2] << 8 |
		       p[len - 1];
		h = hash_mix(h ^ word ^ k0, k1);
	}
	return hash_mix(h ^ k1, k0);
}

#endif
