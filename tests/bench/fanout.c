/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* fanout - one publisher, many subscribers to one topic. */
#include "stream.h"
#include "workload.h"

static const struct stream shape_16 = { .n_listeners = 16, .payload = 128 };
static const struct stream shape_100 = { .n_listeners = 100, .payload = 128 };

const struct workload fanout[] = {
	{
		.name = "fanout.16",
		.title = "1 to 16, 128 B",
		.metrics = STREAM_METRICS("deliveries/s", 0.70, 10, 1.5, 0),
		.measure = stream_measure,
		.shape = &shape_16,
	},
	{
		.name = "fanout.100",
		.title = "1 to 100, 128 B",
		.metrics = STREAM_METRICS("deliveries/s", 0.75, 12, 0, 0),
		.measure = stream_measure,
		.shape = &shape_100,
	},
	{ 0 },
};
