/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "hold.h"

#include <inttypes.h>
#include <stddef.h>

#include "clock.h"

static struct session *
session_of_hold_due(struct deadline *d)
{
	return (struct session *)((char *)d -
	                          offsetof(struct session, hold.due));
}

static struct session *
session_of_stall(struct deadline *d)
{
	struct outbox *o =
		(struct outbox *)((char *)d - offsetof(struct outbox, stall));

	return session_of_outbox(o);
}

static void
tell(struct session *s, bool on)
{
	struct message m = { .type = TYPE_HOLD };

	m.hold.on = on;
	m.hold.session = s->hold.by->id;
	m.hold.name = text_from(session_name(s->hold.by));
	m.hold.topic = s->hold.topic;
	session_answer(s, &m);
}

void
hold_begin(struct session *s, struct session *by, struct text topic)
{
	struct broker *b = s->broker;

	if (waiters_are_empty(&by->out.waiters))
		deadline_set(&b->stalls, &by->out.stall);
	waiters_add(&by->out.waiters, &s->waiter);
	s->hold.by = by;
	s->hold.topic = topic;
	s->hold.since_ms = clock_now_ms();
	deadline_set(&b->hold_notices, &s->hold.due);
}

void
hold_for_memory(struct session *s)
{
	struct broker *b = s->broker;

	if (!deadline_is_set(&b->memory_wait))
		deadline_set(&b->memory_waits, &b->memory_wait);
	waiters_add(&b->pool.waiters, &s->waiter);
}

void
hold_for_settling(struct session *s)
{
	waiters_add(&s->broker->settlers, &s->waiter);
}

void
hold_ended(struct session *s)
{
	struct broker *b = s->broker;
	struct session *by = s->hold.by;

	if (waiters_are_empty(&b->pool.waiters))
		deadline_clear(&b->memory_wait);
	if (!by)
		return;
	if (waiters_are_empty(&by->out.waiters))
		deadline_clear(&by->out.stall);
	if (s->hold.told) {
		char held[SESSION_WORDS_MAX], holder[SESSION_WORDS_MAX];

		tell(s, false);
		log_event(&b->log, LOG_INFO, LOG_HELD,
		          "released held_ms=%" PRIu64 " %s by %s",
		          clock_now_ms() - s->hold.since_ms,
		          session_words(s, held), session_words(by, holder));
	}
	deadline_clear(&s->hold.due);
	s->hold = (struct hold){ 0 };
}

void
hold_forget(struct session *s)
{
	waiter_leave(&s->waiter);
	s->hold.told = false;
	hold_ended(s);
}

static bool
is_still_in_the_way(const struct session *s)
{
	struct session *by = s->hold.by;
	const struct route *route = router_find(
		&s->broker->router, s->hold.topic.at, s->hold.topic.len);

	for (uint32_t i = 0; route && i < route->n; i++) {
		if (route_outbox(route, i) == &by->out)
			return true;
	}
	return !route;
}

void
hold_review(struct session *by)
{
	struct waiter *w, *next;

	for (w = TAILQ_FIRST(&by->out.waiters.list); w; w = next) {
		next = TAILQ_NEXT(w, link);
		if (is_still_in_the_way(session_of_waiter(w)))
			continue;
		waiter_leave(w);
		w->resume(w);
	}
}

void
hold_progress(struct session *by)
{
	if (!waiters_are_empty(&by->out.waiters))
		deadline_set(&by->broker->stalls, &by->out.stall);
}

void
hold_on_stall(struct deadline *d, void *broker)
{
	struct session *by = session_of_stall(d);
	const struct broker *b = broker;

	/* the kernel tells of room only when there is plenty: ask it */
	if (by->ops->try_send(by))
		hold_progress(by);
	else
		session_evict(by,
		              "took no byte for %" PRIu32 " ms (limit %" PRIu32
		              " ms) while others waited, with %zu bytes owed "
		              "(limit %zu)",
		              b->config->stall_ms, b->config->stall_ms,
		              by->out.bytes, b->limits.high);
}

void
hold_on_notice(struct deadline *d, void *broker)
{
	struct session *s = session_of_hold_due(d);
	struct broker *b = broker;
	char held[SESSION_WORDS_MAX], by[SESSION_WORDS_MAX];
	char topic[LOG_TEXT_MAX];

	s->hold.told = true;
	tell(s, true);
	if (!s->hold.by) /* there was no memory to tell it: it has ended */
		return;
	log_event(&b->log, LOG_WARN, LOG_HELD,
	          "held %s by %s topic=%s owed=%zu limit=%zu",
	          session_words(s, held), session_words(s->hold.by, by),
	          log_text(topic, s->hold.topic.at, s->hold.topic.len),
	          s->hold.by->out.bytes, b->limits.high);
	deadline_set(&b->hold_ends, d);
}

void
hold_on_too_long(struct deadline *d, void *broker)
{
	struct session *s = session_of_hold_due(d);
	const struct broker *b = broker;
	char held[SESSION_WORDS_MAX];

	session_evict(s->hold.by,
	              "held %s up for %" PRIu64 " ms (limit %" PRIu32 " ms)",
	              session_words(s, held), clock_now_ms() - s->hold.since_ms,
	              b->config->hold_max_ms);
}

/* ---- memory --------------------------------------------------------------- */

static size_t
owed_by_uid(const struct broker *b, uid_t uid)
{
	const struct session *s;
	size_t owed = 0;

	TAILQ_FOREACH (s, &b->sessions, link)
		owed += s->peer.uid == uid ? s->out.bytes : 0;
	return owed;
}

/* Of the user that owes most, the session that owes most; NULL: nobody does.
   Quadratic in users, and called when memory has been short for seconds. */
static struct session *
worst_debtor(struct broker *b)
{
	struct session *worst = NULL, *s;
	size_t most = 0;

	TAILQ_FOREACH (s, &b->sessions, link) {
		size_t owed;

		if (s->state == SESSION_ENDING || s->out.bytes == 0)
			continue;
		if (worst && worst->peer.uid == s->peer.uid) {
			if (s->out.bytes > worst->out.bytes)
				worst = s;
			continue;
		}
		owed = owed_by_uid(b, s->peer.uid);
		if (owed > most) {
			most = owed;
			worst = s;
		}
	}
	return worst;
}

void
hold_on_memory(struct deadline *d, void *broker)
{
	struct broker *b = broker;
	struct session *worst = worst_debtor(b);

	if (waiters_are_empty(&b->pool.waiters))
		return;
	log_event(&b->log, LOG_WARN, LOG_MEMORY,
	          "memory is short, clients are not read in_use=%zu limit=%zu "
	          "waited_ms=%" PRIu32,
	          b->pool.used, b->pool.max, b->config->stall_ms);
	if (worst)
		session_evict(worst,
		              "owed %zu bytes when memory was short for "
		              "%" PRIu32
		              " ms, with %zu bytes in use (limit %zu)",
		              worst->out.bytes, b->config->stall_ms,
		              b->pool.used, b->pool.max);
	if (!waiters_are_empty(&b->pool.waiters))
		deadline_set(&b->memory_waits, d);
}
