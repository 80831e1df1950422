/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * pingpong - one message at a time, there and back: what one round trip takes
 * when nothing else is going on.
 *
 * A message carries its number. Pings are sent until one comes back; from then
 * on each is sent when the one before has returned, and the last ends it.
 */
#include <sched.h>
#include <string.h>

#include "samples.h"
#include "util.h"
#include "workload.h"

#define PAYLOAD     64
#define MAX_SAMPLES 1000000
#define WARM_UP     100u
#define PROBE       UINT64_MAX
#define LAST        (UINT64_C(1) << 63)

struct shape {
	bool pinned;
};

enum part { PINGER, PONGER };

struct player {
	const struct adapter *adapter;
	struct client *client;
	char topic[32]; /* to publish on */
	char payload[PAYLOAD];
	_Atomic uint64_t number; /* of the message under way, or come last */
	_Atomic bool reached;
	_Atomic bool done;
	uint64_t sent_ns;
	uint64_t until_ns;
	struct samples samples;
};

static void
player_send(struct player *p, uint64_t number)
{
	p->number = number;
	memcpy(p->payload, &number, sizeof(number));
	p->adapter->publish(p->client, p->topic, p->payload, PAYLOAD);
}

static uint64_t
number_in(const void *data, size_t len)
{
	uint64_t number;

	if (len != PAYLOAD)
		die("a message has %zu bytes, not %d", len, PAYLOAD);
	memcpy(&number, data, sizeof(number));
	return number;
}

static void
player_init(struct player *p, struct actor *me, const char *to,
            const char *from, message_cb *cb)
{
	char filter[32];

	*p = (struct player){ .adapter = me->run->adapter };
	strcpy(p->topic, to);
	strcpy(filter, from);
	if (p->adapter->respell) {
		p->adapter->respell(p->topic);
		p->adapter->respell(filter);
	}
	p->client = p->adapter->connect(
		me->run->dir, &(struct client){ .on_message = cb, .user = p });
	p->adapter->subscribe(p->client, filter);
	p->adapter->sync(p->client);
	me->slot->reached = 1;
}

/* ---- the one that answers ------------------------------------------------ */

static void
on_ping(void *user, const void *data, size_t len)
{
	struct player *p = user;
	uint64_t number = number_in(data, len);

	player_send(p, number);
	p->done = number != PROBE && (number & LAST);
}

static void
answer(struct actor *me)
{
	struct slot *pinger = &me->run->slots[PINGER];
	struct player p;

	actor_name("ponger");
	player_init(&p, me, "bench.pong", "bench.ping", on_ping);
	while (pinger->reached < 2)
		p.adapter->receive(p.client, 10);
	actor_ready(me);
	while (!p.done)
		p.adapter->receive(p.client, 1000);
	p.adapter->flush(p.client);
	actor_done(me);
}

/* ---- the one that measures ----------------------------------------------- */

static void
on_pong(void *user, const void *data, size_t len)
{
	struct player *p = user;
	uint64_t number = number_in(data, len), now = now_ns();

	if (number == PROBE) {
		p->reached = true;
		return;
	}
	if (number != p->number)
		die("pong %llu came when %llu was due",
		    (unsigned long long)number, (unsigned long long)p->number);
	if (number >= WARM_UP)
		samples_add(&p->samples, now - p->sent_ns);
	if (number & LAST) {
		p->done = true;
		return;
	}
	p->sent_ns = now;
	number++;
	if (now > p->until_ns || p->samples.n == MAX_SAMPLES - 1)
		number |= LAST;
	player_send(p, number);
}

static void
measure_trips(struct actor *me)
{
	struct slot *ponger = &me->run->slots[PONGER];
	struct player p;

	actor_name("pinger");
	player_init(&p, me, "bench.ping", "bench.pong", on_pong);
	samples_init(&p.samples, MAX_SAMPLES);
	while (ponger->reached == 0)
		word_await(&ponger->reached, 0, 5);
	while (!p.reached) {
		player_send(&p, PROBE);
		p.adapter->receive(p.client, 5);
	}
	me->slot->reached = 2;
	actor_ready(me);

	p.sent_ns = now_ns();
	p.until_ns = p.sent_ns + (uint64_t)(me->run->seconds * 1e9);
	player_send(&p, 0);
	while (!p.done)
		p.adapter->receive(p.client, 1000);

	me->slot->figures[0] = samples_quantile(&p.samples, 0.5);
	me->slot->figures[1] = samples_quantile(&p.samples, 0.99);
	actor_done(me);
}

/* ---- both ---------------------------------------------------------------- */

static int
first_cpu(void)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
		for (int i = 0; i < CPU_SETSIZE; i++)
			if (CPU_ISSET((size_t)i, &allowed))
				return i;
	return 0;
}

static int
measure(struct run *r, const void *shape, double *values)
{
	const struct shape *s = shape;

	if (s->pinned)
		r->cpu = first_cpu();
	if (run_begin(r, 2) < 0)
		return -1;
	run_add(r, measure_trips, s, PINGER);
	run_add(r, answer, s, PONGER);
	if (run_start(r) < 0 || run_finish(r) < 0)
		return -1;
	values[0] = r->slots[PINGER].figures[0];
	values[1] = r->slots[PINGER].figures[1];
	return 0;
}

static const struct shape shape_free = { .pinned = false };
static const struct shape shape_pinned = { .pinned = true };

#define TRIP(title)                                                   \
	{                                                             \
		.name = (title), .unit = "s", .less_is_better = true, \
		.raw_goal = 1.1, .peer_goal = 1.0                     \
	}

const struct workload pingpong[] = {
	{
		.name = "pingpong.free",
		.title = "round trip, 64 B",
		.metrics = { TRIP("p50"), TRIP("p99") },
		.measure = measure,
		.shape = &shape_free,
	},
	{
		.name = "pingpong.pinned",
		.title = "round trip, 64 B, all on one core",
		.metrics = { TRIP("p50"), TRIP("p99") },
		.measure = measure,
		.shape = &shape_pinned,
	},
	{ 0 },
};
