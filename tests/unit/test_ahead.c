/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/ahead.h"

#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "unit.h"

#define N        100u
#define MAX_BODY 1000u

struct scene {
	struct routes routes;
	struct trie trie;
	struct trie_entry filters[2];
	struct ahead ahead;
	struct bytes frames;
	size_t at[N + 1]; /* where each begins, and where the last one ends */
	char topic[N][16];
};

static void
add(struct scene *s, unsigned i)
{
	snprintf(s->topic[i], sizeof(s->topic[i]), "t.%u", i * 7 % 40);
	s->at[i] = s->frames.len;
	put_publish(&s->frames, s->topic[i], NULL, s->topic, i);
	s->at[i + 1] = s->frames.len;
}

static void
scene_init(struct scene *s)
{
	*s = (struct scene){ 0 };
	assert_int_equal(routes_init(&s->routes, 1u << 20, 17), 0);
	assert_int_equal(trie_init(&s->trie, 17), 0);
	assert_int_equal(trie_insert(&s->trie, "t.7", 3, &s->filters[0]), 0);
	assert_int_equal(trie_insert(&s->trie, "t.*", 3, &s->filters[1]), 0);
	for (unsigned i = 0; i < N; i++)
		add(s, i);
}

static void
scene_fini(struct scene *s)
{
	routes_fini(&s->routes);
	trie_fini(&s->trie);
	bytes_free(&s->frames);
}

static void
look(struct scene *s, unsigned from)
{
	const uint8_t *end = s->frames.at + s->frames.len;

	ahead_look(&s->ahead, &s->routes, s->frames.at + s->at[from], end,
	           MAX_BODY);
	ahead_fetch(&s->ahead, &s->trie); /* does no harm, known or not */
}

static struct route *
remember(struct scene *s, unsigned i)
{
	void *to = &s->filters[0];
	struct route *route = routes_put(&s->routes, s->topic[i],
	                                 strlen(s->topic[i]), &to, i % 2);

	assert_non_null(route);
	return route;
}

static void
expect_message(const struct scene *s, unsigned i, const struct ahead_message *m)
{
	assert_ptr_equal(m->frame, s->frames.at + s->at[i]);
	assert_int_equal(m->size, s->at[i + 1] - s->at[i]);
	assert_int_equal(m->p.topic_len, strlen(s->topic[i]));
	assert_memory_equal(m->p.topic, s->topic[i], m->p.topic_len);
	assert_int_equal(m->p.payload_len, i);
}

TEST(it_tells_of_each_message_what_it_is_and_where_it_leads)
{
	struct route *routes[N] = { NULL };
	struct scene s;

	scene_init(&s);
	for (unsigned i = 0; i < 40; i += 3)
		routes[i] = remember(&s, i);
	for (unsigned i = 0; i < N;) {
		unsigned n_unknown = 0;

		look(&s, i);
		assert_int_equal(s.ahead.n, N - i < AHEAD ? N - i : AHEAD);
		for (uint32_t k = 0; k < s.ahead.n; k++, i++) {
			expect_message(&s, i, &s.ahead.at[k]);
			assert_ptr_equal(ahead_route(&s.ahead, k, &s.routes),
			                 routes[i % 40]);
			n_unknown += !routes[i % 40];
		}
		assert_int_equal(s.ahead.n_unknown, n_unknown);
	}
	scene_fini(&s);
}

TEST(it_ends_before_a_message_that_repeats_the_one_before)
{
	struct scene s;

	scene_init(&s);
	s.frames.len = s.at[3];
	put_publish(&s.frames, s.topic[2], NULL, "again", 5);
	put_publish(&s.frames, s.topic[3], NULL, "other", 5);
	look(&s, 0);
	assert_int_equal(s.ahead.n, 3);
	look(&s, 2);
	assert_int_equal(s.ahead.n, 1);
	scene_fini(&s);
}

TEST(routes_that_came_are_told_at_the_next_look_and_those_that_went_at_once)
{
	struct route *first;
	struct scene s;

	scene_init(&s);
	first = remember(&s, 0);
	look(&s, 0);
	remember(&s, 1);
	assert_ptr_equal(ahead_route(&s.ahead, 0, &s.routes), first);
	assert_null(ahead_route(&s.ahead, 1, &s.routes));
	routes_invalidate(&s.routes);
	for (uint32_t k = 0; k < s.ahead.n; k++)
		assert_null(ahead_route(&s.ahead, k, &s.routes));
	scene_fini(&s);
}

TEST(it_does_not_look_beyond_the_end_wherever_that_is)
{
	struct scene s;

	scene_init(&s);
	for (size_t end = 0; end <= s.at[4]; end++) {
		uint8_t *exact = malloc(end > 0 ? end : 1); /* no byte more */
		uint32_t n = 0;

		while (s.at[n + 1] <= end)
			n++;
		assert_non_null(exact);
		memcpy(exact, s.frames.at, end);
		ahead_look(&s.ahead, &s.routes, exact, exact + end, MAX_BODY);
		ahead_fetch(&s.ahead, &s.trie);
		assert_int_equal(s.ahead.n, n);
		free(exact);
	}
	scene_fini(&s);
}

TEST(what_lies_ahead_may_be_anything)
{
	static const char *const others[] = { "ce ff ff ff ff 97", "cd",
		                              "ce 00 00 00 00",
		                              "ce 00 00 00 02 97 03",
		                              "ce 00 00 00 03 92 0a 01" };
	static const uint8_t payload[MAX_BODY];
	struct scene s;

	scene_init(&s);
	for (size_t i = 0; i < COUNT(others); i++) {
		s.frames.len = s.at[2];
		put_hex(&s.frames, others[i]);
		look(&s, 0);
		assert_int_equal(s.ahead.n, 2);
	}
	s.frames.len = s.at[2];
	put_publish(&s.frames, "with.a.reply", "r", "hello", 5);
	look(&s, 0);
	assert_int_equal(s.ahead.n, 2);
	s.frames.len = s.at[2];
	put_publish(&s.frames, "too.long", NULL, payload, sizeof(payload));
	put_publish(&s.frames, "behind", NULL, "hello", 5);
	look(&s, 0);
	assert_int_equal(s.ahead.n, 2);
	scene_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			it_tells_of_each_message_what_it_is_and_where_it_leads),
		cmocka_unit_test(
			it_ends_before_a_message_that_repeats_the_one_before),
		cmocka_unit_test(
			routes_that_came_are_told_at_the_next_look_and_those_that_went_at_once),
		cmocka_unit_test(
			it_does_not_look_beyond_the_end_wherever_that_is),
		cmocka_unit_test(what_lies_ahead_may_be_anything),
	};

	return RUN(tests);
}
