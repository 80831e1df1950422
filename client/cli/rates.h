/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * rates - counters that only grow, of many things, as so many a second: from
 * one sample to the next. Start from zeros, end with rates_free().
 */
#ifndef UMBEL_CLI_RATES_H
#define UMBEL_CLI_RATES_H

#include <stddef.h>
#include <stdint.h>

#define RATES_COUNTERS 5u

struct rates_sample {
	uint64_t id;
	uint64_t count[RATES_COUNTERS];
};

struct rates_set {
	struct rates_sample *at; /* in the order of their ids */
	size_t n;
	size_t size;
	int64_t us; /* when */
};

struct rates {
	struct rates_set now;
	struct rates_set before;
};

/* A new sample begins; what was the last one is the one before. */
void rates_begin(struct rates *r, int64_t now_us);
/* The counters of one thing; ids come in ascending order. */
void rates_add(struct rates *r, uint64_t id, const uint64_t *count, size_t n);

/*
 * How much a counter has grown a second. What was not there before has grown
 * from 0, as has what is smaller now: it was set back. 0 when there is but one
 * sample.
 */
double rates_of(const struct rates *r, uint64_t id, size_t counter);

/* What comes is not to be compared with what was. */
void rates_forget(struct rates *r);

void rates_free(struct rates *r);

#endif
