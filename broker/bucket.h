/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * bucket - a token bucket: it fills at a constant rate and holds at most one
 * second's worth. Each operation takes one token out.
 */
#ifndef UMBELD_BUCKET_H
#define UMBELD_BUCKET_H

#include <stdint.h>

struct bucket {
	uint64_t left; /* thousandths */
	uint64_t filled_ms;
};

static inline void
bucket_init(struct bucket *b, uint32_t rate, uint64_t now_ms)
{
	*b = (struct bucket){
		.left = UINT64_C(1000) * rate,
		.filled_ms = now_ms,
	};
}

/* How many operations are allowed now. */
static inline uint32_t
bucket_fill(struct bucket *b, uint32_t rate, uint64_t now_ms)
{
	uint64_t most = UINT64_C(1000) * rate;
	uint64_t passed = now_ms - b->filled_ms;

	b->filled_ms = now_ms;
	/* one token per second is a thousandth of one per millisecond */
	b->left += (passed < 1000 ? passed : 1000) * rate;
	if (b->left > most)
		b->left = most;
	return (uint32_t)(b->left / 1000);
}

/* Take `n` tokens, at most what bucket_fill() returned. */
static inline void
bucket_take(struct bucket *b, uint32_t n)
{
	b->left -= UINT64_C(1000) * n;
}

#endif
