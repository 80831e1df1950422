/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "players.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "client/umbel.h"

/* Between two looks at whether it is over. */
#define TURN_MS    50
#define CONNECT_MS 5000
/* Messages that leave together. */
#define BATCH      512u
/* A request that is not answered by then never will be. */
#define ANSWER_MS  2000

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Nobody else writes it: this costs no more than an addition. */
static void
count(struct player *p, uint64_t n)
{
	uint64_t done = atomic_load_explicit(&p->done, memory_order_relaxed);

	atomic_store_explicit(&p->done, done + n, memory_order_relaxed);
}

static bool
is_over(const struct player *p)
{
	return atomic_load_explicit(&p->all->stop, memory_order_relaxed) ||
	       atomic_load_explicit(&p->error, memory_order_relaxed) != 0;
}

static void
fail(struct player *p, int error)
{
	int none = 0;

	atomic_compare_exchange_strong(&p->error, &none, error);
}

/* ---- what the handle tells ---------------------------------------------- */

static void
on_state(struct umbel *c, enum umbel_state state,
         const struct umbel_state_info *info, void *user)
{
	struct player *p = user;

	(void)c;
	if (state == UMBEL_DISCONNECTED && p->active)
		fail(p, info->error ? info->error : -ECONNRESET);
	if (state == UMBEL_FAILED)
		fail(p, info->error);
}

static void
on_error(struct umbel *c, const struct umbel_error_info *info, void *user)
{
	(void)c;
	fail(user, info->error);
}

static void
on_active(struct umbel *c, struct umbel_sub *sub, void *user)
{
	struct player *p = user;

	(void)c;
	(void)sub;
	p->active = true;
}

static void
on_end(struct umbel *c, struct umbel_sub *sub, int error, void *user)
{
	(void)c;
	(void)sub;
	if (error != 0)
		fail(user, error);
}

static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct player *p = user;
	size_t len;
	const void *data;

	count(p, 1);
	p->arrived = true;
	if (p->role != ROLE_REPLY || !umbel_msg_reply(m))
		return;
	data = umbel_msg_data(m, &len);
	umbel_reply(c, m, data, len);
}

static void
on_reply(struct umbel *c, const struct umbel_reply_info *info, void *user)
{
	struct player *p = user;

	(void)c;
	if (info->error == 0)
		count(p, 1);
	else
		fail(p, info->error);
	p->arrived = true;
}

/* ---- what they do ------------------------------------------------------- */

static void
turn(struct player *p)
{
	int r = umbel_dispatch(p->c, TURN_MS);

	if (r < 0)
		fail(p, r);
}

static int
publish(struct player *p)
{
	return umbel_publish(p->c, p->all->topic, p->all->payload,
	                     p->all->size);
}

static void
publish_on(struct player *p)
{
	while (!is_over(p)) {
		unsigned n = 0;
		int r = 0;

		umbel_cork(p->c);
		while (n < BATCH && (r = publish(p)) == 0)
			n++;
		umbel_uncork(p->c);
		count(p, n);
		if (r < 0 && r != -EAGAIN)
			fail(p, r);
		else if (r == -EAGAIN)
			turn(p);
		else
			umbel_dispatch(p->c, 0);
	}
}

static void
receive_on(struct player *p)
{
	while (!is_over(p))
		turn(p);
}

static int
ask(struct player *p)
{
	return umbel_request(p->c, p->all->topic, p->all->payload, p->all->size,
	                     ANSWER_MS, on_reply, p);
}

/* One at a time, and how long each takes. */
static void
exchange_on(struct player *p)
{
	while (!is_over(p)) {
		uint64_t start = now_ns();
		int r;

		p->arrived = false;
		r = p->role == ROLE_ASK ? ask(p) : publish(p);
		if (r < 0)
			fail(p, r);
		while (!p->arrived && !is_over(p))
			turn(p);
		if (p->arrived)
			percentiles_add(&p->ns, now_ns() - start);
	}
}

/* ---- life --------------------------------------------------------------- */

static bool
listens(enum role role)
{
	return role == ROLE_RECEIVE || role == ROLE_PASS || role == ROLE_REPLY;
}

static void
get_ready(struct player *p)
{
	int r = umbel_new(
		&p->c,
		UMBEL_OPTIONS(.name = "umbel bench", .address = p->all->address,
	                      .single_thread = true, .on_state = on_state,
	                      .on_error = on_error, .user = p));

	if (r == 0 && listens(p->role))
		r = umbel_subscribe(p->c, p->all->topic, on_message, p,
		                    UMBEL_SUB_OPTIONS(.on_active = on_active,
		                                      .on_end = on_end),
		                    NULL);
	if (r == 0)
		r = umbel_connect(p->c, CONNECT_MS);
	if (r < 0)
		fail(p, r);
	else if (!listens(p->role))
		p->active = true;
	while (!p->active && !is_over(p))
		turn(p);
	atomic_fetch_add(&p->all->ready, 1);
	while (!atomic_load(&p->all->go) && !is_over(p))
		turn(p);
}

static void *
play(void *user)
{
	struct player *p = user;

	get_ready(p);
	switch (p->role) {
	case ROLE_PUBLISH:
		publish_on(p);
		break;
	case ROLE_RECEIVE:
	case ROLE_REPLY:
		receive_on(p);
		break;
	case ROLE_PASS:
	case ROLE_ASK:
		exchange_on(p);
		break;
	}
	umbel_free(p->c);
	return NULL;
}

void
players_add(struct players *p, enum role role, size_t n)
{
	p->at = realloc(p->at, (p->n + n) * sizeof(*p->at));
	if (!p->at)
		cli_die("out of memory");
	for (size_t i = 0; i < n; i++) {
		struct player *one = &p->at[p->n++];

		memset(one, 0, sizeof(*one));
		one->role = role;
	}
}

int
players_start(struct players *p)
{
	p->payload = calloc(1, p->size + 1);
	if (!p->payload)
		cli_die("out of memory");
	for (size_t i = 0; i < p->n; i++) {
		int r;

		p->at[i].all = p;
		r = pthread_create(&p->at[i].thread, NULL, play, &p->at[i]);
		if (r != 0)
			return -r;
		p->n_started++;
	}
	return 0;
}

uint64_t
players_done(const struct players *p, enum role role)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->at[i].role == role)
			sum += atomic_load_explicit(&p->at[i].done,
			                            memory_order_relaxed);
	return sum;
}

int
players_error(const struct players *p)
{
	for (size_t i = 0; i < p->n_started; i++) {
		int error = atomic_load(&p->at[i].error);

		if (error != 0)
			return error;
	}
	return 0;
}

void
players_stop(struct players *p)
{
	atomic_store(&p->stop, true);
	for (size_t i = 0; i < p->n_started; i++)
		pthread_join(p->at[i].thread, NULL);
	p->n_started = 0;
}

void
players_free(struct players *p)
{
	free(p->at);
	free(p->payload);
}
