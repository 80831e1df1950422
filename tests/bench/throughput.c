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

const struct workload throughput[] = {
	{
		.name = "throughput.16",
		.title = "1 to 1, 16 B",
		.metrics = STREAM_METRICS("msg/s", 0.35, 10, 0, 0),
		.measure = stream_measure,
		.shape = &shape_16,
	},
	{
		.name = "throughput.128",
		.title = "1 to 1, 128 B",
		.metrics = STREAM_METRICS("msg/s", 0.60, 8, 2.0, 0),
		.measure = stream_measure,
		.shape = &shape_128,
	},
	{
		.name = "throughput.1k",
		.title = "1 to 1, 1 KiB",
		.metrics = STREAM_METRICS("msg/s", 0.80, 4, 0, 0),
		.measure = stream_measure,
		.shape = &shape_1k,
	},
	{
		.name = "throughput.64k",
		.title = "1 to 1, 64 KiB",
		.metrics = STREAM_METRICS("msg/s", 0.90, 0, 0, 0),
		.measure = stream_measure,
		.shape = &shape_64k,
	},
	{
		.name = "throughput.1m",
		.title = "1 to 1, 1 MiB",
		.metrics = STREAM_METRICS("msg/s", 0.90, 0, 0, 0),
		.measure = stream_measure,
		.shape = &shape_1m,
	},
	{ 0 },
};
