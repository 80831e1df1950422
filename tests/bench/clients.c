/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* clients - a thousand of them: what an idle one costs, and to take them in. */
#include "crowd.h"
#include "util.h"
#include "workload.h"

#define N_CLIENTS 1000

static const struct crowd thousand = { .n_clients = N_CLIENTS, .n_filters = 1 };

static int
measure_memory(struct run *r, const void *shape, double *values)
{
	double before;

	if (run_begin(r, 1) < 0)
		return -1;
	before = (double)memory_of(r->server, "VmRSS:");
	run_add(r, crowd_hold, shape, 0);
	if (run_start(r) < 0)
		return -1;
	values[0] =
		((double)memory_of(r->server, "VmRSS:") - before) / N_CLIENTS;
	return run_finish(r);
}

static int
measure_connect(struct run *r, const void *shape, double *values)
{
	if (run_begin(r, 1) < 0)
		return -1;
	run_add(r, crowd_time, shape, 0);
	if (run_start(r) < 0 || run_finish(r) < 0)
		return -1;
	values[0] = r->slots[0].figures[0];
	values[1] = (double)r->cpu_ns * 1e-9;
	return 0;
}

const struct workload clients[] = {
	{
		.name = "clients.idle",
		.title = "1,000 idle subscribers, a topic each",
		.metrics = { { .name = "RSS of each",
	                       .unit = "B",
	                       .less_is_better = true,
	                       .bound = 1024 } },
		.needs = NEEDS_WORD,
		.measure = measure_memory,
		.shape = &thousand,
	},
	{
		.name = "clients.connect",
		.title = "connect and subscribe 1,000 clients",
		.metrics = { { .name = "time",
	                       .unit = "s",
	                       .less_is_better = true,
	                       .bound = 0.06 },
	                     { .name = "broker CPU",
	                       .unit = "s",
	                       .less_is_better = true } },
		.needs = NEEDS_WORD,
		.measure = measure_connect,
		.shape = &thousand,
	},
	{ 0 },
};
