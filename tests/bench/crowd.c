/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "crowd.h"

#include <stdio.h>

#include "util.h"

#define FILTER_SIZE 48

static int
name_filter(char *filter, unsigned part, unsigned client, unsigned i)
{
	return snprintf(filter, FILTER_SIZE, "crowd.%u.%u.%u", part, client, i);
}

static void
on_message(void *user, const void *data, size_t len)
{
	(void)user;
	(void)data;
	die("a message of %zu bytes for the crowd", len);
}

static void
subscribe_all(struct actor *me, struct client *c, unsigned client)
{
	const struct adapter *a = me->run->adapter;
	const struct crowd *crowd = me->task;
	char filter[FILTER_SIZE];

	for (unsigned i = 0; i < crowd->n_filters; i++) {
		name_filter(filter, me->part, client, i);
		if (a->respell)
			a->respell(filter);
		a->subscribe(c, filter);
	}
}

/* Ask for everything before waiting for anything. */
static void
connect_all(struct actor *me)
{
	const struct adapter *a = me->run->adapter;
	const struct crowd *crowd = me->task;
	struct client **clients =
		must_alloc(crowd->n_clients * sizeof(struct client *));

	for (unsigned i = 0; i < crowd->n_clients; i++) {
		clients[i] = a->connect(me->run->dir,
		                        &(struct client){ .on_message =
		                                                  on_message });
		subscribe_all(me, clients[i], i);
		if (a->start)
			a->start(clients[i]);
	}
	for (unsigned i = 0; i < crowd->n_clients; i++)
		a->sync(clients[i]);
}

void
crowd_hold(struct actor *me)
{
	actor_name("crowd");
	connect_all(me);
	actor_ready(me);
}

void
crowd_time(struct actor *me)
{
	uint64_t start;

	actor_name("crowd");
	actor_ready(me);
	start = now_ns();
	connect_all(me);
	me->slot->figures[0] = (double)(now_ns() - start) * 1e-9;
}

size_t
crowd_text(const struct crowd *c, unsigned part)
{
	char filter[FILTER_SIZE];
	size_t n = 0;

	for (unsigned client = 0; client < c->n_clients; client++)
		for (unsigned i = 0; i < c->n_filters; i++)
			n += (size_t)name_filter(filter, part, client, i);
	return n;
}
