/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * report - the figures of one workload's interleaved runs, for people and for
 * programs.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "workload.h"

#define MAX_SYSTEMS 8
#define MAX_RUNS    100

/* values[system][metric][run]: run i of all systems took place side by side. A
   system that the workload is not for has no adapter here. */
struct figures {
	const struct workload *workload;
	const struct adapter *systems[MAX_SYSTEMS];
	unsigned n_systems;
	unsigned n_runs;
	double values[MAX_SYSTEMS][MAX_METRICS][MAX_RUNS];
};

struct spread {
	double median, min, max;
};

struct spread spread_of(const double *values, unsigned n);

/* umbel's figure divided by another system's, run by run. The first system has
   to be umbel. */
struct spread ratio_to(const struct figures *f, unsigned system,
                       unsigned metric);

/* The peer with the best median; 0: there was none. */
unsigned best_peer(const struct figures *f, unsigned metric);

/* How umbel fares against what the metric asks for. */
enum goal_result { GOAL_NONE, GOAL_MET, GOAL_MISSED };
enum goal_result goal_of(const struct figures *f, unsigned metric);

void report_text(const struct figures *f);
void report_json(const struct figures *f, bool first);

#endif
