/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * requests - questions and answers: how long one takes, with one under way,
 * and how many there are in a second, with many.
 *
 * One process asks and one answers with the payload of the question, 64 bytes.
 * A question carries its number, and so must the answer.
 */
#include <string.h>

#include "samples.h"
#include "util.h"
#include "workload.h"

#define PAYLOAD     64
#define MAX_SAMPLES 1000000
#define WARM_UP     100u
#define TOPIC       "bench.question"

struct shape {
	unsigned under_way;
};

enum part { ASKER, ANSWERER };

struct asker {
	const struct adapter *adapter;
	struct client *client;
	uint64_t n_asked;
	uint64_t n_answered;
	uint64_t begun_ns;
	uint64_t asked_ns; /* the last one */
	uint64_t until_ns;
	struct samples samples;
};

/* ---- the one that answers ------------------------------------------------------ */

static void
answer(struct actor *me)
{
	const struct adapter *adapter = me->run->adapter;
	struct slot *asker = &me->run->slots[ASKER];
	struct client *client;

	actor_name("answerer");
	client = adapter->connect(me->run->dir, &(struct client){ 0 });
	adapter->answer(client, TOPIC);
	adapter->sync(client);
	me->slot->reached = 1;
	actor_ready(me);
	while (asker->reached < 2)
		adapter->receive(client, 10);
	actor_done(me);
}

/* ---- the one that asks --------------------------------------------------------- */

static void
ask(struct asker *a)
{
	char payload[PAYLOAD] = { 0 };

	memcpy(payload, &a->n_asked, sizeof(a->n_asked));
	a->asked_ns = now_ns();
	a->n_asked++;
	a->adapter->ask(a->client, TOPIC, payload, PAYLOAD);
}

/* Answers of one who answers come in the order of the questions. */
static void
on_answer(void *user, const void *data, size_t len)
{
	struct asker *a = user;
	uint64_t number, now = now_ns();

	if (len != PAYLOAD)
		die("an answer has %zu bytes, not %d", len, PAYLOAD);
	memcpy(&number, data, sizeof(number));
	if (number != a->n_answered)
		die("answer %llu came when %llu was due",
		    (unsigned long long)number,
		    (unsigned long long)a->n_answered);
	if (++a->n_answered > WARM_UP)
		samples_add(&a->samples, now - a->asked_ns);
	if (now < a->until_ns)
		ask(a);
}

static void
ask_until_it_is_over(struct actor *me)
{
	const struct shape *shape = me->task;
	struct slot *answerer = &me->run->slots[ANSWERER];
	struct asker a = { .adapter = me->run->adapter };
	double seconds;

	actor_name("asker");
	a.client = a.adapter->connect(me->run->dir,
	                              &(struct client){ .on_message = on_answer,
	                                                .user = &a });
	a.adapter->sync(a.client);
	samples_init(&a.samples, MAX_SAMPLES);
	while (answerer->reached == 0)
		word_await(&answerer->reached, 0, 5);
	me->slot->reached = 1;
	actor_ready(me);

	a.begun_ns = now_ns();
	a.until_ns = a.begun_ns + (uint64_t)(me->run->seconds * 1e9);
	for (unsigned i = 0; i < shape->under_way; i++)
		ask(&a);
	while (a.n_answered < a.n_asked)
		a.adapter->receive(a.client, 1000);
	seconds = (double)(now_ns() - a.begun_ns) * 1e-9;
	me->slot->reached = 2;

	if (shape->under_way > 1) {
		me->slot->figures[0] = (double)a.n_answered / seconds;
	} else {
		me->slot->figures[0] = samples_quantile(&a.samples, 0.5);
		me->slot->figures[1] = samples_quantile(&a.samples, 0.99);
	}
	actor_done(me);
}

/* ---- both ---------------------------------------------------------------------- */

static int
measure(struct run *r, const void *shape, double *values)
{
	if (run_begin(r, 2) < 0)
		return -1;
	run_add(r, ask_until_it_is_over, shape, ASKER);
	run_add(r, answer, shape, ANSWERER);
	if (run_start(r) < 0 || run_finish(r) < 0)
		return -1;
	values[0] = r->slots[ASKER].figures[0];
	values[1] = r->slots[ASKER].figures[1];
	return 0;
}

static const struct shape shape_one = { .under_way = 1 };
static const struct shape shape_many = { .under_way = 256 };

const struct workload requests[] = {
	{
		.name = "requests.one",
		.title = "request and reply, 64 B",
		.metrics = { { .name = "p50",
	                       .unit = "s",
	                       .less_is_better = true },
	                     { .name = "p99",
	                       .unit = "s",
	                       .less_is_better = true } },
		.needs = NEEDS_ANSWERS,
		.measure = measure,
		.shape = &shape_one,
	},
	{
		.name = "requests.many",
		.title = "requests, 64 B, 256 under way",
		.metrics = { { .name = "rate", .unit = "/s" } },
		.needs = NEEDS_ANSWERS,
		.measure = measure,
		.shape = &shape_many,
	},
	{ 0 },
};
