/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * bystanders - what others feel of a subscriber that does not read, and rather
 * loses messages than hold anybody up.
 *
 * A publisher sends 500 messages a second, each with the time; 99 clients take
 * them and note how long they were on their way, first on their own and then
 * beside one that is stopped, full to the brim, and loses a message for each
 * that comes.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "samples.h"
#include "util.h"
#include "workload.h"

#define PAYLOAD     1024
#define N_CLIENTS   99
#define TICK_NS     2000000
#define LAST        (UINT64_C(1) << 63)
#define MAX_SAMPLES 4000000
#define FLOOD       (24u << 10) /* messages: three times what may wait */

enum part { PUBLISHER, CROWD, STOPPED, N_PARTS };

/* ---- those who take what comes ------------------------------------------- */

struct crowd_of_readers {
	struct samples samples;
	unsigned n_done;
};

static void
on_tick(void *user, const void *data, size_t len)
{
	struct crowd_of_readers *all = user;
	uint64_t sent_ns;

	if (len != PAYLOAD)
		die("a message has %zu bytes, not %d", len, PAYLOAD);
	memcpy(&sent_ns, data, sizeof(sent_ns));
	if (sent_ns & LAST)
		all->n_done++;
	else
		samples_add(&all->samples, now_ns() - sent_ns);
}

static void
add_reader(struct actor *me, struct crowd_of_readers *all, int epoll)
{
	const struct adapter *a = me->run->adapter;
	struct client *c = a->connect(me->run->dir,
	                              &(struct client){ .on_message = on_tick,
	                                                .user = all });
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

	a->subscribe(c, "bench.tick");
	a->sync(c);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, a->fd(c), &e) < 0)
		die("epoll_ctl: %s", strerror(errno));
}

static void
read_all(struct actor *me)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct crowd_of_readers all = { 0 };
	struct epoll_event events[N_CLIENTS];

	actor_name("subscribers");
	samples_init(&all.samples, MAX_SAMPLES);
	for (unsigned i = 0; i < N_CLIENTS; i++)
		add_reader(me, &all, epoll);
	actor_ready(me);
	while (all.n_done < N_CLIENTS) {
		int n = epoll_wait(epoll, events, N_CLIENTS, 1000);

		for (int i = 0; i < n; i++)
			me->run->adapter->receive(events[i].data.ptr, 0);
	}
	me->slot->figures[0] = samples_quantile(&all.samples, 0.5);
	me->slot->figures[1] = samples_quantile(&all.samples, 0.99);
	actor_done(me);
}

/* ---- the one that does not ----------------------------------------------- */

static void
read_nothing(struct actor *me)
{
	const struct adapter *a = me->run->adapter;
	struct client *c =
		a->connect(me->run->dir, &(struct client){ .may_lose = true });

	actor_name("stopped");
	a->subscribe(c, "bench.*");
	a->sync(c);
	me->slot->reached = 1;
	word_wake(&me->slot->reached);
	actor_ready(me);
	actor_done(me);
}

/* ---- the publisher ------------------------------------------------------- */

/* Nobody but the stopped one gets this. */
static void
flood(struct actor *me)
{
	struct slot *stopped = &me->run->slots[STOPPED];
	const struct adapter *a = me->run->adapter;
	struct client *c =
		a->connect(me->run->dir, &(struct client){ .bulk = true });
	char payload[PAYLOAD] = { 0 };

	while (stopped->reached == 0)
		word_await(&stopped->reached, 0, 1000);
	for (unsigned i = 0; i < FLOOD; i++)
		a->publish(c, "bench.flood", payload, PAYLOAD);
	a->flush(c);
	a->disconnect(c);
}

static void
tick(struct actor *me, struct client *c)
{
	uint64_t next = now_ns();
	uint64_t until = next + (uint64_t)(me->run->seconds * 1e9);
	char payload[PAYLOAD] = { 0 };
	uint64_t now;

	do {
		sleep_until(next += TICK_NS);
		now = now_ns();
		if (now >= until)
			now |= LAST;
		memcpy(payload, &now, sizeof(now));
		me->run->adapter->publish(c, "bench.tick", payload, PAYLOAD);
	} while (!(now & LAST));
}

static void
publish(struct actor *me)
{
	const bool *beside_stopped = me->task;
	const struct adapter *a = me->run->adapter;
	struct client *c =
		a->connect(me->run->dir, &(struct client){ .bulk = false });

	actor_name("publisher");
	a->sync(c);
	if (*beside_stopped)
		flood(me);
	actor_ready(me);
	tick(me, c);
	actor_done(me);
}

/* ---- all of them --------------------------------------------------------- */

static int
measure_crowd(struct run *r, bool beside_stopped)
{
	if (run_begin(r, N_PARTS) < 0)
		return -1;
	run_add(r, publish, &beside_stopped, PUBLISHER);
	run_add(r, read_all, NULL, CROWD);
	if (beside_stopped)
		run_add(r, read_nothing, NULL, STOPPED);
	return run_start(r) < 0 || run_finish(r) < 0 ? -1 : 0;
}

static int
measure(struct run *r, const void *shape, double *values)
{
	struct run before = *r;
	int result = measure_crowd(&before, false);

	(void)shape;
	if (result == 0) {
		values[3] = before.slots[CROWD].figures[0];
		values[4] = before.slots[CROWD].figures[1];
	}
	run_end(&before);
	if (result < 0 || measure_crowd(r, true) < 0)
		return -1;
	values[1] = r->slots[CROWD].figures[0];
	values[2] = r->slots[CROWD].figures[1];
	values[0] = values[2] / values[4];
	values[5] = (double)memory_of(r->server, "VmHWM:");
	return 0;
}

const struct workload bystanders[] = {
	{
		.name = "bystanders",
		.title = "99 beside one that drops the oldest",
		.metrics = { { .name = "p99 beside / alone",
	                       .unit = "x",
	                       .less_is_better = true,
	                       .bound = 1.5 },
	                     { .name = "beside it, p50",
	                       .unit = "s",
	                       .less_is_better = true },
	                     { .name = "beside it, p99",
	                       .unit = "s",
	                       .less_is_better = true },
	                     { .name = "alone, p50",
	                       .unit = "s",
	                       .less_is_better = true },
	                     { .name = "alone, p99",
	                       .unit = "s",
	                       .less_is_better = true },
	                     { .name = "broker peak RSS",
	                       .unit = "B",
	                       .less_is_better = true } },
		.needs = UMBEL_ONLY,
		.measure = measure,
	},
	{ 0 },
};
