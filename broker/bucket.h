/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * bucket - so many in a second, and a second's worth at once: it fills up as
 * time goes by, and what is done is taken out.
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

/* How many may be done now. */
static inline uint32_t
bucket_fill(struct bucket *b, uint32_t rate, uint64_t now_ms)
{
	uint64_t most = UINT64_C(1000) * rate;
	uint64_t passed = now_ms - b->filled_ms;

	b->filled_ms = now_ms;
	/* one in a second is a thousandth in a millisecond */
	b->left += (passed < 1000 ? passed : 1000) * rate;
	if (b->left > most)
		b->left = most;
	return (uint32_t)(b->left / 1000);
}

/* Not more than that. */
static inline void
bucket_take(struct bucket *b, uint32_t n)
{
	b->left -= UINT64_C(1000) * n;
}

#endif
