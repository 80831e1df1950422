/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * The end of a page of subscriptions is a number: the session's number in the
 * upper half, and a place in its table in the lower half.
 */

#include "survey.h"

#define PLACE_BITS 32u

bool
survey_wants(const struct query *q, const struct session *s)
{
	return (q->session == QUERY_ANY || q->session == s->id) &&
	       (q->uid == QUERY_ANY || q->uid == s->peer.uid);
}

struct session *
survey_first(const struct broker *b, const struct query *q, uint64_t from)
{
	struct session *s;

	if (q->session != QUERY_ANY && q->session > from)
		from = q->session;
	s = roster_from(&b->roster, from);
	return s && s->id <= q->session ? s : NULL;
}

struct session *
survey_next(const struct broker *b, const struct query *q,
            const struct session *s)
{
	return survey_first(b, q, s->id + UINT64_C(1));
}

struct visit {
	const struct session *session;
	struct page *page;
	survey_found *found;
	void *user;
};

static void
on_found(struct subscription *sub, void *user)
{
	struct visit *v = user;

	v->page->work++;
	v->found(v->session, sub, v->user);
}

uint64_t
survey_subscriptions(struct broker *b, const struct query *q, struct page *g,
                     survey_found *found, void *user)
{
	struct visit v = { .page = g, .found = found, .user = user };
	struct session *s = survey_first(b, q, q->after >> PLACE_BITS);
	uint64_t place = 0;

	if (s && s->id == q->after >> PLACE_BITS)
		place = (uint32_t)q->after;
	while (s && page_goes_on(g)) {
		v.session = s;
		place = survey_wants(q, s)
		                ? subtable_visit(&s->subs, place, on_found, &v)
		                : SUBTABLE_END;
		if (place < SUBTABLE_END)
			continue;
		s = survey_next(b, q, s);
		place = 0;
	}
	return s ? (uint64_t)s->id << PLACE_BITS | place : 0;
}
