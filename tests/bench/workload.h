/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * workload - what is measured: how, on which systems, and what we hope to see.
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stdbool.h>

#include "run.h"

#define MAX_METRICS 6

/* What a number means. `goal` is in terms of umbel's figure divided by raw's or
   by the best peer's; `bound` is absolute. 0: none. */
struct metric {
	const char *name;
	const char *unit;
	bool less_is_better;
	double raw_goal;
	double peer_goal;
	double bound;
};

enum needs {
	NEEDS_NOTHING = 0,
	NEEDS_FILTERS = 1,   /* many topics in one client */
	NEEDS_WILDCARDS = 2, /* many patterns */
	NEEDS_WORD = 4,      /* the server's word that a request is in force */
	UMBEL_ONLY = 8,
	NEEDS_ANSWERS = 16, /* requests and replies */
	NEEDS_GROUPS = 32,
};

struct workload {
	const char *name;                   /* for --only: throughput.128 */
	const char *title;                  /* for people: "1 to 1, 128 B" */
	struct metric metrics[MAX_METRICS]; /* up to one without a name */
	unsigned needs;
	bool slow; /* left out by --quick */

	/* Fill in values[], one per metric. 0, or -1: the run has failed. */
	int (*measure)(struct run *r, const void *shape, double *values);
	const void *shape;
};

/* Each of a file of this name; they end with one that has no name. */
extern const struct workload throughput[], fanout[], group[], pairs[],
	pingpong[], filters[], clients[], growth[], holds[], bystanders[],
	requests[];

#endif
