/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/survey.h"

#include "sessions.h"

#define N_CLIENTS 4u
#define N_SUBS    6u

static const struct query everybody = { .session = QUERY_ANY,
	                                .uid = QUERY_ANY };

/* Clients 1 to 4, with uids 1000 and 1001 in turn, and subscriptions 1 to 6. */
static void
open_clients(struct rig *r, struct client *c[N_CLIENTS])
{
	rig_init(r);
	for (uint32_t i = 0; i < N_CLIENTS; i++) {
		c[i] = client_open(r, "c", 1000 + i % 2);
		for (uint32_t sub = 1; sub <= N_SUBS; sub++) {
			client_subscribes(c[i], sub, "a");
			client_next(c[i], TYPE_OK);
		}
	}
}

static void
close_clients(struct rig *r, struct client *c[N_CLIENTS])
{
	for (unsigned i = 0; i < N_CLIENTS; i++) {
		if (c[i])
			client_free(c[i]);
	}
	rig_fini(r);
}

struct tally {
	unsigned met[N_CLIENTS + 1][N_SUBS + 1];
	unsigned n;
};

static void
on_met(const struct session *s, struct subscription *sub, void *user)
{
	struct tally *t = user;

	t->met[s->id][sub->id]++;
	t->n++;
}

/* One page, of which so much work is left. Returns where to go on. */
static uint64_t
survey(struct rig *r, struct query q, uint64_t after, uint32_t work,
       struct tally *t)
{
	struct page g;
	uint64_t next;

	assert_int_equal(page_begin(&g, &r->broker.pool, text_from("r")), 0);
	g.work = PAGE_WORK_MAX - work;
	q.after = after;
	page_list(&g, "l");
	next = survey_subscriptions(&r->broker, &q, &g, on_met, t);
	page_list_end(&g);
	page_end(&g);
	slab_unref(g.slab);
	return next;
}

static unsigned
count(struct rig *r, struct query q)
{
	struct tally t = { 0 };

	assert_true(survey(r, q, 0, PAGE_WORK_MAX, &t) == 0);
	return t.n;
}

TEST(those_are_met_who_are_asked_for)
{
	struct client *c[N_CLIENTS];
	struct query q = everybody;
	struct rig r;

	open_clients(&r, c);
	assert_int_equal(count(&r, q), N_CLIENTS * N_SUBS);
	q.uid = 1001;
	assert_int_equal(count(&r, q), 2 * N_SUBS);
	q.session = 2;
	assert_int_equal(count(&r, q), N_SUBS);
	q.session = 1;
	assert_int_equal(count(&r, q), 0);
	q = everybody;
	q.session = N_CLIENTS + 1;
	assert_int_equal(count(&r, q), 0);
	close_clients(&r, c);
}

TEST(sessions_are_gone_through_in_order)
{
	struct client *c[N_CLIENTS];
	struct query q = everybody;
	const struct session *s;
	struct rig r;

	open_clients(&r, c);
	s = survey_first(&r.broker, &q, 0);
	for (uint32_t id = 1; id <= N_CLIENTS; id++) {
		assert_int_equal(s->id, id);
		s = survey_next(&r.broker, &q, s);
	}
	assert_null(s);
	q.session = 3;
	s = survey_first(&r.broker, &q, 0);
	assert_int_equal(s->id, 3);
	assert_null(survey_next(&r.broker, &q, s));
	assert_null(survey_first(&r.broker, &q, 4));
	close_clients(&r, c);
}

TEST(whoever_is_there_from_page_to_page_is_met_once)
{
	struct client *c[N_CLIENTS];
	struct tally t = { 0 };
	unsigned n_pages = 0;
	uint64_t next = 0;
	struct rig r;

	open_clients(&r, c);
	do {
		next = survey(&r, everybody, next, 2, &t);
		if (++n_pages == 2) { /* one goes whose turn will come */
			client_free(c[3]);
			c[3] = NULL;
		}
	} while (next && n_pages < 100);
	assert_in_range(n_pages, N_CLIENTS, 99);
	for (unsigned i = 1; i < N_CLIENTS; i++) {
		for (unsigned sub = 1; sub <= N_SUBS; sub++)
			assert_int_equal(t.met[i][sub], 1);
	}
	assert_int_equal(t.n, (N_CLIENTS - 1) * N_SUBS);
	close_clients(&r, c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_are_met_who_are_asked_for),
		cmocka_unit_test(sessions_are_gone_through_in_order),
		cmocka_unit_test(
			whoever_is_there_from_page_to_page_is_met_once),
	};

	return RUN(tests);
}
