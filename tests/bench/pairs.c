/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* pairs - eight publishers, each with a topic and a subscriber of its own. */
#include "stream.h"
#include "workload.h"

static const struct stream shape_8 = { .n_publishers = 8, .payload = 128 };

const struct workload pairs[] = {
	{
		.name = "pairs.8",
		.title = "8 to 8 on 8 topics, 128 B",
		.metrics = STREAM_METRICS("msg/s", 0.70, 8, 0, 0),
		.measure = stream_measure,
		.shape = &shape_8,
	},
	{ 0 },
};
