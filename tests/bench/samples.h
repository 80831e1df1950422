/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * samples - how long something took, time after time, and what is usual.
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

struct samples {
	uint64_t *values; /* nanoseconds */
	size_t n, max;
};

/* Room for `max`, which come and go with the process. */
void samples_init(struct samples *s, size_t max);
/* The first `max` of them count. */
void samples_add(struct samples *s, uint64_t ns);

/* What a share of `share` does not exceed, in seconds: 1 is the longest. There
   has to be one; they are sorted from now on. */
double samples_quantile(struct samples *s, double share);

#endif
