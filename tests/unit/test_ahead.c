/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/ahead.h"

#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "unit.h"

#define N 100u

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
	/* some are not of the plain shape */
	put_publish(&s->frames, s->topic[i], i % 13 == 5 ? "r" : NULL, "hello",
	            5);
	s->at[i + 1] = s->frames.len;
}

static void
scene_init(struct scene *s)
{
	*s = (struct scene){ .ahead.on = true };
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

/* What it says of message i when the buffer ends at `end`. */
static uint32_t
ask(struct scene *s, unsigned i, size_t end)
{
	const uint8_t *frame = s->frames.at + s->at[i];
	struct publish p;

	assert_int_equal(
		publish_read(frame + FRAME_PREFIX_SIZE,
	                     s->at[i + 1] - s->at[i] - FRAME_PREFIX_SIZE, &p),
		PUBLISH_OK);
	return ahead_hash(&s->ahead, &s->routes, &s->trie, frame,
	                  s->frames.at + end, &p);
}

static uint32_t
hash_of(const struct scene *s, unsigned i)
{
	return routes_hash(&s->routes, s->topic[i], strlen(s->topic[i]));
}

static void
remember(struct scene *s, unsigned i)
{
	static int target;
	void *to = &target;

	assert_non_null(routes_put(&s->routes, s->topic[i], strlen(s->topic[i]),
	                           &to, i % 2));
}

TEST(it_says_the_hash_of_each_message_in_turn)
{
	struct scene s;

	scene_init(&s);
	for (unsigned i = 0; i < N; i++) {
		if (i % 3 == 0)
			remember(&s, i);
		s.ahead.cold = i > N / 2;
		assert_int_equal(ask(&s, i, s.frames.len), hash_of(&s, i));
	}
	scene_fini(&s);
}

TEST(messages_that_are_left_out_or_come_again_make_no_difference)
{
	struct scene s;

	scene_init(&s);
	for (unsigned k = 0; k < 1000; k++) {
		unsigned i = k * 37 % 101 % N;

		s.ahead.on = k % 5 != 0;
		s.ahead.cold = k % 7 < 4;
		assert_int_equal(ask(&s, i, s.frames.len), hash_of(&s, i));
	}
	scene_fini(&s);
}

TEST(it_does_not_look_beyond_the_end_wherever_that_is)
{
	struct scene s;

	scene_init(&s);
	for (size_t end = s.at[1]; end <= s.at[4]; end++) {
		uint8_t *exact = malloc(end); /* no byte more */
		struct ahead ahead = { .on = true, .cold = true };
		struct publish p;

		assert_non_null(exact);
		memcpy(exact, s.frames.at, end);
		assert_int_equal(publish_read(exact + FRAME_PREFIX_SIZE,
		                              s.at[1] - FRAME_PREFIX_SIZE, &p),
		                 PUBLISH_OK);
		assert_int_equal(ahead_hash(&ahead, &s.routes, &s.trie, exact,
		                            exact + end, &p),
		                 hash_of(&s, 0));
		assert_true(ahead.next <= exact + end);
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

	for (size_t i = 0; i < COUNT(others); i++) {
		struct scene s;

		scene_init(&s);
		s.frames.len = s.at[1];
		put_hex(&s.frames, others[i]);
		assert_int_equal(ask(&s, 0, s.frames.len), hash_of(&s, 0));
		assert_int_equal(s.ahead.n, 0);
		scene_fini(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_the_hash_of_each_message_in_turn),
		cmocka_unit_test(
			messages_that_are_left_out_or_come_again_make_no_difference),
		cmocka_unit_test(
			it_does_not_look_beyond_the_end_wherever_that_is),
		cmocka_unit_test(what_lies_ahead_may_be_anything),
	};

	return RUN(tests);
}
