/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/router.h"

#include "match.h"

#define N_SESSIONS 12
#define N_SUBS     60

struct rig {
	struct router router;
	struct outbox sessions[N_SESSIONS];
	struct item {
		struct subscription sub;
		char filter[256];
	} items[N_SUBS];
};

static void
rig_init(struct rig *r, uint64_t seed)
{
	memset(r, 0, sizeof(*r));
	assert_int_equal(router_init(&r->router, seed), 0);
}

static void
subscribe(struct rig *r, unsigned i, unsigned session, const char *filter,
          bool monitor)
{
	struct item *item = &r->items[i];

	snprintf(item->filter, sizeof(item->filter), "%s", filter);
	item->sub = (struct subscription){ .to = &r->sessions[session],
		                           .monitor = monitor };
	assert_int_equal(router_subscribe(&r->router, &item->sub, filter,
	                                  strlen(filter)),
	                 0);
}

static void
unsubscribe(struct rig *r, unsigned i)
{
	router_unsubscribe(&r->router, &r->items[i].sub);
	assert_null(r->items[i].sub.entry.node);
}

static struct route *
find(struct rig *r, const char *topic)
{
	return router_find(&r->router, topic, strlen(topic));
}

/* Does the route lead where the reference says, each session once? */
static void
expect_route(struct rig *r, const struct route *route, const char *topic)
{
	bool want[N_SESSIONS] = { 0 }, responder = false;
	uint32_t n = 0;

	for (unsigned i = 0; i < N_SUBS; i++) {
		struct item *item = &r->items[i];

		if (!item->sub.entry.node ||
		    !reference_matches(item->filter, topic))
			continue;
		want[item->sub.to - r->sessions] = true;
		responder |= !item->sub.monitor;
	}
	assert_non_null(route);
	for (uint32_t i = 0; i < route->n; i++) {
		ptrdiff_t session = route_outbox(route, i) - r->sessions;

		assert_true(want[session]); /* and only once */
		want[session] = false;
		n++;
	}
	for (unsigned i = 0; i < N_SESSIONS; i++)
		assert_false(want[i]);
	assert_int_equal(n, route->n);
	assert_int_equal(route->mark == ROUTE_HAS_RESPONDER, responder);
}

TEST(a_session_is_on_a_route_once_however_many_of_its_filters_match)
{
	struct rig r;

	rig_init(&r, 1);
	subscribe(&r, 0, 3, "a.b", false);
	subscribe(&r, 1, 3, "a.*", false);
	subscribe(&r, 2, 3, "**", false);
	subscribe(&r, 3, 4, "a.b", false);
	subscribe(&r, 4, 5, "a.c", false);
	assert_int_equal(find(&r, "a.b")->n, 2);
	assert_int_equal(find(&r, "a.c")->n, 2);
	assert_int_equal(find(&r, "x")->n, 1);
	assert_int_equal(find(&r, "$x")->n, 0);
	router_fini(&r.router);
}

TEST(a_monitor_is_no_responder_but_gets_its_copy)
{
	struct rig r;

	rig_init(&r, 1);
	subscribe(&r, 0, 0, "a", true);
	assert_int_equal(find(&r, "a")->n, 1);
	assert_int_equal(find(&r, "a")->mark, 0);
	subscribe(&r, 1, 1, "a", false);
	assert_int_equal(find(&r, "a")->n, 2);
	assert_int_equal(find(&r, "a")->mark, ROUTE_HAS_RESPONDER);
	unsubscribe(&r, 1);
	assert_int_equal(find(&r, "a")->mark, 0);
	/* one session with both kinds responds */
	subscribe(&r, 1, 0, "*", false);
	assert_int_equal(find(&r, "a")->n, 1);
	assert_int_equal(find(&r, "a")->mark, ROUTE_HAS_RESPONDER);
	router_fini(&r.router);
}

TEST(a_route_is_remembered_until_any_subscription_changes)
{
	struct rig r;
	uint64_t visits;

	rig_init(&r, 1);
	subscribe(&r, 0, 0, "a.b", false);
	assert_null(router_recall(&r.router, "a.b", 3));
	find(&r, "a.b");
	assert_int_equal(router_recall(&r.router, "a.b", 3)->n, 1);
	visits = r.router.trie.visits;
	assert_int_equal(find(&r, "a.b")->n, 1);
	assert_int_equal(r.router.trie.visits, visits); /* no walk */
	subscribe(&r, 1, 1, "x.y", false);
	assert_null(router_recall(&r.router, "a.b", 3));
	find(&r, "a.b");
	unsubscribe(&r, 1);
	assert_null(router_recall(&r.router, "a.b", 3));
	assert_int_equal(find(&r, "a.b")->n, 1);
	router_fini(&r.router);
}

TEST(a_topic_that_leads_nowhere_is_remembered_too)
{
	struct rig r;

	rig_init(&r, 1);
	assert_int_equal(find(&r, "a")->n, 0);
	assert_non_null(router_recall(&r.router, "a", 1));
	router_fini(&r.router);
}

/* A session that no walk has met yet has the mark 0. */
TEST(nobody_is_forgotten_when_the_numbers_of_walks_begin_anew)
{
	struct rig r;

	rig_init(&r, 1);
	subscribe(&r, 0, 0, "**", false);
	subscribe(&r, 1, 1, "a.**", false);
	find(&r, "b");
	r.router.walk = UINT32_MAX;
	for (unsigned i = 0; i < 4; i++) {
		char topic[16];

		snprintf(topic, sizeof(topic), "a.%u", i);
		assert_int_equal(find(&r, topic)->n, 2);
	}
	router_fini(&r.router);
}

TEST(a_million_random_pairs_lead_where_the_reference_says)
{
	struct chance c = chance_new("router");
	static struct rig r;
	unsigned pairs = 0, hits = 0;

	rig_init(&r, chance_any(&c));
	while (pairs < rounds(1000000)) {
		unsigned i = chance_below(&c, N_SUBS);
		char filter[256], topic[256];

		if (r.items[i].sub.entry.node)
			unsubscribe(&r, i);
		if (!chance_one_in(&c, 4)) {
			some_filter(&c, filter);
			subscribe(&r, i, chance_below(&c, N_SESSIONS), filter,
			          chance_one_in(&c, 3));
		}
		for (unsigned k = 0; k < 6; k++) {
			size_t len = some_topic(&c, topic);
			struct route *known =
				router_recall(&r.router, topic, len);

			hits += known != NULL;
			if (known)
				expect_route(&r, known, topic);
			expect_route(&r, find(&r, topic), topic);
			pairs += (unsigned)r.router.trie.n_entries;
		}
	}
	print_message("%u pairs, %u routes remembered\n", pairs, hits);
	assert_true(hits > 100);
	for (unsigned i = 0; i < N_SUBS; i++) {
		if (r.items[i].sub.entry.node)
			unsubscribe(&r, i);
	}
	assert_int_equal(r.router.trie.n_nodes, 0);
	router_fini(&r.router);
}

TEST(more_sessions_than_any_one_route_before_fit)
{
	enum { N = 5000 };
	struct outbox *sessions = calloc(N, sizeof(*sessions));
	struct subscription *subs = calloc(N, sizeof(*subs));
	struct router router;

	assert_non_null(sessions);
	assert_non_null(subs);
	assert_int_equal(router_init(&router, 1), 0);
	for (unsigned i = 0; i < N; i++) {
		subs[i].to = &sessions[i];
		assert_int_equal(router_subscribe(&router, &subs[i], "**", 2),
		                 0);
	}
	assert_int_equal(router_find(&router, "a", 1)->n, N);
	for (unsigned i = 0; i < N; i++)
		router_unsubscribe(&router, &subs[i]);
	assert_int_equal(router_find(&router, "a", 1)->n, 0);
	router_fini(&router);
	free(sessions);
	free(subs);
}

TEST(the_memory_for_routes_is_bounded)
{
	struct rig r;

	rig_init(&r, 1);
	subscribe(&r, 0, 0, "**", false);
	for (unsigned i = 0; i < rounds(500000); i++) {
		char topic[32];

		snprintf(topic, sizeof(topic), "t.%u", i);
		assert_int_equal(find(&r, topic)->n, 1);
	}
	print_message("%zu routes in %zu bytes\n", r.router.routes.n_routes,
	              r.router.routes.bytes);
	assert_true(r.router.routes.bytes <= 32 << 20);
	assert_true(r.router.routes.n_routes > 50000);
	router_fini(&r.router);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_session_is_on_a_route_once_however_many_of_its_filters_match),
		cmocka_unit_test(a_monitor_is_no_responder_but_gets_its_copy),
		cmocka_unit_test(
			a_route_is_remembered_until_any_subscription_changes),
		cmocka_unit_test(a_topic_that_leads_nowhere_is_remembered_too),
		cmocka_unit_test(
			nobody_is_forgotten_when_the_numbers_of_walks_begin_anew),
		cmocka_unit_test(
			a_million_random_pairs_lead_where_the_reference_says),
		cmocka_unit_test(more_sessions_than_any_one_route_before_fit),
		cmocka_unit_test(the_memory_for_routes_is_bounded),
	};

	return RUN(tests);
}
