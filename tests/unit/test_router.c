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
		struct member m; /* and just its `sub` when it is of no group */
		bool in;
		char filter[256];
		char group[8]; /* "": of none */
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

	*item = (struct item){ .in = true };
	snprintf(item->filter, sizeof(item->filter), "%s", filter);
	item->m.sub.to = &r->sessions[session];
	item->m.sub.monitor = monitor;
	assert_int_equal(router_subscribe(&r->router, &item->m.sub, filter,
	                                  strlen(filter)),
	                 0);
}

static void
join(struct rig *r, unsigned i, unsigned session, const char *group,
     const char *filter)
{
	struct item *item = &r->items[i];
	char text[255];

	*item = (struct item){ .in = true };
	snprintf(item->filter, sizeof(item->filter), "%s", filter);
	snprintf(item->group, sizeof(item->group), "%s", group);
	item->m.sub.to = &r->sessions[session];
	assert_int_equal(router_join(&r->router, &item->m, text_from(group),
	                             text_from(filter)),
	                 0);
	assert_int_equal(subscription_filter(&item->m.sub, text),
	                 strlen(filter));
	assert_memory_equal(text, filter, strlen(filter));
}

static void
unsubscribe(struct rig *r, unsigned i)
{
	r->items[i].in = false;
	router_unsubscribe(&r->router, &r->items[i].m.sub);
	assert_null(r->items[i].m.sub.entry.node);
}

static struct route *
find(struct rig *r, const char *topic)
{
	return router_find(&r->router, topic, strlen(topic));
}

/* Is `i` the first of its group, and is that on the route, with all of it? */
static uint32_t
expect_group(struct rig *r, const struct route *route, unsigned i)
{
	struct item *item = &r->items[i];
	struct group *g = item->m.group;
	unsigned n = 0, n_members = 0;

	for (unsigned k = 0; k < N_SUBS; k++) {
		struct item *other = &r->items[k];

		if (!other->in || strcmp(other->group, item->group) != 0 ||
		    strcmp(other->filter, item->filter) != 0)
			continue;
		if (k < i)
			return 0;
		assert_ptr_equal(other->m.group, g);
		assert_true(group_has(g, other->m.sub.to));
		n_members++;
	}
	assert_int_equal(g->n, n_members);
	for (uint32_t k = 0; k < route_n_groups(route); k++)
		n += route_group(route, k) == g;
	assert_int_equal(n, 1);
	return 1;
}

/* Does the route lead where the reference says, each session once? */
static void
expect_route(struct rig *r, const struct route *route, const char *topic)
{
	bool want[N_SESSIONS] = { 0 }, responder = false;
	uint32_t n = 0, n_groups = 0;

	assert_non_null(route);
	for (unsigned i = 0; i < N_SUBS; i++) {
		struct item *item = &r->items[i];

		if (!item->in || !reference_matches(item->filter, topic))
			continue;
		responder |= !item->m.sub.monitor;
		if (item->group[0])
			n_groups += expect_group(r, route, i);
		else
			want[item->m.sub.to - r->sessions] = true;
	}
	assert_int_equal(route_n_groups(route), n_groups);
	for (uint32_t i = 0; i < route_n_outboxes(route); i++) {
		ptrdiff_t session = route_outbox(route, i) - r->sessions;

		assert_true(want[session]); /* and only once */
		want[session] = false;
		n++;
	}
	for (unsigned i = 0; i < N_SESSIONS; i++)
		assert_false(want[i]);
	assert_int_equal(n + n_groups, route->n);
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

TEST(a_group_is_on_a_route_once_and_its_members_are_not)
{
	const struct route *route;
	struct rig r;

	rig_init(&r, 1);
	join(&r, 0, 0, "g", "a.*");
	join(&r, 1, 1, "g", "a.*");
	subscribe(&r, 2, 1, "a.b", false);
	route = find(&r, "a.b");
	assert_int_equal(route_n_outboxes(route), 1);
	assert_ptr_equal(route_outbox(route, 0), &r.sessions[1]);
	assert_int_equal(route_n_groups(route), 1);
	assert_ptr_equal(route_group(route, 0), r.items[0].m.group);
	assert_int_equal(route_group(route, 0)->n, 2);
	assert_int_equal(r.router.trie.n_entries, 2);
	for (unsigned i = 0; i < 3; i++)
		unsubscribe(&r, i);
	assert_int_equal(find(&r, "a.b")->n, 0);
	assert_int_equal(r.router.groups.n, 0);
	assert_int_equal(r.router.trie.n_nodes, 0);
	router_fini(&r.router);
}

TEST(a_group_is_the_pair_of_its_name_and_its_filter)
{
	static const char *const pairs[][2] = { { "g", "a.b" }, { "h", "a.b" },
		                                { "g", "a.*" }, { "g", "**" },
		                                { "ga", "b" },  { "g", "ab" } };
	struct rig r;

	rig_init(&r, 1);
	for (unsigned i = 0; i < COUNT(pairs); i++) {
		join(&r, i, i, pairs[i][0], pairs[i][1]);
		assert_int_equal(r.items[i].m.group->n, 1);
	}
	assert_int_equal(r.router.groups.n, COUNT(pairs));
	assert_int_equal(route_n_groups(find(&r, "a.b")), 4);
	assert_int_equal(route_n_groups(find(&r, "b")), 2);
	join(&r, 7, 7, "g", "**");
	assert_int_equal(r.items[7].m.group->n, 2);
	for (unsigned i = 0; i < COUNT(pairs); i++)
		unsubscribe(&r, i);
	unsubscribe(&r, 7);
	router_fini(&r.router);
}

TEST(who_is_in_a_group_changes_without_a_route_being_forgotten)
{
	struct rig r;

	rig_init(&r, 1);
	join(&r, 0, 0, "g", "a");
	find(&r, "a");
	join(&r, 1, 1, "g", "a");
	assert_int_equal(route_group(router_recall(&r.router, "a", 1), 0)->n,
	                 2);
	unsubscribe(&r, 0);
	assert_non_null(router_recall(&r.router, "a", 1));
	unsubscribe(&r, 1);
	assert_null(router_recall(&r.router, "a", 1));
	assert_int_equal(find(&r, "a")->n, 0);
	router_fini(&r.router);
}

TEST(a_group_is_a_responder_beside_monitors)
{
	struct rig r;

	rig_init(&r, 1);
	subscribe(&r, 0, 0, "a", true);
	assert_int_equal(find(&r, "a")->mark, 0);
	join(&r, 1, 1, "g", "a");
	assert_int_equal(find(&r, "a")->mark, ROUTE_HAS_RESPONDER);
	unsubscribe(&r, 1);
	assert_int_equal(find(&r, "a")->mark, 0);
	unsubscribe(&r, 0);
	router_fini(&r.router);
}

/* In the middle of handing a message out, all of a group may leave. */
TEST(a_group_that_a_route_led_to_can_be_asked_until_the_next_subscription)
{
	struct route *route;
	size_t least = 0;
	struct rig r;

	rig_init(&r, 1);
	join(&r, 0, 0, "g", "a");
	route = find(&r, "a");
	unsubscribe(&r, 0);
	assert_null(group_choose(route_group(route, 0), NULL, &least));
	assert_non_null(r.router.groups.empty);
	join(&r, 0, 0, "g", "a"); /* it is another one */
	assert_null(r.router.groups.empty);
	assert_int_equal(route_n_groups(find(&r, "a")), 1);
	unsubscribe(&r, 0);
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

		if (r.items[i].in)
			unsubscribe(&r, i);
		if (chance_one_in(&c, 3)) {
			static const char *const names[] = { "g", "h" };

			some_filter(&c, filter);
			join(&r, i, chance_below(&c, N_SESSIONS),
			     names[chance_below(&c, 2)],
			     chance_one_in(&c, 2) ? "a.*" : filter);
		} else if (!chance_one_in(&c, 4)) {
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
		if (r.items[i].in)
			unsubscribe(&r, i);
	}
	assert_int_equal(r.router.groups.n, 0);
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
			a_group_is_on_a_route_once_and_its_members_are_not),
		cmocka_unit_test(
			a_group_is_the_pair_of_its_name_and_its_filter),
		cmocka_unit_test(
			who_is_in_a_group_changes_without_a_route_being_forgotten),
		cmocka_unit_test(a_group_is_a_responder_beside_monitors),
		cmocka_unit_test(
			a_group_that_a_route_led_to_can_be_asked_until_the_next_subscription),
		cmocka_unit_test(
			nobody_is_forgotten_when_the_numbers_of_walks_begin_anew),
		cmocka_unit_test(
			a_million_random_pairs_lead_where_the_reference_says),
		cmocka_unit_test(more_sessions_than_any_one_route_before_fit),
		cmocka_unit_test(the_memory_for_routes_is_bounded),
	};

	return RUN(tests);
}
