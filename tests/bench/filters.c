/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* filters - one client with 100,000 of them, and messages to any. */
#include "stream.h"
#include "workload.h"

#define N_FILTERS 100000

static const struct stream shape_exact = { .payload = 128,
	                                   .n_topics = N_FILTERS,
	                                   .order = ORDER_RANDOM };
static const struct stream shape_wild = { .payload = 128,
	                                  .n_topics = N_FILTERS,
	                                  .order = ORDER_RANDOM,
	                                  .topic_tail = ".v",
	                                  .filter_tail = ".*" };

const struct workload filters[] = {
	{
		.name = "filters.exact",
		.title = "100,000 exact subscriptions, 128 B",
		.metrics = STREAM_METRICS("msg/s", 0, 0, 0, 3e6),
		.needs = NEEDS_FILTERS,
		.measure = stream_measure,
		.shape = &shape_exact,
	},
	{
		.name = "filters.wildcard",
		.title = "100,000 wildcard filters, 128 B",
		.metrics = STREAM_METRICS("msg/s", 0, 0, 0, 2e6),
		.needs = NEEDS_WILDCARDS,
		.measure = stream_measure,
		.shape = &shape_wild,
	},
	{ 0 },
};
