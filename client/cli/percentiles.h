/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * percentiles - many durations in little memory: each is known to one part in
 * 64. Start from zeros.
 */
#ifndef UMBEL_CLI_PERCENTILES_H
#define UMBEL_CLI_PERCENTILES_H

#include <stdint.h>

#define PERCENTILES_PARTS   64u
#define PERCENTILES_BUCKETS (PERCENTILES_PARTS * 59u)

struct percentiles {
	uint64_t n;
	uint64_t most;
	uint64_t bucket[PERCENTILES_BUCKETS];
};

void percentiles_add(struct percentiles *p, uint64_t value);

/* No more than this were `share` of them, such as 0.5 or 0.99; 0 when there are
   none. */
uint64_t percentiles_of(const struct percentiles *p, double share);

#endif
