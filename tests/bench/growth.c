/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * growth - what more of everything costs umbel: more filters, more topics, more
 * subscribers, more coming and going, more rules. What is compared runs back to
 * back.
 */
#include <stdio.h>
#include <stdlib.h>

#include "crowd.h"
#include "stream.h"
#include "util.h"
#include "workload.h"

/* A million filters are held by five sessions: 200,000 each is the most. */
#define N_HOLDERS 5
#define MILLION   1000000

/* ---- a rate beside another ----------------------------------------------- */

struct versus {
	struct stream stream;
	struct stream plain; /* what it is compared with */
	unsigned n_others;
	void (*add)(struct run *r); /* what only the first has besides */
	unsigned n_denials;         /* ... rules, and two that allow */
};

/* They deny something else: the first message of a topic is held against each
   of them, and then its verdict is known. */
static char *
rules_with(unsigned n_denials)
{
	char *text =
		must_format("acl:\n"
	                    "  - {allow: [hold], who: [everyone]}\n"
	                    "  - {allow: [publish, subscribe], who: [everyone],"
	                    " topics: ['bench.**']}\n");

	for (unsigned i = 0; i < n_denials; i++) {
		char *shorter = text;

		text = must_format("%s  - {deny: [publish], who: [everyone],"
		                   " topics: ['*.%u.secret']}\n",
		                   shorter, i);
		free(shorter);
	}
	return text;
}

static int
measure_versus(struct run *r, const void *shape, double *values)
{
	const struct versus *v = shape;
	double with[MAX_METRICS], without[MAX_METRICS];
	struct run before = *r;
	char *rules = v->n_denials > 0 ? rules_with(v->n_denials) : NULL;
	int result = stream_measure(&before, &v->plain, without);

	run_end(&before);
	r->config = rules;
	if (result == 0)
		result = stream_measure_with(r, &v->stream, with, v->n_others,
		                             v->add);
	free(rules);
	if (result < 0)
		return -1;
	values[0] = with[0] / without[0];
	values[1] = with[0];
	values[2] = without[0];
	values[3] = with[1];
	values[4] = with[4];
	return 0;
}

#define VERSUS_METRICS(floor, rate_unit)                          \
	{                                                         \
		{ .name = "share of plain rate",                  \
		  .unit = "x",                                    \
		  .bound = (floor) },                             \
			{ .name = "rate", .unit = (rate_unit) },  \
			{ .name = "plain", .unit = (rate_unit) }, \
			{ .name = "broker CPU",                   \
			  .unit = "s/M",                          \
			  .less_is_better = true },               \
			{ .name = "broker peak RSS",              \
			  .unit = "B",                            \
			  .less_is_better = true },               \
	}

static const struct crowd holder = { .n_clients = 1,
	                             .n_filters = MILLION / N_HOLDERS };

static void
add_holders(struct run *r)
{
	for (unsigned i = 0; i < N_HOLDERS; i++)
		run_add(r, crowd_hold, &holder, i);
}

/* Comes and goes a thousand times a second, as long as there is a bench. */
static void
churn(struct actor *me)
{
	const struct adapter *a = me->run->adapter;
	struct client *c =
		a->connect(me->run->dir, &(struct client){ .bulk = false });
	char filter[32] = "";

	actor_name("churn");
	a->sync(c);
	actor_ready(me);
	actor_tell_done(me);
	for (unsigned i = 0;; i++) {
		uint64_t next = now_ns() + 1000000;

		if (i > 0)
			a->unsubscribe(c, filter);
		snprintf(filter, sizeof(filter), "churn.%u.*", i);
		a->subscribe(c, filter);
		a->sync(c);
		while (now_ns() < next)
			a->receive(c, 1);
	}
}

static void
add_churn(struct run *r)
{
	run_add(r, churn, NULL, 0);
}

static const struct versus among_filters = {
	.plain = { .payload = 128, .n_topics = 10 },
	.stream = { .payload = 128, .n_topics = 10 },
	.n_others = N_HOLDERS,
	.add = add_holders,
};

static const struct versus while_churning = {
	.plain = { .payload = 128, .n_topics = 10 },
	.stream = { .payload = 128, .n_topics = 10 },
	.n_others = 1,
	.add = add_churn,
};

/* 20 processes with 500 subscribers each */
static const struct versus many_subscribers = {
	.plain = { .payload = 128, .n_listeners = 100 },
	.stream = { .payload = 128,
	            .n_listeners = 20,
	            .n_clients = 500,
	            .limit = 3000 },
};

static const struct versus second_thread = {
	.plain = { .payload = 128 },
	.stream = { .payload = 128, .threaded = true },
};

static const struct versus one_thread = {
	.plain = { .payload = 128 },
	.stream = { .payload = 128, .one_thread = true },
};

static const struct versus many_topics = {
	.plain = { .payload = 1024 },
	.stream = { .payload = 1024, .n_topics = 10000 },
};

static const struct versus under_rules = {
	.plain = { .payload = 128 },
	.stream = { .payload = 128 },
	.n_denials = 20,
};

static const struct versus many_under_rules = {
	.plain = { .payload = 128, .n_topics = 10 },
	.stream = { .payload = 128, .n_topics = 10 },
	.n_denials = 20,
};

/* ---- a million topics ---------------------------------------------------- */

static const struct stream cold = { .payload = 128,
	                            .n_lanes = N_HOLDERS,
	                            .n_topics = MILLION,
	                            .order = ORDER_ONCE,
	                            .limit = MILLION };

static const struct stream warm = { .payload = 128,
	                            .n_lanes = N_HOLDERS,
	                            .n_topics = MILLION,
	                            .order = ORDER_RANDOM,
	                            .warm_up = true };

/* ---- a subscription more ------------------------------------------------- */

#define N_MORE 20000

static const struct crowd more = { .n_clients = 1, .n_filters = N_MORE };

static int
measure_subscriptions(struct run *r, const void *shape, double *values)
{
	size_t text = 0;
	double memory;

	(void)shape;
	if (run_begin(r, N_HOLDERS + 1) < 0)
		return -1;
	memory = (double)memory_of(r->server, "VmRSS:");
	add_holders(r);
	run_add(r, crowd_time, &more, N_HOLDERS);
	if (run_start(r) < 0)
		return -1;
	for (unsigned i = 0; i < N_HOLDERS; i++)
		text += crowd_text(&holder, i);
	if (run_finish(r) < 0)
		return -1;
	memory = (double)memory_of(r->server, "VmRSS:") - memory;
	text += crowd_text(&more, N_HOLDERS);
	values[0] = (memory - (double)text) / (MILLION + N_MORE);
	values[1] = (double)r->cpu_ns * 1e-9 / N_MORE;
	return 0;
}

const struct workload growth[] = {
	{
		.name = "growth.filters",
		.title = "10 topics, others hold 1 M filters",
		.metrics = VERSUS_METRICS(0.8, "msg/s"),
		.needs = UMBEL_ONLY,
		.slow = true,
		.measure = measure_versus,
		.shape = &among_filters,
	},
	{
		.name = "growth.cold",
		.title = "each of 1 M topics once, 1 M filters",
		.metrics = STREAM_METRICS("msg/s", 0, 0, 0, 1e6),
		.needs = UMBEL_ONLY,
		.slow = true,
		.measure = stream_measure,
		.shape = &cold,
	},
	{
		.name = "growth.warm",
		.title = "random ones of 1 M topics, again",
		.metrics = STREAM_METRICS("msg/s", 0, 0, 0, 1e6),
		.needs = UMBEL_ONLY,
		.slow = true,
		.measure = stream_measure,
		.shape = &warm,
	},
	{
		.name = "growth.subscriptions",
		.title = "a million filters, and more",
		.metrics = { { .name = "beyond the text, each",
	                       .unit = "B",
	                       .less_is_better = true,
	                       .bound = 128 },
	                     { .name = "broker CPU of one more",
	                       .unit = "s",
	                       .less_is_better = true,
	                       .bound = 5e-6 } },
		.needs = UMBEL_ONLY,
		.slow = true,
		.measure = measure_subscriptions,
	},
	{
		.name = "growth.churn",
		.title = "1,000 subscriptions/s come and go",
		.metrics = VERSUS_METRICS(0.8, "msg/s"),
		.needs = UMBEL_ONLY,
		.slow = true,
		.measure = measure_versus,
		.shape = &while_churning,
	},
	{
		.name = "growth.subscribers",
		.title = "1 to 10,000, beside 1 to 100",
		.metrics = VERSUS_METRICS(0.7, "deliveries/s"),
		.needs = UMBEL_ONLY,
		.slow = true,
		.measure = measure_versus,
		.shape = &many_subscribers,
	},
	{
		.name = "growth.topics",
		.title = "10,000 topics in turn, beside one, 1 KiB",
		.metrics = VERSUS_METRICS(0.7, "msg/s"),
		.needs = UMBEL_ONLY,
		.slow = true,
		.measure = measure_versus,
		.shape = &many_topics,
	},
	{
		.name = "growth.thread",
		.title = "a publisher with an idle thread, 128 B",
		.metrics = VERSUS_METRICS(0.95, "msg/s"),
		.needs = UMBEL_ONLY,
		.measure = measure_versus,
		.shape = &second_thread,
	},
	{
		.name = "growth.rules",
		.title = "under 22 rules, 128 B",
		.metrics = VERSUS_METRICS(0.95, "msg/s"),
		.needs = UMBEL_ONLY,
		.measure = measure_versus,
		.shape = &under_rules,
	},
	{
		.name = "growth.verdicts",
		.title = "10 topics in turn, under 22 rules, 128 B",
		.metrics = VERSUS_METRICS(0.95, "msg/s"),
		.needs = UMBEL_ONLY,
		.measure = measure_versus,
		.shape = &many_under_rules,
	},
	{
		.name = "growth.single_thread",
		.title = "clients without locks, 128 B",
		.metrics = VERSUS_METRICS(0, "msg/s"),
		.needs = UMBEL_ONLY,
		.measure = measure_versus,
		.shape = &one_thread,
	},
	{ 0 },
};
