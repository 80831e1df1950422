/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * Up to 64 a bucket for each value, from there on 64 for each power of two: the
 * first bits of a value, and how many follow, are its bucket.
 */

#include "percentiles.h"

#include <stddef.h>

static unsigned
bits_behind(uint64_t value)
{
	unsigned behind = 0;

	while (value >> behind >= 2 * PERCENTILES_PARTS)
		behind++;
	return behind;
}

static size_t
bucket_of(uint64_t value)
{
	unsigned behind = bits_behind(value);

	return behind * PERCENTILES_PARTS + (size_t)(value >> behind);
}

/* The largest value in a bucket. */
static uint64_t
value_of(size_t bucket)
{
	size_t behind;

	if (bucket < 2 * (size_t)PERCENTILES_PARTS)
		return bucket;
	behind = bucket / PERCENTILES_PARTS - 1;
	return (((bucket - behind * PERCENTILES_PARTS) + 1) << behind) - 1;
}

void
percentiles_add(struct percentiles *p, uint64_t value)
{
	p->n++;
	if (value > p->most)
		p->most = value;
	p->bucket[bucket_of(value)]++;
}

uint64_t
percentiles_of(const struct percentiles *p, double share)
{
	uint64_t wanted = (uint64_t)((double)p->n * share + 0.5), seen = 0;

	for (size_t i = 0; i < PERCENTILES_BUCKETS; i++) {
		seen += p->bucket[i];
		if (seen >= wanted && seen > 0)
			return value_of(i) < p->most ? value_of(i) : p->most;
	}
	return p->most;
}
