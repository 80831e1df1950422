/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "hold.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include "clock.h"
#include "shed.h"
#include "shortage.h"
#include "sys.h"
#include "throttle.h"

static struct hold *
hold_of_due(struct deadline *d)
{
	return (struct hold *)((char *)d - offsetof(struct hold, due));
}

static struct session *
session_of_clock(struct deadline *d)
{
	struct outbox *o =
		(struct outbox *)((char *)d - offsetof(struct outbox, clock));

	return session_of_outbox(o);
}

static void
tell(const struct hold *h, bool on)
{
	struct message m = { .type = TYPE_HOLD };

	m.hold.on = on;
	m.hold.session = h->by->id;
	m.hold.name = text_from(session_name(h->by));
	m.hold.topic = h->topic;
	session_answer(h->held, &m);
}

/* Remember it as a slow reader: it may come back, but not hold others up again
   soon. */
static void
remember(const struct session *by)
{
	if (by->state != SESSION_ENDING)
		stalled_add(&by->broker->stalled, by->peer.uid,
		            session_name(by));
}

/* Evict a session that has held another up for too long. */
static void
evict_for(const struct hold *h)
{
	char held[SESSION_WORDS_MAX];

	remember(h->by);
	session_evict(h->by,
	              "held %s up for %" PRIu64 " ms (limit %" PRIu32
	              " ms, hold-max-ms)",
	              session_words(h->held, held),
	              clock_now_ms() - h->since_ms,
	              h->held->broker->config->hold_max_ms);
}

/* ---- room at any member of a group ---------------------------------------- */

static struct session *
session_of_member(const struct member *m)
{
	return session_of_outbox(m->sub.to);
}

/* Await the group: from now on, room at any member resumes those who wait for
   it. */
static void
await(struct group *g)
{
	g->awaited = true;
	for (uint32_t i = 0; i < g->n; i++) {
		struct member *m = g->members[i];

		if (!link_is_in(&m->awaited))
			list_append(&session_of_member(m)->awaited,
			            &m->awaited);
	}
}

/* ---- those that are full beside the one that is waited for ----------------- */

/* Does the message that it is watched for still wait? */
static bool
is_watched(const struct session *by)
{
	const struct session *s =
		by->watch.sender
			? roster_find(&by->broker->roster, by->watch.sender)
			: NULL;

	return s && s->state == SESSION_OPEN && s->in_want &&
	       s->in_want_since == by->watch.in_want_since &&
	       outbox_is_full(&by->out) && !outbox_keeps_up(&by->out);
}

static bool
is_on_the_clock(const struct session *by)
{
	return is_watched(by) && deadline_is_set(&by->out.clock);
}

static void
watch(struct session *by, const struct session *s)
{
	if (is_on_the_clock(by))
		return;
	by->watch.sender = s->id;
	by->watch.in_want_since = s->in_want_since;
	deadline_set(&by->broker->stalls, &by->out.clock);
}

static void
unwatch(struct session *by)
{
	if (by->watch.sender && waiters_are_empty(&by->out.waiters))
		deadline_clear(&by->out.clock);
	by->watch.sender = 0;
}

void
hold_watch(const struct session *s, const struct route *route)
{
	if (!s->hold)
		return; /* it is only paced */
	for (uint32_t i = 0; i < route_n_outboxes(route); i++) {
		struct outbox *o = route_outbox(route, i);

		if (o->policy == OVERFLOW_BLOCK && o != &s->out &&
		    outbox_is_full(o) && !outbox_keeps_up(o) &&
		    waiters_are_empty(&o->waiters))
			watch(session_of_outbox(o), s);
	}
}

/* ---- holds ---------------------------------------------------------------- */

static void
wait_at(struct session *s, struct session *by, struct deadline_queue *stall)
{
	if (waiters_are_empty(&by->out.waiters) && !is_on_the_clock(by))
		deadline_set(stall, &by->out.clock);
	waiters_add(&by->out.waiters, &s->waiter);
}

bool
hold_begin(struct session *s, struct session *by, struct group *group,
           struct text topic)
{
	struct broker *b = s->broker;
	uint64_t now_ms = clock_now_ms();
	struct hold *h;
	bool overdue;

	assert(!b->passing); /* its message would not stay in memory */
	s->awaits = group;
	if (group)
		await(group);
	if (outbox_keeps_up(&by->out)) {
		wait_at(s, by, &b->paces);
		return true;
	}
	h = calloc(1, sizeof(*h));
	if (!h)
		return false;
	wait_at(s, by, &b->stalls);
	h->held = s;
	h->by = by;
	h->topic = topic;
	if (!s->in_want)
		s->in_want_since = (uint32_t)now_ms;
	s->in_want = true;
	h->since_ms = now_ms - clock_age(now_ms, s->in_want_since);
	/* the wait began earlier if its turn came but there was no room again:
	   both are one hold */
	overdue = now_ms - h->since_ms > b->config->hold_max_ms;
	deadline_set(overdue ? &b->overdue_holds : &b->hold_notices, &h->due);
	s->hold = h;
	b->counts.holds++;
	return true;
}

void
hold_for_settling(struct session *s)
{
	waiters_add(&s->broker->settlers, &s->waiter);
}

static void
log_release(const struct hold *h)
{
	char held[SESSION_WORDS_MAX], by[SESSION_WORDS_MAX];

	log_event(&h->held->broker->log, LOG_INFO, LOG_HELD,
	          "released held_ms=%" PRIu64 " %s by %s",
	          clock_now_ms() - h->since_ms, session_words(h->held, held),
	          session_words(h->by, by));
}

void
hold_ended(struct session *s)
{
	struct broker *b = s->broker;
	struct hold *h = s->hold;

	shortage_watch(b);
	if (!h)
		return;
	s->hold = NULL; /* first, because tell() may end the session */
	deadline_clear(&h->due);
	if (waiters_are_empty(&h->by->out.waiters))
		deadline_clear(&h->by->out.clock);
	if (h->told) {
		sys_tell_held(h, false);
		tell(h, false);
		log_release(h);
	}
	free(h);
}

void
hold_forget(struct session *s)
{
	waiter_leave(&s->waiter);
	shortage_release(s);
	slab_pool_serve(&s->broker->pool);
	throttle_forget(s);
	if (s->hold && s->hold->told)
		sys_tell_held(s->hold, false);
	if (s->hold)
		s->hold->told = false;
	hold_ended(s);
}

static bool
is_on_route(const struct outbox *o, const struct route *route)
{
	for (uint32_t i = 0; i < route_n_outboxes(route); i++) {
		if (route_outbox(route, i) == o)
			return true;
	}
	return false;
}

/* The group of the route in which all members are full, `o` among them; NULL
   when there is none. */
static struct group *
find_full_group(const struct session *s, const struct outbox *o,
                const struct route *route)
{
	for (uint32_t i = 0; i < route_n_groups(route); i++) {
		struct group *g = route_group(route, i);

		if (group_has(g, o) && group_find_full(g, &s->out))
			return g;
	}
	return NULL;
}

static bool
is_still_in_the_way(struct session *s)
{
	const struct hold *h = s->hold;
	const struct route *route =
		router_find(&s->broker->router, h->topic.at, h->topic.len);
	struct group *g;

	if (!route || is_on_route(&h->by->out, route))
		return true;
	g = find_full_group(s, &h->by->out, route);
	if (g) {
		s->awaits = g;
		await(g);
	}
	return g != NULL;
}

void
hold_review(struct session *by)
{
	struct waiter *w, *next;

	unwatch(by);
	for (w = waiters_first(&by->out.waiters); w; w = next) {
		struct session *s = session_of_waiter(w);

		next = waiters_next(&by->out.waiters, w);
		/* a session that is only paced goes on in a moment anyway */
		if (!s->hold || is_still_in_the_way(s))
			continue;
		waiter_leave(w);
		w->resume(w);
	}
}

/* Resume those who wait for `by` because of the group; they look for room
   again. */
static void
resume_for(struct session *by, const struct group *g)
{
	struct waiter *w, *next;

	for (w = waiters_first(&by->out.waiters); w; w = next) {
		next = waiters_next(&by->out.waiters, w);
		if (session_of_waiter(w)->awaits != g)
			continue;
		waiter_leave(w);
		w->resume(w);
	}
}

/*
 * The group has room: resume all who wait for it. Called wherever bytes are
 * sent, so nothing is looked up. A session that goes on may end, and thereby
 * leave the group.
 */
static void
relieve(struct group *g)
{
	g->awaited = false;
	for (uint32_t i = g->n; i-- > 0;)
		link_leave(&g->members[i]->awaited);
	for (uint32_t i = g->n; i-- > 0;) {
		if (i < g->n)
			resume_for(session_of_member(g->members[i]), g);
	}
}

void
hold_review_group(struct group *g)
{
	if (!g->awaited)
		return;
	if (group_find_full(g, NULL))
		await(g); /* watch the new member, too */
	else
		relieve(g);
}

/* Any of its awaited groups may have room at `by` now. */
static void
relieve_all(struct session *by)
{
	struct link *l = list_first(&by->awaited);

	while (l) {
		struct group *g = member_of_awaited(l)->group;

		if (group_find_full(g, NULL)) {
			l = list_next(&by->awaited, l);
		} else {
			relieve(g);
			l = list_first(&by->awaited);
		}
	}
}

void
hold_made_room(struct session *by)
{
	outbox_made_room(&by->out);
	relieve_all(by);
}

void
hold_progress(struct session *by)
{
	if (!outbox_keeps_up(&by->out) &&
	    (!waiters_are_empty(&by->out.waiters) || by->watch.sender))
		deadline_set(&by->broker->stalls, &by->out.clock);
	relieve_all(by);
}

void
hold_on_paced(struct deadline *d, void *broker)
{
	struct session *by = session_of_clock(d);

	(void)broker;
	if (waiters_are_empty(&by->out.waiters))
		return;
	by->out.slow = true;
	waiters_resume_all(&by->out.waiters);
}

void
hold_on_stall(struct deadline *d, void *broker)
{
	struct session *by = session_of_clock(d);
	const struct broker *b = broker;

	/* the kernel reports room only when there is plenty: try it */
	if (by->ops->try_send(by)) {
		hold_progress(by);
		return;
	}
	if (waiters_are_empty(&by->out.waiters) && !is_watched(by)) {
		by->watch.sender =
			0; /* it has gone, or need not be waited for */
		return;
	}
	remember(by);
	session_evict(by,
	              "took no byte for %" PRIu32 " ms (limit %" PRIu32
	              " ms, stall-ms) while others waited, with %zu bytes "
	              "owed (limit %zu, outbox-high)",
	              b->config->stall_ms, b->config->stall_ms, by->out.bytes,
	              b->limits.high);
}

void
hold_on_notice(struct deadline *d, void *broker)
{
	struct hold *h = hold_of_due(d);
	struct broker *b = broker;
	char held[SESSION_WORDS_MAX], by[SESSION_WORDS_MAX];
	char topic[LOG_TEXT_MAX];

	log_event(&b->log, LOG_WARN, LOG_HELD,
	          "held %s by %s topic=%s owed=%zu limit=%zu of=outbox-high",
	          session_words(h->held, held), session_words(h->by, by),
	          log_text(topic, h->topic.at, h->topic.len), h->by->out.bytes,
	          b->limits.high);
	deadline_set(&b->hold_ends, d);
	h->told = true;
	sys_tell_held(h, true);
	tell(h, true); /* last: without memory for HOLD the session ends */
}

void
hold_on_too_long(struct deadline *d, void *broker)
{
	(void)broker;
	evict_for(hold_of_due(d));
}
