/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/routes.h"

#include <string.h>

#include "unit.h"

#define SEED UINT64_C(0xfedcba0987654321)

/* Pointers that are told apart and never followed. */
static char places[64];

static struct route *
put_route(struct routes *r, const char *topic, uint32_t n, size_t first)
{
	void *to[16];

	assert_true(n <= COUNT(to) && first + n <= sizeof(places));
	for (uint32_t i = 0; i < n; i++)
		to[i] = &places[first + i];
	return routes_put(r, topic, strlen(topic), to, n);
}

static struct route *
find(struct routes *r, const char *topic)
{
	return routes_find(r, routes_hash(r, topic, strlen(topic)), topic,
	                   strlen(topic));
}

static void
expect_route(const struct route *route, const char *topic, uint32_t n,
             size_t first)
{
	assert_non_null(route);
	assert_int_equal(route->topic_len, strlen(topic));
	assert_string_equal(route_topic(route), topic);
	assert_int_equal(route->n, n);
	for (uint32_t i = 0; i < n; i++)
		assert_ptr_equal(route->to[i], &places[first + i]);
}

TEST(what_was_put_is_found_and_nothing_else)
{
	struct routes r;

	assert_int_equal(routes_init(&r, 1 << 20, SEED), 0);
	assert_null(find(&r, "a.b"));
	expect_route(put_route(&r, "a.b", 3, 10), "a.b", 3, 10);
	assert_int_equal(put_route(&r, "a", 0, 0)->mark, 0);
	expect_route(find(&r, "a.b"), "a.b", 3, 10);
	expect_route(find(&r, "a"), "a", 0, 0);
	assert_null(find(&r, "a.c"));
	assert_null(find(&r, "a.b.c"));
	assert_null(find(&r, "a."));
	assert_int_equal(r.n_routes, 2);
	routes_fini(&r);
}

TEST(a_mark_is_kept_with_its_route)
{
	struct routes r;

	assert_int_equal(routes_init(&r, 1 << 20, SEED), 0);
	put_route(&r, "a", 1, 0)->mark = 7;
	put_route(&r, "b", 1, 0);
	assert_int_equal(find(&r, "a")->mark, 7);
	assert_int_equal(find(&r, "b")->mark, 0);
	routes_fini(&r);
}

TEST(an_older_generation_counts_as_absent_and_is_replaced)
{
	struct routes r;
	size_t bytes;

	assert_int_equal(routes_init(&r, 1 << 20, SEED), 0);
	for (unsigned i = 0; i < 8; i++) {
		char topic[16];

		snprintf(topic, sizeof(topic), "t.%u", i);
		put_route(&r, topic, 2, i);
	}
	bytes = r.bytes;
	routes_invalidate(&r);
	for (unsigned i = 0; i < 8; i++) {
		char topic[16];

		snprintf(topic, sizeof(topic), "t.%u", i);
		assert_null(find(&r, topic));
		put_route(&r, topic, 2, i + 20);
		expect_route(find(&r, topic), topic, 2, i + 20);
	}
	/* the old ones made room */
	assert_true(r.bytes <= 2 * bytes);
	assert_true(r.n_routes <= 16);
	routes_fini(&r);
}

TEST(thousands_are_remembered_as_long_as_the_budget_allows)
{
	enum { N = 20000 };
	struct routes r;
	unsigned found = 0;

	assert_int_equal(routes_init(&r, 16 << 20, SEED), 0);
	for (unsigned i = 0; i < N; i++) {
		char topic[32];

		snprintf(topic, sizeof(topic), "orders.%u.created", i);
		assert_non_null(put_route(&r, topic, 3, i % 50));
	}
	for (unsigned i = 0; i < N; i++) {
		char topic[32];
		struct route *route;

		snprintf(topic, sizeof(topic), "orders.%u.created", i);
		route = find(&r, topic);
		if (route)
			expect_route(route, topic, 3, i % 50);
		found += route != NULL;
	}
	/* sets of four lose a few to chance while half full */
	print_message("%u of %u found\n", found, N);
	assert_true(found > N * 9 / 10);
	assert_int_equal(r.n_routes, found);
	routes_fini(&r);
}

/* What the counters should say, counted anew by asking for all topics. */
TEST(the_bounds_hold_whatever_is_put)
{
	static const size_t budgets[] = { 16384, 65536, 1 << 20 };
	struct chance c = chance_new("routes");

	for (size_t b = 0; b < COUNT(budgets); b++) {
		struct routes r;
		size_t most = 0;

		assert_int_equal(routes_init(&r, budgets[b], SEED), 0);
		for (unsigned i = 0; i < rounds(200000); i++) {
			uint32_t n = chance_below(&c, 17);
			char topic[256];
			struct route *route;
			int len;

			len = snprintf(topic, sizeof(topic), "t.%u%0*u",
			               chance_below(&c, 20000),
			               (int)chance_below(&c, 200), 1);
			assert_true(len < 256);
			route = find(&r, topic);
			if (!route)
				route = put_route(&r, topic, n,
				                  (size_t)len % 40);
			expect_route(route, topic, route->n, (size_t)len % 40);
			most = r.bytes > most ? r.bytes : most;
			assert_true(r.bytes <= budgets[b]);
			if (chance_one_in(&c, 5000))
				routes_invalidate(&r);
		}
		print_message("budget %zu, most used %zu, in %zu sets\n",
		              budgets[b], most, r.n_sets);
		assert_true(most > budgets[b] / 2);
		assert_true(r.n_sets <= r.max_sets);
		routes_fini(&r);
	}
}

TEST(a_route_that_comes_again_stays_even_if_it_fills_the_budget)
{
	struct routes r;
	void *to[2000] = { 0 };
	struct route *route;

	assert_int_equal(routes_init(&r, 16384, SEED), 0);
	for (unsigned i = 0; i < 100; i++) {
		char topic[16];

		snprintf(topic, sizeof(topic), "t.%u", i);
		put_route(&r, topic, 4, 0);
	}
	routes_put(&r, "big", 3, to, COUNT(to));
	route = routes_put(&r, "big", 3, to, COUNT(to));
	assert_non_null(route);
	assert_int_equal(route->n, COUNT(to));
	assert_ptr_equal(find(&r, "big"), route);
	assert_int_equal(r.n_routes, 1);
	/* and it goes with the next one that needs the room */
	put_route(&r, "small", 1, 3);
	expect_route(put_route(&r, "small", 1, 3), "small", 1, 3);
	assert_non_null(find(&r, "small"));
	assert_true(r.bytes <= 16384);
	routes_fini(&r);
}

TEST(four_of_one_set_take_turns)
{
	struct routes r;
	unsigned kept = 0;

	/* too small a budget for more than the first sets */
	assert_int_equal(routes_init(&r, 8192, SEED), 0);
	for (unsigned i = 0; i < 1000; i++) {
		char topic[16];

		snprintf(topic, sizeof(topic), "t.%u", i);
		put_route(&r, topic, 1, 1);
		expect_route(put_route(&r, topic, 1, 1), topic, 1, 1);
		assert_true(r.n_routes <= 4 * r.n_sets);
	}
	for (unsigned i = 900; i < 1000; i++) {
		char topic[16];

		snprintf(topic, sizeof(topic), "t.%u", i);
		kept += find(&r, topic) != NULL;
	}
	/* it is the old ones that went: the last are mostly there */
	assert_in_range(kept, 30, 100);
	routes_fini(&r);
}

/* Those of the first n topics that are remembered. */
static unsigned
count_found(struct routes *r, const char *format, unsigned n)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++) {
		char topic[16];

		snprintf(topic, sizeof(topic), format, i);
		found += find(r, topic) != NULL;
	}
	return found;
}

/* Each of n topics is looked for, and put if it is not there. */
static void
use(struct routes *r, const char *format, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char topic[16];

		snprintf(topic, sizeof(topic), format, i);
		if (!find(r, topic))
			expect_route(put_route(r, topic, 1, i % 40), topic, 1,
			             i % 40);
	}
}

TEST(what_comes_once_makes_few_go)
{
	struct routes r;
	unsigned before, after;

	assert_int_equal(routes_init(&r, 8192, SEED), 0);
	use(&r, "old.%u", 1000);
	before = count_found(&r, "old.%u", 1000);
	assert_int_equal(before, r.n_routes);
	use(&r, "once.%u", before);
	after = count_found(&r, "old.%u", 1000);
	print_message("%u of %u stayed\n", after, before);
	assert_true(after > before / 4 * 3);
	routes_fini(&r);
}

TEST(what_takes_turns_gets_in)
{
	struct routes r;
	unsigned found;

	assert_int_equal(routes_init(&r, 8192, SEED), 0);
	use(&r, "old.%u", 1000);
	for (unsigned i = 0; i < 100; i++)
		use(&r, "new.%u", 40);
	found = count_found(&r, "new.%u", 40);
	print_message("%u of 40\n", found);
	assert_true(found > 30);
	routes_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_found_and_nothing_else),
		cmocka_unit_test(a_mark_is_kept_with_its_route),
		cmocka_unit_test(
			an_older_generation_counts_as_absent_and_is_replaced),
		cmocka_unit_test(
			thousands_are_remembered_as_long_as_the_budget_allows),
		cmocka_unit_test(the_bounds_hold_whatever_is_put),
		cmocka_unit_test(
			a_route_that_comes_again_stays_even_if_it_fills_the_budget),
		cmocka_unit_test(four_of_one_set_take_turns),
		cmocka_unit_test(what_comes_once_makes_few_go),
		cmocka_unit_test(what_takes_turns_gets_in),
	};

	return RUN(tests);
}
