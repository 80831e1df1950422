/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * stream - publishers at full speed, and subscribers that check what arrives.
 *
 * Every publisher, and every subscriber, is a process of its own. A publisher
 * has topics, whose messages go to its lanes in turn: topic i belongs to lane
 * i % n_lanes. Each subscriber listens to one lane of one publisher, with a
 * filter per topic. A message carries its number in its lane, so a subscriber
 * notices at once when one is missing, comes twice or out of order. When the
 * subscribers are a queue group each gets only some, in order, and it is
 * counted whether all of them together got each.
 *
 * Publishing takes run.seconds, or `limit` messages if that is set. Time is
 * from before the first publish to after the last delivery at the last
 * subscriber.
 */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "run.h"

enum order {
	ORDER_TURN,   /* topic after topic */
	ORDER_RANDOM, /* any of them */
	ORDER_ONCE,   /* each once, mixed: `limit` is the number of topics */
};

struct stream {
	unsigned n_publishers; /* 0: 1 */
	unsigned n_lanes;      /* of each publisher; 0: 1 */
	unsigned n_listeners;  /* of each lane; 0: 1 */
	unsigned n_clients; /* of each listener: as if it were so many; 0: 1 */
	const char *group;  /* listeners are one, of the only topic; NULL: no */
	size_t payload;
	uint64_t limit; /* messages of each publisher */

	unsigned n_topics; /* of each publisher, a multiple of n_lanes; 0: 1 */
	enum order order;
	bool threaded; /* publishers have a second thread, which does nothing */
	bool one_thread;        /* ... or promise that there is none */
	bool warm_up;           /* a message to each topic before the start */
	const char *topic_tail; /* after bench.<publisher>.<i>; NULL: nothing */
	const char *filter_tail;
};

/*
 * Add its actors to a run that has begun, and after run_finish() compute:
 * deliveries per second, seconds of CPU per million of them of the server, of
 * all publishers and all subscribers, and the server's peak memory.
 */
unsigned stream_n_actors(const struct stream *s);
void stream_add(struct run *r, const struct stream *s);
void stream_values(const struct run *r, const struct stream *s, double *values);

/* All of that, with what a workload adds before the start. */
int stream_measure_with(struct run *r, const struct stream *s, double *values,
                        unsigned n_others, void (*add)(struct run *r));

/* The whole of a run with nothing but a stream, for workload.measure. */
int stream_measure(struct run *r, const void *shape, double *values);

/* What stream_values() fills in. */
#define STREAM_METRICS(rate_unit, rate_of_raw, rate_of_peer, cpu_of_raw, \
                       rate_bound)                                       \
	{                                                                \
		{ .name = "rate",                                        \
		  .unit = (rate_unit),                                   \
		  .raw_goal = (rate_of_raw),                             \
		  .peer_goal = (rate_of_peer),                           \
		  .bound = (rate_bound) },                               \
			{ .name = "broker CPU",                          \
			  .unit = "s/M",                                 \
			  .less_is_better = true,                        \
			  .raw_goal = (cpu_of_raw) },                    \
			{ .name = "publisher CPU",                       \
			  .unit = "s/M",                                 \
			  .less_is_better = true },                      \
			{ .name = "subscriber CPU",                      \
			  .unit = "s/M",                                 \
			  .less_is_better = true },                      \
			{ .name = "broker peak RSS",                     \
			  .unit = "B",                                   \
			  .less_is_better = true },                      \
	}

#endif
