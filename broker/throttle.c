/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "throttle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "sys.h"

#define TICK_MIN_MS     10u
#define LIMIT_WORDS_MAX 64u

uint32_t
throttle_tick_ms(const struct config *config)
{
	uint32_t rate = config->publish_rate;
	uint32_t each = rate > 0 ? (999 + rate) / rate : 0;

	return each > TICK_MIN_MS ? each : TICK_MIN_MS;
}

static struct throttle *
throttle_of_slowed(struct link *l)
{
	return (struct throttle *)((char *)l -
	                           offsetof(struct throttle, slowed));
}

static uint32_t
rate_of(const struct session *s)
{
	return s->broker->config->publish_rate;
}

static struct throttle *
throttle_of(struct session *s)
{
	if (!s->throttle) {
		s->throttle = calloc(1, sizeof(*s->throttle));
		if (!s->throttle)
			return NULL;
		s->throttle->session = s;
		bucket_init(&s->throttle->bucket, rate_of(s), clock_now_ms());
	}
	return s->throttle;
}

/* ---- announcements --------------------------------------------------------- */

/* Publish the change for those who subscribe to such events. */
static void
tell_others(const struct throttle *t, bool on, struct text topic,
            char name[LIMIT_WORDS_MAX])
{
	snprintf(name, LIMIT_WORDS_MAX, "publish-rate %" PRIu32 "/s",
	         rate_of(t->session));
	sys_tell_slowed(t->session, name, topic,
	                &(struct measured){ .limit = rate_of(t->session) }, on);
}

/* HOLD with session 0, because the broker holds the session, and no receiver
   does. */
static void
tell(struct throttle *t, bool on, struct text topic)
{
	struct message m = { .type = TYPE_HOLD };
	char name[LIMIT_WORDS_MAX];

	tell_others(t, on, topic, name);
	t->told = on;
	m.hold.on = on;
	m.hold.name = text_from(name);
	m.hold.topic = topic;
	session_answer(t->session, &m);
}

static void
begin_telling(struct throttle *t, uint64_t now_ms)
{
	struct session *s = t->session;
	char words[SESSION_WORDS_MAX];

	log_event(&s->broker->log, LOG_WARN, LOG_HELD,
	          "slowed down %s messages=%" PRIu64 " in_ms=%" PRIu64
	          " publish-rate=%" PRIu32,
	          session_words(s, words), t->taken, now_ms - t->since_ms,
	          rate_of(s));
	tell(t, true, t->topic);
}

static void
end_telling(struct throttle *t)
{
	struct session *s = t->session;
	char words[SESSION_WORDS_MAX];

	log_event(&s->broker->log, LOG_INFO, LOG_HELD,
	          "not slowed down any more %s slowed_ms=%" PRIu64,
	          session_words(s, words), clock_now_ms() - t->since_ms);
	tell(t, false, text_from(""));
}

/* ---- ticks ------------------------------------------------------------------ */

static void
wait_for_tick(struct throttle *t, struct text topic)
{
	struct broker *b = t->session->broker;

	waiters_add(&b->throttled, &t->session->waiter);
	t->waits = true;
	t->topic = topic;
	if (!link_is_in(&t->slowed)) {
		list_append(&b->slowed, &t->slowed);
		t->since_ms = clock_now_ms();
		t->taken = 0;
	}
	if (!deadline_is_set(&b->throttle_tick))
		deadline_set(&b->throttle_ticks, &b->throttle_tick);
}

/* Telling comes last, because it ends the session if there is no memory for
   it. */
static void
look_again(struct throttle *t)
{
	struct broker *b = t->session->broker;
	struct waiter *w = &t->session->waiter;
	uint64_t now = clock_now_ms();

	if (!t->waits) {
		if (t->told)
			end_telling(t);
		return;
	}
	list_append(&b->slowed, &t->slowed);
	t->waits = false;
	waiter_leave(w);
	w->resume(w);
	if (!t->told && now - t->since_ms >= b->config->hold_notice_ms)
		begin_telling(t, now);
}

void
throttle_on_tick(struct deadline *d, void *broker)
{
	struct broker *b = broker;
	struct link before, *l;

	/* each one once, although they are appended again */
	list_init(&before);
	while ((l = list_first(&b->slowed))) {
		link_leave(l);
		list_append(&before, l);
	}
	while ((l = list_first(&before))) {
		link_leave(l);
		look_again(throttle_of_slowed(l));
	}
	if (!list_is_empty(&b->slowed))
		deadline_set(&b->throttle_ticks, d);
}

/* ---- one session ------------------------------------------------------------ */

uint32_t
throttle_allows(struct session *s, struct text topic)
{
	struct throttle *t;
	uint32_t n;

	if (rate_of(s) == 0 || s->broker->draining)
		return UINT32_MAX;
	t = throttle_of(s);
	if (!t)
		/* no memory to count what it publishes: no limit */
		return UINT32_MAX;
	n = bucket_fill(&t->bucket, rate_of(s), clock_now_ms());
	if (n == 0)
		wait_for_tick(t, topic);
	return n;
}

void
throttle_take(struct session *s, uint32_t messages)
{
	if (!s->throttle || s->broker->draining)
		return;
	bucket_take(&s->throttle->bucket, messages);
	s->throttle->taken += messages;
}

void
throttle_forget(struct session *s)
{
	struct broker *b = s->broker;
	char name[LIMIT_WORDS_MAX];

	if (!s->throttle)
		return;
	if (s->throttle->told)
		tell_others(s->throttle, false, text_from(""), name);
	link_leave(&s->throttle->slowed);
	s->throttle->waits = false;
	s->throttle->told = false;
	if (list_is_empty(&b->slowed))
		deadline_clear(&b->throttle_tick);
}

void
throttle_free(struct session *s)
{
	throttle_forget(s);
	free(s->throttle);
	s->throttle = NULL;
}
