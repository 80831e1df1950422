/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * throughput - one publisher, one subscriber, one topic.
 *
 * ctest: serial
 */
#include "stream.h"
#include "workload.h"

#define KIB ((size_t)1 << 10)

static const struct stream shape_16 = { .payload = 16 };
static const struct stream shape_128 = { .payload = 128 };
static const struct stream shape_1k = { .payload = KIB };
static const struct stream shape_64k = { .payload = 64 * KIB };
static const struct stream shape_1m = { .payload = KIB * KIB };

#define RATE(raw, peer)                                             \
	{                                                           \
		.name = "rate", .unit = "msg/s", .raw_goal = (raw), \
		.peer_goal = (peer)                                 \
	}

const struct workload throughput[] = {
	{
		.name = "throughput.16",
		.title = "1 to 1, 16 B",
		.metrics = { RATE(0.35, 10), STREAM_CPU(0), STREAM_MEMORY },
		.measure = stream_measure,
		.shape = &shape_16,
	},
	{
		.name = "throughput.128",
		.title = "1 to 1, 128 B",
		.metrics = { RATE(0.60, 8), STREAM_CPU(2.0), STREAM_MEMORY },
		.measure = stream_measure,
		.shape = &shape_128,
	},
	{
		.name = "throughput.1k",
		.title = "1 to 1, 1 KiB",
		.metrics = { RATE(0.80, 4), STREAM_CPU(0), STREAM_MEMORY },
		.measure = stream_measure,
		.shape = &shape_1k,
	},
	{
		.name = "throughput.64k",
		.title = "1 to 1, 64 KiB",
		.metrics = { RATE(0.90, 0), STREAM_CPU(0), STREAM_MEMORY },
		.measure = stream_measure,
		.shape = &shape_64k,
	},
	{
		.name = "throughput.1m",
		.title = "1 to 1, 1 MiB",
		.metrics = { RATE(0.90, 0), STREAM_CPU(0), STREAM_MEMORY },
		.measure = stream_measure,
		.shape = &shape_1m,
	},
	{ 0 },
};
