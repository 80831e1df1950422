/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * holds - what the pace of one subscriber does to a publisher.
 *
 * The publisher sends batches and waits for each until the broker has routed
 * it: how long that takes is what an application feels when it is held up.
 * Beside a subscriber that takes whatever comes there is a second one, which
 * keeps up with it, is slower than the publisher, or does not read at all.
 */
#include <unistd.h>

#include "samples.h"
#include "util.h"
#include "workload.h"

#define TOPIC       "bench.hold"
#define PAYLOAD     1024
#define BATCH       64
#define MAX_SAMPLES 1000000
#define SLOW_RATE   20000 /* messages a second */
#define NAP         16    /* ... after so many */

enum pace { KEEPS_UP, SLOW, STOPPED };

struct shape {
	enum pace pace;      /* of the second subscriber */
	bool may_lose;       /* ... which would rather than hold others up */
	double seconds_more; /* to publish: as long as others are held up */
};

enum part { PUBLISHER, FIRST, SECOND, N_PARTS };

/* ---- a subscriber -------------------------------------------------------- */

struct reader {
	enum pace pace;
	uint64_t first_ns;
	uint64_t n;
};

static void
on_message(void *user, const void *data, size_t len)
{
	struct reader *r = user;

	(void)data;
	if (len != PAYLOAD)
		die("a message has %zu bytes, not %d", len, PAYLOAD);
	if (r->pace != SLOW)
		return;
	if (r->n == 0)
		r->first_ns = now_ns();
	if (++r->n % NAP == 0)
		sleep_until(r->first_ns + r->n * (1000000000 / SLOW_RATE));
}

static void
subscribe(struct actor *me)
{
	const struct adapter *a = me->run->adapter;
	const struct shape *shape = me->task;
	bool second = me->part == SECOND;
	struct reader reader = { .pace = second ? shape->pace : KEEPS_UP };
	struct client *c = a->connect(
		me->run->dir,
		&(struct client){ .on_message = on_message,
	                          .user = &reader,
	                          .may_lose = second && shape->may_lose,
	                          .bulk = true });

	actor_name("subscriber");
	a->subscribe(c, TOPIC);
	a->sync(c);
	actor_ready(me);
	actor_tell_done(me);
	while (reader.pace != STOPPED)
		a->receive(c, 1000);
	for (;;)
		pause();
}

/* ---- the publisher ------------------------------------------------------- */

static void
publish(struct actor *me)
{
	const struct adapter *a = me->run->adapter;
	const struct shape *shape = me->task;
	struct client *c =
		a->connect(me->run->dir, &(struct client){ .bulk = true });
	char payload[PAYLOAD] = { 0 };
	struct samples samples;
	uint64_t start, now, until;

	actor_name("publisher");
	samples_init(&samples, MAX_SAMPLES);
	a->sync(c);
	actor_ready(me);
	start = now = now_ns();
	until = start +
	        (uint64_t)((me->run->seconds + shape->seconds_more) * 1e9);
	while (now < until && samples.n < MAX_SAMPLES) {
		uint64_t before = now;

		for (int i = 0; i < BATCH; i++)
			a->publish(c, TOPIC, payload, PAYLOAD);
		a->flush(c);
		now = now_ns();
		samples_add(&samples, now - before);
	}
	me->slot->figures[0] =
		(double)samples.n * BATCH * 1e9 / (double)(now - start);
	me->slot->figures[1] = samples_quantile(&samples, 0.5);
	me->slot->figures[2] = samples_quantile(&samples, 0.99);
	me->slot->figures[3] = samples_quantile(&samples, 1);
	actor_done(me);
}

/* ---- all of them --------------------------------------------------------- */

static int
measure(struct run *r, const void *shape, double *values)
{
	if (run_begin(r, N_PARTS) < 0)
		return -1;
	run_add(r, publish, shape, PUBLISHER);
	run_add(r, subscribe, shape, FIRST);
	run_add(r, subscribe, shape, SECOND);
	if (run_start(r) < 0 || run_finish(r) < 0)
		return -1;
	for (unsigned i = 0; i < 4; i++)
		values[i] = r->slots[PUBLISHER].figures[i];
	values[4] = (double)memory_of(r->server, "VmHWM:");
	return 0;
}

#define HOLD_METRICS                                 \
	{                                            \
		{ .name = "rate", .unit = "msg/s" }, \
			{ .name = "a batch, p50",    \
			  .unit = "s",               \
			  .less_is_better = true },  \
			{ .name = "p99",             \
			  .unit = "s",               \
			  .less_is_better = true },  \
			{ .name = "longest",         \
			  .unit = "s",               \
			  .less_is_better = true },  \
			{ .name = "broker peak RSS", \
			  .unit = "B",               \
			  .less_is_better = true },  \
	}

static const struct shape shape_keeps_up = { .pace = KEEPS_UP };
static const struct shape shape_slow = { .pace = SLOW, .seconds_more = 1 };
static const struct shape shape_dropping = { .pace = STOPPED,
	                                     .may_lose = true };
static const struct shape shape_stopped = { .pace = STOPPED,
	                                    .seconds_more = 2 };

const struct workload holds[] = {
	{
		.name = "holds.none",
		.title = "64 x 1 KiB, both subscribers keep up",
		.metrics = HOLD_METRICS,
		.needs = UMBEL_ONLY,
		.measure = measure,
		.shape = &shape_keeps_up,
	},
	{
		.name = "holds.slow",
		.title = "... one takes 20,000 messages/s",
		.metrics = HOLD_METRICS,
		.needs = UMBEL_ONLY,
		.slow = true,
		.measure = measure,
		.shape = &shape_slow,
	},
	{
		.name = "holds.stopped",
		.title = "... one is stopped, and evicted",
		.metrics = HOLD_METRICS,
		.needs = UMBEL_ONLY,
		.slow = true,
		.measure = measure,
		.shape = &shape_stopped,
	},
	{
		.name = "holds.dropping",
		.title = "... one is stopped, loses messages",
		.metrics = HOLD_METRICS,
		.needs = UMBEL_ONLY,
		.measure = measure,
		.shape = &shape_dropping,
	},
	{ 0 },
};
