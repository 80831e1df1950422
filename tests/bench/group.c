/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* group - one publisher, and a queue group that shares its messages. */
#include "stream.h"
#include "workload.h"

static const struct stream shape_4 = { .n_listeners = 4,
	                               .payload = 128,
	                               .group = "bench" };

const struct workload group[] = {
	{
		.name = "group.4",
		.title = "1 to a group of 4, 128 B",
		.needs = NEEDS_GROUPS,
		.metrics = STREAM_METRICS("msg/s", 0, 0, 0, 0),
		.measure = stream_measure,
		.shape = &shape_4,
	},
	{ 0 },
};
