/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "rates.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"

void
rates_begin(struct rates *r, int64_t now_us)
{
	struct rates_set spare = r->before;

	r->before = r->now;
	r->now = spare;
	r->now.n = 0;
	r->now.us = now_us;
}

void
rates_add(struct rates *r, uint64_t id, const uint64_t *count, size_t n)
{
	struct rates_set *set = &r->now;
	struct rates_sample *sample;

	if (set->n == set->size) {
		set->size = set->size ? 2 * set->size : 64;
		set->at = realloc(set->at, set->size * sizeof(*set->at));
		if (!set->at)
			cli_die("out of memory");
	}
	sample = &set->at[set->n++];
	*sample = (struct rates_sample){ .id = id };
	memcpy(sample->count, count, n * sizeof(*count));
}

static const struct rates_sample *
find(const struct rates_set *set, uint64_t id)
{
	size_t low = 0, high = set->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->at[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->n && set->at[low].id == id ? &set->at[low] : NULL;
}

double
rates_of(const struct rates *r, uint64_t id, size_t counter)
{
	const struct rates_sample *now = find(&r->now, id);
	const struct rates_sample *before = find(&r->before, id);
	int64_t us = r->now.us - r->before.us;
	uint64_t grown;

	if (!now || r->before.n == 0 || us <= 0)
		return 0;
	grown = now->count[counter];
	if (before && before->count[counter] <= grown)
		grown -= before->count[counter];
	return (double)grown * 1e6 / (double)us;
}

void
rates_forget(struct rates *r)
{
	r->now.n = r->before.n = 0;
}

void
rates_free(struct rates *r)
{
	free(r->now.at);
	free(r->before.at);
	*r = (struct rates){ 0 };
}
