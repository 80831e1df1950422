/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * If the query names no session or uid, the candidates are the subscriptions
 * that match, found by the same walk that routes a message. Otherwise the
 * candidates are all subscriptions of those sessions, each with the token at
 * which it fails.
 */

#include "explain.h"

#include "group.h"
#include "proto/topic.h"
#include "proto/why.h"
#include "rights.h"
#include "session.h"
#include "survey.h"

/* The number of sessions whose rights are shown. */
#define N_RIGHTS         20u
/* The number of filters that are shown when none matches. */
#define N_NEAREST        5u
/* The number of filters whose distance is measured exactly. */
#define N_MEASURED       32u
/* Bounds on the search for them: filters, and buckets of the trie. */
#define LOOKS_MAX        10000u
#define BUCKETS_MAX      40000u
/* The cost of that search in units of a page's work. */
#define BUCKETS_PER_WORK 16u
#define COST_OF_MEASURE  50u

static bool
asks_for_sessions(const struct query *q)
{
	return q->session != QUERY_ANY || q->uid != QUERY_ANY;
}

/* ---- candidates ----------------------------------------------------------- */

struct candidates {
	struct page *page;
	struct text topic;
	uint64_t unlisted; /* left out because the page is full */
};

static const char *
verdict(enum why why, const struct group *group)
{
	if (why != WHY_MATCHES)
		return why_word(why);
	return group ? "member" : "delivered";
}

static void
tell_candidate(struct candidates *c, const struct session *s,
               struct subscription *sub)
{
	const struct group *group =
		sub->in_group ? member_of(sub)->group : NULL;
	char filter[TOPIC_MAX];
	size_t len = subscription_filter(sub, filter);
	unsigned token;
	enum why why = why_not(filter, len, c->topic.at, c->topic.len, &token);
	struct pack *p = page_entry(c->page);

	pack_map(p, 11u + (why != WHY_MATCHES ? 1u : 0u) + (group ? 2u : 0u) +
	                    (sub->monitor ? 1u : 0u));
	pack_pair_uint(p, "session", s->id);
	pack_pair_uint(p, "uid", (uint64_t)s->peer.uid);
	pack_pair_uint(p, "pid", (uint64_t)s->peer.pid);
	pack_pair_text(p, "command", s->peer.command);
	pack_pair_text(p, "name", session_name(s));
	pack_pair_uint(p, "sub", sub->id);
	pack_text(p, "filter");
	pack_str(p, filter, len);
	pack_pair_text(p, "verdict", verdict(why, group));
	pack_pair_uint(p, "queued_bytes", s->out.bytes);
	pack_pair_bool(p, "full", outbox_is_full(&s->out));
	pack_pair_uint(p, "dropped", s->dropped.frames);
	if (why != WHY_MATCHES)
		pack_pair_uint(p, "token", token);
	if (group) {
		pack_text(p, "group");
		pack_str(p, group->name, group->name_len);
		pack_pair_uint(p, "members", group->n);
	}
	if (sub->monitor)
		pack_pair_bool(p, "monitor", true);
}

static void
on_surveyed(const struct session *s, struct subscription *sub, void *user)
{
	tell_candidate(user, s, sub);
}

static void
on_match(struct subscription *sub, struct candidates *c)
{
	if (page_goes_on(c->page))
		tell_candidate(c, session_of_outbox(sub->to), sub);
	else
		c->unlisted++;
}

static void
on_entry(struct trie_entry *e, void *user)
{
	struct subscription *sub = (struct subscription *)e;
	const struct group *g = (const struct group *)e;

	if (!sub->in_group) {
		on_match(sub, user);
		return;
	}
	for (uint32_t i = 0; i < g->n; i++)
		on_match(&g->members[i]->sub, user);
}

/* ---- similar filters ------------------------------------------------------ */

/*
 * All filters are estimated cheaply, within a bound, and the nearest ones are
 * measured exactly.
 */
struct near {
	char filter[TOPIC_MAX];
	size_t len;
	unsigned distance; /* first estimated, then measured */
};

struct search {
	struct text topic;
	struct near nearest[N_MEASURED]; /* nearest first */
	unsigned n;
	uint32_t looked_at;
};

/* Sort in the entry at `from`; those before it are sorted. */
static void
sort_in(struct near *nearest, unsigned from)
{
	const struct near n = nearest[from];

	for (; from > 0 && nearest[from - 1].distance > n.distance; from--)
		nearest[from] = nearest[from - 1];
	nearest[from] = n;
}

static void
look_at(struct trie_entry *e, void *user)
{
	struct search *s = user;
	struct near n;
	unsigned at;

	n.len = trie_filter(e, n.filter);
	/* inboxes are private */
	if (topic_is_below(n.filter, n.len, "$inbox", 6))
		return;
	s->looked_at++;
	n.distance = why_estimate(n.filter, n.len, s->topic.at, s->topic.len);
	if (s->n == N_MEASURED &&
	    s->nearest[N_MEASURED - 1].distance <= n.distance)
		return;
	at = s->n < N_MEASURED ? s->n++ : N_MEASURED - 1;
	s->nearest[at] = n;
	sort_in(s->nearest, at);
}

/* The number of characters that are not wildcards: without it `x.**` would seem
   near to topics that begin otherwise. */
static unsigned
n_literal(const struct near *n)
{
	unsigned literal = 0;

	for (size_t i = 0; i < n->len; i++)
		literal += n->filter[i] != '*';
	return literal;
}

/* Keep the filters that are really near, nearest first. */
static void
measure(struct search *s)
{
	unsigned n = s->n;

	s->n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct near *x = &s->nearest[i];
		unsigned max = s->topic.len / 3 + 2;

		if (max > n_literal(x) / 2)
			max = n_literal(x) / 2;
		x->distance = why_distance(x->filter, x->len, s->topic.at,
		                           s->topic.len, max);
		if (x->distance > max)
			continue;
		s->nearest[s->n] = *x;
		sort_in(s->nearest, s->n++);
	}
}

/* Search from this bucket on. Returns the bucket to continue at, or 0 after the
   last. */
static uint64_t
tell_nearest(const struct trie *t, uint64_t from, struct text topic,
             struct page *g)
{
	struct search s = { .topic = topic };
	uint64_t i = from;

	while (i < t->n_buckets && i - from < BUCKETS_MAX &&
	       s.looked_at < LOOKS_MAX)
		trie_visit(t, (size_t)i++, look_at, &s);
	g->work += s.looked_at + (uint32_t)(i - from) / BUCKETS_PER_WORK +
	           s.n * COST_OF_MEASURE;
	measure(&s);
	page_list(g, "nearest");
	for (unsigned k = 0; k < s.n && k < N_NEAREST; k++) {
		struct pack *p = page_entry(g);

		pack_map(p, 2);
		pack_text(p, "filter");
		pack_str(p, s.nearest[k].filter, s.nearest[k].len);
		pack_pair_uint(p, "distance", s.nearest[k].distance);
	}
	page_list_end(g);
	page_uint(g, "compared", s.looked_at);
	return i < t->n_buckets ? i : 0;
}

/* ---- what the rules say --------------------------------------------------- */

static void
tell_verdict(struct pack *p, const char *key, const char *rule_key,
             const struct verdict *v)
{
	char rule[RIGHTS_PLACE_MAX];

	pack_pair_bool(p, key, v->ok);
	pack_pair_text(p, rule_key, v->rule ? rights_place(v->rule, rule) : "");
}

static void
tell_rights(struct broker *b, const struct query *q, struct page *g)
{
	const struct session *s = survey_first(b, q, 0);

	page_list(g, "rights");
	for (; s && g->n_entries < N_RIGHTS && page_goes_on(g);
	     s = survey_next(b, q, s)) {
		struct verdict to_publish, to_subscribe;
		struct pack *p;

		if (!survey_wants(q, s))
			continue;
		to_publish = rights_to_publish(s, q->topic);
		to_subscribe = rights_to_subscribe(s, q->topic);
		p = page_entry(g);
		pack_map(p, 6);
		pack_pair_uint(p, "session", s->id);
		pack_pair_text(p, "name", session_name(s));
		tell_verdict(p, "publish", "publish_rule", &to_publish);
		tell_verdict(p, "subscribe", "subscribe_rule", &to_subscribe);
	}
	page_list_end(g);
}

/* ---- the answer ----------------------------------------------------------- */

/*
 * A page begins at a session and its subscription, as in survey.h, or at a
 * bucket of the search. There is no session 0, so small values mean a bucket.
 */
static bool
is_searching(const struct query *q)
{
	return q->after > 0 && q->after <= UINT32_MAX;
}

static uint64_t
tell_candidates(struct broker *b, const struct query *q, struct page *g)
{
	struct candidates c = { .page = g, .topic = q->topic };
	uint64_t next = 0;

	page_list(g, "candidates");
	if (!is_searching(q) && asks_for_sessions(q))
		next = survey_subscriptions(b, q, g, on_surveyed, &c);
	else if (!is_searching(q))
		trie_match(&b->router.trie, q->topic.at, q->topic.len, on_entry,
		           &c);
	page_list_end(g);
	page_uint(g, "unlisted", c.unlisted);
	return next;
}

const char *
explain_topic(struct broker *b, const struct query *q, struct page *g)
{
	uint32_t receivers;
	uint64_t next;

	if (!q->topic.at || !topic_is_valid(q->topic.at, q->topic.len))
		return "the option topic has to be a valid topic";
	if (q->after_text.at)
		return QUERY_WRONG_AFTER;
	receivers = router_count(&b->router, q->topic.at, q->topic.len);
	pack_str(page_pair(g, "topic"), q->topic.at, q->topic.len);
	page_uint(g, "receivers", receivers);
	/* rules about topics do not apply to topics with $ */
	if (asks_for_sessions(q) && q->after == 0 && q->topic.at[0] != '$')
		tell_rights(b, q, g);
	next = tell_candidates(b, q, g);
	if (receivers == 0 && next == 0)
		next = tell_nearest(&b->router.trie,
		                    is_searching(q) ? q->after : 0, q->topic,
		                    g);
	if (next)
		page_next(g, next);
	return NULL;
}
