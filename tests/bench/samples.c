/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "samples.h"

#include <stdlib.h>

#include "util.h"

void
samples_init(struct samples *s, size_t max)
{
	*s = (struct samples){
		.values = must_alloc(max * sizeof(s->values[0])),
		.max = max,
	};
}

void
samples_add(struct samples *s, uint64_t ns)
{
	if (s->n < s->max)
		s->values[s->n++] = ns;
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

double
samples_quantile(struct samples *s, double share)
{
	size_t i = (size_t)((double)s->n * share);

	if (s->n == 0)
		die("nothing was measured");
	qsort(s->values, s->n, sizeof(s->values[0]), compare);
	return (double)s->values[i < s->n ? i : s->n - 1] * 1e-9;
}
