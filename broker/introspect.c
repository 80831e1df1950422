/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * A list has an order that does not change while others come and go (sessions
 * by their numbers, subscriptions of one session by their places in its table),
 * so that a client that reads page by page misses nothing that is there all the
 * time.
 */

#include "introspect.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "explain.h"
#include "group.h"
#include "metrics.h"
#include "page.h"
#include "proto/datagram.h"
#include "proto/topic.h"
#include "query.h"
#include "question.h"
#include "survey.h"
#include "unread.h"

/* The work of counting a topic's receivers, in things looked at. */
#define COUNT_WORK     20u
/* Counting this many spans is as much work as looking at one thing. */
#define SPANS_PER_WORK 16u
/* What an answer costs in units of broker_work(): for its page, and for each
   thing that was looked at. */
#define PAGE_COST      100u
#define LOOK_COST      8u

/* ---- info ----------------------------------------------------------------- */

static void
tell_messages(struct page *g, const struct broker *b)
{
	const struct broker_counts *c = &b->counts;

	page_uint(g, "messages_in", c->messages_in);
	page_uint(g, "bytes_in", c->bytes_in);
	page_uint(g, "messages_out", c->messages_out);
	page_uint(g, "bytes_out", c->bytes_out);
	page_uint(g, "unmatched", c->unmatched);
	page_uint(g, "refused", c->refused);
	page_uint(g, "dropped", c->dropped);
	page_uint(g, "dropped_bytes", c->dropped_bytes);
	page_uint(g, "holds", c->holds);
	page_uint(g, "evicted", c->evicted);
}

static void
tell_datagrams(struct page *g, const struct broker *b)
{
	struct pack *p = page_pair(g, "datagrams");

	pack_map(p, DATAGRAM_N_FATES);
	for (unsigned i = 0; i < DATAGRAM_N_FATES; i++)
		pack_pair_uint(p, datagram_word((enum datagram_fate)i),
		               b->datagrams[i]);
}

static void
tell_limits(struct page *g, const struct broker *b)
{
	const struct config *c = b->config;
	struct pack *p = page_pair(g, "limits");

	pack_map(p, 10);
	pack_pair_uint(p, "max_frame", c->max_frame);
	pack_pair_uint(p, "memory_max", c->memory_max);
	pack_pair_uint(p, "outbox_high", c->outbox_high);
	pack_pair_uint(p, "max_subscriptions", c->max_subscriptions);
	pack_pair_uint(p, "retained_max", b->retained.max_n);
	pack_pair_uint(p, "retained_bytes", b->retained.max_bytes);
	pack_pair_uint(p, "stall_ms", c->stall_ms);
	pack_pair_uint(p, "hold_max_ms", c->hold_max_ms);
	pack_pair_uint(p, "datagram_rate", c->datagram_rate);
	pack_pair_uint(p, "publish_rate", c->publish_rate);
}

static const char *
tell_info(struct broker *b, const struct query *q, struct page *g)
{
	(void)q;
	page_text(g, "version", UMBEL_VERSION);
	page_uint(g, "protocol", PROTOCOL_VERSION);
	page_uint(g, "pid", (uint64_t)getpid());
	page_uint(g, "uid", (uint64_t)geteuid());
	page_uint(g, "uptime_ms", clock_now_ms() - b->started_ms);
	page_uint(g, "sessions", b->roster.n - b->roster.n_empty);
	page_uint(g, "subscriptions", b->router.n_subscriptions);
	page_uint(g, "retained", b->retained.n);
	page_uint(g, "retained_bytes", b->retained.bytes);
	page_uint(g, "nodes", b->router.trie.n_nodes);
	page_uint(g, "routes", b->router.routes.n_routes);
	page_uint(g, "memory_used", b->pool.used);
	page_uint(g, "memory_peak", b->pool.peak);
	tell_messages(g, b);
	tell_datagrams(g, b);
	tell_limits(g, b);
	return NULL;
}

/* ---- metrics -------------------------------------------------------------- */

static const char *
tell_metrics(struct broker *b, const struct query *q, struct page *g)
{
	struct print text = { 0 };

	(void)q;
	metrics_print(b, &text);
	pack_str(page_pair(g, "text"), text.at, text.len);
	g->pack.full |= text.failed;
	print_fini(&text);
	return NULL;
}

/* ---- sessions ------------------------------------------------------------- */

static const char *
state_word(enum session_state state)
{
	switch (state) {
	case SESSION_NEW: /* not on the roster */
	case SESSION_ENDING:
		return "ending";
	case SESSION_OPEN:
		break;
	}
	return "open";
}

static void
tell_session(struct pack *p, const struct session *s)
{
	bool is_unread = s->unread && s->unread->told;

	pack_map(p, s->hold || s->need_told || is_unread ? 16 : 15);
	pack_pair_uint(p, "session", s->id);
	pack_pair_uint(p, "uid", (uint64_t)s->peer.uid);
	pack_pair_uint(p, "pid", (uint64_t)s->peer.pid);
	pack_pair_text(p, "command", s->peer.command);
	pack_pair_text(p, "name", session_name(s));
	pack_pair_text(p, "state", state_word(s->state));
	pack_pair_text(p, "overflow", overflow_name(s->out.policy));
	pack_pair_uint(p, "subscriptions", s->subs.n);
	pack_pair_uint(p, "queued_bytes", s->out.bytes);
	pack_pair_uint(p, "queued_frames", outbox_messages(&s->out));
	pack_pair_uint(p, "messages_in", s->messages_in + s->accepted);
	pack_pair_uint(p, "messages_out", s->out.messages);
	pack_pair_uint(p, "dropped", s->dropped.frames);
	pack_pair_uint(p, "dropped_bytes", s->dropped.bytes);
	pack_pair_uint(p, "age_ms", clock_now_ms() - s->since_ms);
	if (s->hold || s->need_told || is_unread)
		pack_pair_uint(p, "held_by",
		               s->hold        ? s->hold->by->id
		               : s->need_told ? 0
		                              : s->id);
}

static const char *
tell_sessions(struct broker *b, const struct query *q, struct page *g)
{
	struct session *s = survey_first(b, q, q->after);

	if (q->after_text.at)
		return QUERY_WRONG_AFTER;
	page_list(g, "sessions");
	for (; s && page_goes_on(g); s = survey_next(b, q, s)) {
		if (!survey_wants(q, s))
			continue;
		tell_session(page_entry(g), s);
		g->work += s->out.spans.n / SPANS_PER_WORK;
	}
	page_list_end(g);
	if (s)
		page_next(g, s->id);
	return NULL;
}

/* ---- subscriptions -------------------------------------------------------- */

struct listing {
	const struct query *query;
	struct page *page;
};

static void
tell_subscription(const struct session *s, struct subscription *sub, void *user)
{
	struct listing *l = user;
	const struct group *group =
		sub->in_group ? member_of(sub)->group : NULL;
	char filter[TOPIC_MAX];
	size_t len = subscription_filter(sub, filter);
	struct pack *p;

	if (l->query->filter.at &&
	    (l->query->filter.len != len ||
	     memcmp(l->query->filter.at, filter, len) != 0))
		return;
	p = page_entry(l->page);
	pack_map(p, 3u + (group != NULL) + sub->monitor);
	pack_pair_uint(p, "session", s->id);
	pack_pair_uint(p, "sub", sub->id);
	pack_text(p, "filter");
	pack_str(p, filter, len);
	if (group) {
		pack_text(p, "group");
		pack_str(p, group->name, group->name_len);
	}
	if (sub->monitor)
		pack_pair_bool(p, "monitor", true);
}

static const char *
tell_subscriptions(struct broker *b, const struct query *q, struct page *g)
{
	struct listing l = { .query = q, .page = g };
	uint64_t next;

	if (q->after_text.at)
		return QUERY_WRONG_AFTER;
	page_list(g, "subscriptions");
	next = survey_subscriptions(b, q, g, tell_subscription, &l);
	page_list_end(g);
	if (next)
		page_next(g, next);
	return NULL;
}

/* ---- topics --------------------------------------------------------------- */

/*
 * First the topics with a retained value, in the order of the store; `next` is
 * then the topic with which the next page begins. After them the other topics
 * that have a remembered route; for these, `next` is the number of their set,
 * from 1 on.
 */
struct topics {
	struct broker *broker;
	const struct query *query;
	struct page *page;
};

static bool
is_wanted(const struct query *q, const char *topic, size_t len)
{
	return !q->filter.at ||
	       filter_matches(q->filter.at, q->filter.len, topic, len);
}

static void
tell_topic(struct topics *t, const char *topic, size_t len,
           const struct retained_value *value)
{
	struct pack *p = page_entry(t->page);

	pack_map(p, value ? 4 : 2);
	pack_text(p, "topic");
	pack_str(p, topic, len);
	pack_pair_uint(p, "receivers",
	               router_count(&t->broker->router, topic, len));
	if (value) {
		pack_pair_uint(p, "retained_bytes", value->slab->cap);
		pack_pair_uint(p, "age_ms", clock_now_ms() - value->since_ms);
	}
	t->page->work += COUNT_WORK;
}

/* Returns false if the page is full. */
static bool
tell_retained(struct topics *t)
{
	struct text from = t->query->after_text;
	struct retained_walk w =
		retained_walk_from(&t->broker->retained, "**", 2,
	                           from.at ? from.at : "", from.len);
	const struct retained_value *v;

	while ((v = retained_next(&w))) {
		if (!page_goes_on(t->page)) {
			page_list_end(t->page);
			page_next_text(t->page, v->topic, v->topic_len);
			return false;
		}
		if (is_wanted(t->query, v->topic, v->topic_len))
			tell_topic(t, v->topic, v->topic_len, v);
	}
	return true;
}

static void
on_route(const struct route *route, void *user)
{
	struct topics *t = user;
	const char *topic = route_topic(route);
	size_t len = route->topic_len;

	/* inboxes are private */
	if (!topic_is_below(topic, len, "$inbox", 6) &&
	    is_wanted(t->query, topic, len) &&
	    !retained_find(&t->broker->retained, topic, len))
		tell_topic(t, topic, len, NULL);
}

static void
tell_routes(struct topics *t)
{
	const struct routes *routes = &t->broker->router.routes;
	uint64_t set = t->query->after > 0 ? t->query->after - 1 : 0;

	while (set < routes->n_sets && page_goes_on(t->page))
		routes_visit(routes, (size_t)set++, on_route, t);
	page_list_end(t->page);
	if (set < routes->n_sets)
		page_next(t->page, set + 1);
}

static const char *
tell_topics(struct broker *b, const struct query *q, struct page *g)
{
	struct topics t = { .broker = b, .query = q, .page = g };

	if (q->filter.at && !filter_is_valid(q->filter.at, q->filter.len))
		return "not a valid filter";
	page_list(g, "topics");
	if (q->after > 0 || tell_retained(&t))
		tell_routes(&t);
	return NULL;
}

/* ---- the answer ----------------------------------------------------------- */

/* Writes an answer. Returns NULL, or what is wrong with the request. */
typedef const char *subject_fn(struct broker *b, const struct query *q,
                               struct page *g);

static subject_fn *const subjects[N_QUESTIONS] = {
	[QUESTION_INFO] = tell_info,
	[QUESTION_SESSIONS] = tell_sessions,
	[QUESTION_SUBSCRIPTIONS] = tell_subscriptions,
	[QUESTION_TOPICS] = tell_topics,
	[QUESTION_EXPLAIN] = explain_topic,
	[QUESTION_METRICS] = tell_metrics,
};

bool
introspect_knows(const char *topic, size_t len)
{
	return question_of_topic(topic, len) != N_QUESTIONS;
}

bool
introspect_object(const struct session *s, const struct publish *request,
                  struct objection *out)
{
	const struct text reply = { request->reply, request->reply_len };
	struct verdict v = rights_of(s, ACL_INTROSPECT);

	out->about =
		reply.at ? reply
			 : (struct text){ request->topic, request->topic_len };
	if (!reply.at || !rights_is_own_inbox(s, reply)) {
		snprintf(out->words, sizeof(out->words),
		         "ask the broker with a reply in your own inbox");
		return true;
	}
	if (!v.ok)
		rights_words(&v, out->words);
	return !v.ok;
}

struct slab *
introspect_answer(struct broker *b, const struct publish *request,
                  uint32_t *len)
{
	const struct text reply = { request->reply, request->reply_len };
	enum question question =
		question_of_topic(request->topic, request->topic_len);
	const char *wrong = "the payload is not a map of options, or the "
			    "value of one is of the wrong type";
	struct query q;
	struct page g;

	if (page_begin(&g, &b->pool, reply) < 0)
		return NULL;
	if (query_read(request->payload, request->payload_len, &q))
		wrong = subjects[question](b, &q, &g);
	b->work += PAGE_COST + (uint64_t)g.work * LOOK_COST;
	*len = wrong ? 0 : page_end(&g);
	if (*len == 0)
		*len = page_end_with_error(&g, reply, STATUS_BAD_FRAME,
		                           wrong ? wrong : "too long");
	return g.slab;
}
