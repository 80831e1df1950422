/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "gateway.h"

#include "clock.h"
#include "shortage.h"
#include "web.h"
#include "webreply.h"

/* How long a connection without a request is kept. */
#define IDLE_MS  60000u
#define RETRY_MS 10u
#define LOOK_MS  1000u

/* ---- callbacks of sessions ------------------------------------------------ */

static void
on_wake(struct session *s)
{
	web_mark_busy(web_of(s));
}

static void
on_ending(struct session *s)
{
	struct web *w = web_of(s);

	deadline_set(&web_gateway(w)->leaves, &w->due);
	web_mark_busy(w);
}

static bool
on_try_send(struct session *s)
{
	web_mark_busy(web_of(s));
	return web_flush(web_of(s));
}

static bool
on_take_memory(struct session *s)
{
	bool any = web_takes_memory(web_of(s));

	if (any)
		shortage_is_over(s);
	return any;
}

static void
on_abandon(struct session *s)
{
	web_mark_dead(web_of(s));
}

static size_t
on_input_memory(const struct session *s)
{
	const struct web *w = web_of(s);

	return w->in.cap + (w->frames.slab ? w->frames.slab->charged : 0);
}

static size_t
on_output_memory(const struct session *s)
{
	return web_out_memory(web_of(s));
}

static bool
on_squeeze(struct session *s)
{
	struct web *w = web_of(s);

	if (s->state != SESSION_ENDING)
		return input_squeeze(&w->frames, &s->broker->pool);
	input_drop(&w->frames);
	return true;
}

static size_t
on_begun(const struct session *s)
{
	const struct web *w = web_of(s);

	if (w->stage == WEB_BODY)
		return web_unread(w) + input_length(&w->frames);
	return w->stage == WEB_HEAD ? web_unread(w) : 0;
}

/* In chunks the end of a body may have come already. */
static bool
on_is_cut_off(const struct session *s)
{
	const struct web *w = web_of(s);

	return w->deaf && w->stage == WEB_BODY && !w->head.chunked &&
	       w->all_read && web_unread(w) < w->body_left;
}

/* ---- deadlines ------------------------------------------------------------ */

static void
on_late(struct deadline *d, void *gateway)
{
	(void)gateway;
	web_is_late((struct web *)((char *)d - offsetof(struct web, due)));
}

static void
on_leave_late(struct deadline *d, void *gateway)
{
	(void)gateway;
	web_mark_dead((struct web *)((char *)d - offsetof(struct web, due)));
}

/* The kernel was out of memory, and no event tells when it has some again. */
static void
on_retry(struct deadline *d, void *gateway)
{
	struct web *w = (struct web *)((char *)d - offsetof(struct web, retry));

	(void)gateway;
	web_flush(w);
	web_mark_busy(w);
}

static void
on_look(struct deadline *d, void *gateway)
{
	(void)gateway;
	web_look((struct web *)((char *)d - offsetof(struct web, look)));
}

const char *
gateway_date(struct gateway *g)
{
	int64_t now = clock_date();

	if (now != g->dated || !g->date[0])
		http_date(now, g->date);
	g->dated = now;
	return g->date;
}

/* ---- all connections ------------------------------------------------------ */

void
gateway_init(struct gateway *g, struct event_base *base, struct broker *broker)
{
	const struct config *c = broker->config;
	struct deadlines *of = &broker->deadlines;

	*g = (struct gateway){
		.ops = { .wake = on_wake,
		         .resume = on_wake,
		         .take_memory = on_take_memory,
		         .ending = on_ending,
		         .try_send = on_try_send,
		         .abandon = on_abandon,
		         .input_memory = on_input_memory,
		         .output_memory = on_output_memory,
		         .squeeze = on_squeeze,
		         .begun = on_begun,
		         .is_cut_off = on_is_cut_off },
		.base = base,
		.broker = broker,
	};
	TAILQ_INIT(&g->all);
	TAILQ_INIT(&g->busy);
	deadline_queue_init(&g->heads, of, c->handshake_ms, on_late, g);
	deadline_queue_init(&g->bodies, of, c->frame_ms, on_late, g);
	deadline_queue_init(&g->idles, of, IDLE_MS, on_late, g);
	deadline_queue_init(&g->leaves, of, c->linger_ms, on_leave_late, g);
	deadline_queue_init(&g->retries, of, RETRY_MS, on_retry, g);
	deadline_queue_init(&g->looks, of, LOOK_MS, on_look, g);
}

static int
take(void *gateway, int fd, const struct peer *peer)
{
	return web_open(gateway, fd, peer);
}

struct carrier
gateway_carrier(struct gateway *g)
{
	return (struct carrier){ g, take, webreply_turn_away };
}

/* End the session, so that everything that follows sessions learns of its
   end. */
static void
bury(struct web *w)
{
	session_is_deaf(&w->session);
	session_end(&w->session);
	web_free(w);
}

void
gateway_end_turn(struct gateway *g)
{
	struct web_list busy = TAILQ_HEAD_INITIALIZER(busy);
	struct web *w;

	/* connections that become busy meanwhile have their turn after the
	   others */
	TAILQ_CONCAT(&busy, &g->busy, busy_link);
	while ((w = TAILQ_FIRST(&busy))) {
		TAILQ_REMOVE(&busy, w, busy_link);
		if (w->dead) { /* `busy` stays set: it is not queued again */
			bury(w);
			continue;
		}
		w->busy = false;
		web_go_on(w);
	}
}

bool
gateway_is_flushed(const struct gateway *g)
{
	const struct web *w;

	TAILQ_FOREACH (w, &g->all, link) {
		if (web_owes(w) > 0)
			return false;
	}
	return true;
}

void
gateway_fini(struct gateway *g)
{
	struct web *w;

	while ((w = TAILQ_FIRST(&g->all))) {
		if (w->busy)
			TAILQ_REMOVE(&g->busy, w, busy_link);
		w->busy = true;
		web_free(w);
	}
}
