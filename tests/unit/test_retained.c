/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/retained.h"

#include <string.h>

#include "match.h"

#define MIB ((size_t)1 << 20)

struct store {
	struct slab_pool pool;
	struct retained retained;
};

static void
store_init(struct store *s, size_t max_n, size_t max_bytes)
{
	assert_int_equal(slab_pool_init(&s->pool, 64 * MIB, 65536), 0);
	retained_init(&s->retained, &s->pool, max_n, max_bytes, 42);
}

static void
store_fini(struct store *s)
{
	retained_fini(&s->retained);
	assert_int_equal(s->pool.used, 0);
	slab_pool_fini(&s->pool);
}

static enum retained_result
keep(struct store *s, const char *topic, const char *body)
{
	return retained_put(&s->retained, topic, strlen(topic),
	                    (const uint8_t *)body, (uint32_t)strlen(body), 7);
}

static void
clear(struct store *s, const char *topic)
{
	retained_clear(&s->retained, topic, strlen(topic));
}

static void
expect_is(const struct retained_value *v, const char *topic, const char *body)
{
	assert_non_null(v);
	assert_int_equal(v->topic_len, strlen(topic));
	assert_memory_equal(v->topic, topic, strlen(topic));
	assert_int_equal(v->slab->cap, strlen(body));
	assert_memory_equal(v->slab->data, body, strlen(body));
}

static void
expect_kept(struct store *s, const char *topic, const char *body)
{
	const struct retained_value *v =
		retained_find(&s->retained, topic, strlen(topic));

	if (body)
		expect_is(v, topic, body);
	else
		assert_null(v);
}

/* The topics that the filter finds, in this order: "a b c". */
static void
expect_walk(struct retained_walk w, const char *topics)
{
	const struct retained_value *v;
	char found[1024] = "";

	while ((v = retained_next(&w)) != NULL) {
		strcat(found, *found ? " " : "");
		strncat(found, v->topic, v->topic_len);
	}
	assert_null(retained_next(&w));
	assert_string_equal(found, topics);
}

static void
expect_found(struct store *s, const char *filter, const char *topics)
{
	expect_walk(retained_walk(&s->retained, filter, strlen(filter)),
	            topics);
}

static void
expect_found_from(struct store *s, const char *filter, const char *from,
                  const char *topics)
{
	expect_walk(retained_walk_from(&s->retained, filter, strlen(filter),
	                               from, strlen(from)),
	            topics);
}

TEST(the_last_value_of_a_topic_is_kept_until_it_is_cleared)
{
	struct store s;

	store_init(&s, 10, MIB);
	expect_kept(&s, "a", NULL);
	assert_int_equal(keep(&s, "a", "one"), RETAINED_KEPT);
	assert_int_equal(keep(&s, "a.b", "other"), RETAINED_KEPT);
	assert_int_equal(keep(&s, "a", "second"), RETAINED_KEPT);
	assert_int_equal(s.retained.n, 2);
	expect_kept(&s, "a", "second");
	expect_kept(&s, "a.b", "other");
	expect_kept(&s, "b", NULL);
	clear(&s, "a");
	clear(&s, "a");
	clear(&s, "never");
	expect_kept(&s, "a", NULL);
	expect_kept(&s, "a.b", "other");
	clear(&s, "a.b");
	assert_int_equal(s.retained.n, 0);
	assert_int_equal(s.retained.bytes, 0);
	assert_int_equal(s.pool.used, 0);
	assert_int_equal(keep(&s, "a", "again"), RETAINED_KEPT);
	expect_found(&s, "*", "a");
	store_fini(&s);
}

TEST(it_knows_since_when)
{
	struct store s;

	store_init(&s, 10, MIB);
	for (uint64_t now = 100; now < 300; now += 100) {
		retained_put(&s.retained, "a", 1, (const uint8_t *)"x", 1, now);
		assert_int_equal(retained_find(&s.retained, "a", 1)->since_ms,
		                 now);
	}
	store_fini(&s);
}

TEST(a_filter_finds_what_it_matches_in_the_order_of_bytes)
{
	struct store s;

	store_init(&s, 20, MIB);
	expect_found(&s, "**", "");
	expect_found(&s, "a", "");
	keep(&s, "b", "1");
	keep(&s, "a.b", "1");
	keep(&s, "a", "1");
	keep(&s, "ab", "1");
	keep(&s, "a-b", "1");
	keep(&s, "a.\xc3\xa9.c", "1");
	keep(&s, "$a.b", "1");
	expect_found(&s, "**", "a a-b a.b a.\xc3\xa9.c ab b");
	expect_found(&s, "*", "a a-b ab b");
	expect_found(&s, "a.**", "a.b a.\xc3\xa9.c");
	expect_found(&s, "*.b", "a.b");
	expect_found(&s, "$a.*", "$a.b");
	expect_found(&s, "a.*.c", "a.\xc3\xa9.c");
	expect_found(&s, "ab", "ab");
	expect_found(&s, "c", "");
	expect_found(&s, "c.**", "");
	clear(&s, "a");
	keep(&s, "0", "1");
	keep(&s, "aa", "1");
	keep(&s, "c", "1");
	keep(&s, "b", "2");
	expect_found(&s, "*", "0 a-b aa ab b c");
	store_fini(&s);
}

TEST(a_walk_may_begin_at_any_topic)
{
	struct store s;

	store_init(&s, 20, MIB);
	expect_found_from(&s, "**", "a", "");
	keep(&s, "b.x", "1");
	keep(&s, "b.y", "1");
	keep(&s, "a", "1");
	keep(&s, "c", "1");
	expect_found_from(&s, "**", "", "a b.x b.y c");
	expect_found_from(&s, "**", "a", "a b.x b.y c");
	expect_found_from(&s, "**", "a.x", "b.x b.y c");
	expect_found_from(&s, "**", "c", "c");
	expect_found_from(&s, "**", "d", "");
	expect_found_from(&s, "b.*", "a", "b.x b.y");
	expect_found_from(&s, "b.*", "b.y", "b.y");
	expect_found_from(&s, "b.*", "c", "");
	expect_found_from(&s, "b.x", "b.x", "b.x");
	expect_found_from(&s, "b.x", "b.y", "");
	store_fini(&s);
}

TEST(what_is_one_too_many_is_refused_and_changes_nothing)
{
	struct store s;

	store_init(&s, 2, MIB);
	assert_int_equal(keep(&s, "a", "1"), RETAINED_KEPT);
	assert_int_equal(keep(&s, "b", "1"), RETAINED_KEPT);
	assert_int_equal(keep(&s, "c", "1"), RETAINED_TOO_MANY);
	expect_found(&s, "**", "a b");
	assert_int_equal(keep(&s, "a", "2"), RETAINED_KEPT);
	clear(&s, "b");
	assert_int_equal(keep(&s, "c", "1"), RETAINED_KEPT);
	expect_found(&s, "**", "a c");
	store_fini(&s);
}

TEST(bytes_are_bounded_with_what_a_replaced_value_gives_back)
{
	static char big[6001], small[11];
	struct store s;
	size_t bytes;

	memset(big, 'x', sizeof(big) - 1);
	memset(small, 'x', sizeof(small) - 1);
	store_init(&s, 100, 10000);
	assert_int_equal(keep(&s, "a", big), RETAINED_KEPT);
	bytes = s.retained.bytes;
	assert_true(bytes > 6000 && bytes < 6500);
	assert_int_equal(keep(&s, "b", big), RETAINED_TOO_BIG);
	assert_int_equal(s.retained.bytes, bytes);
	expect_kept(&s, "b", NULL);
	assert_int_equal(keep(&s, "a", big), RETAINED_KEPT);
	assert_int_equal(s.retained.bytes, bytes);
	assert_int_equal(keep(&s, "a", small), RETAINED_KEPT);
	assert_int_equal(s.retained.bytes, bytes - 5990);
	assert_int_equal(keep(&s, "b", big), RETAINED_KEPT);
	/* a value that cannot grow stays what it is */
	assert_int_equal(keep(&s, "a", big), RETAINED_TOO_BIG);
	expect_kept(&s, "a", small);
	/* values of nothing do not come for nothing */
	for (int i = 0; i < 100; i++) {
		char topic[8];

		snprintf(topic, sizeof(topic), "c.%d", i);
		keep(&s, topic, "");
	}
	assert_true(s.retained.n > 2 && s.retained.n < 30);
	assert_true(s.retained.bytes <= 10000);
	store_fini(&s);
}

TEST(a_value_lives_as_long_as_somebody_sends_it)
{
	struct store s;
	struct slab *slab;

	store_init(&s, 10, MIB);
	keep(&s, "a", "one");
	slab = slab_ref(retained_find(&s.retained, "a", 1)->slab);
	keep(&s, "a", "second");
	assert_memory_equal(slab->data, "one", 3);
	assert_int_equal(s.pool.used, 3 + 6);
	slab_unref(slab);
	assert_int_equal(s.pool.used, 6);
	slab = slab_ref(retained_find(&s.retained, "a", 1)->slab);
	clear(&s, "a");
	assert_memory_equal(slab->data, "second", 6);
	slab_unref(slab);
	store_fini(&s);
}

TEST(ten_thousand_values_of_20_bytes_take_less_than_4_MiB)
{
	struct store s;
	uint8_t body[128] = { 0 };

	store_init(&s, 10000, 4 * MIB);
	for (int i = 0; i < 10000; i++) {
		char topic[32];
		int len = snprintf(topic, sizeof(topic),
		                   "sensors.room.%04d.temperature", i);

		/* the payload with what else a body has */
		assert_int_equal(
			retained_put(&s.retained, topic, (size_t)len, body,
		                     13 + 1 + (uint32_t)len + 2 + 2 + 20, 0),
			RETAINED_KEPT);
	}
	assert_int_equal(s.retained.n, 10000);
	assert_true(s.retained.bytes < 4 * MIB);
	store_fini(&s);
}

/* ---- by comparison --------------------------------------------------------- */

enum { N_TOPICS = 300 };

struct model {
	char topics[N_TOPICS][256];
	char values[N_TOPICS][16]; /* "": none */
};

static int
compare_topics(const void *a, const void *b)
{
	return strcmp(a, b); /* of unsigned bytes */
}

/* Different topics, in order. */
static void
model_init(struct model *m, struct chance *c)
{
	*m = (struct model){ 0 };
	for (size_t n = 0; n < N_TOPICS;) {
		size_t i = 0;

		some_topic(c, m->topics[n]);
		while (strcmp(m->topics[i], m->topics[n]) != 0)
			i++;
		n += i == n;
	}
	qsort(m->topics, N_TOPICS, sizeof(m->topics[0]), compare_topics);
}

static void
expect_as_in_model(struct store *s, const struct model *m, const char *filter)
{
	struct retained_walk w =
		retained_walk(&s->retained, filter, strlen(filter));

	for (size_t i = 0; i < N_TOPICS; i++) {
		if (m->values[i][0] && reference_matches(filter, m->topics[i]))
			expect_is(retained_next(&w), m->topics[i],
			          m->values[i]);
	}
	assert_null(retained_next(&w));
}

TEST(it_is_as_good_as_a_list_that_is_searched_from_end_to_end)
{
	static struct model m;
	struct chance c = chance_new("retained");
	struct store s;

	store_init(&s, N_TOPICS, MIB);
	model_init(&m, &c);
	for (unsigned k = 0; k < rounds(20000); k++) {
		/* it fills up, empties, and so on */
		bool filling = k / 1000 % 2 == 0;
		uint32_t i = chance_below(&c, N_TOPICS);
		char filter[256];

		if (chance_one_in(&c, 4) == filling) {
			clear(&s, m.topics[i]);
			m.values[i][0] = '\0';
		} else {
			snprintf(m.values[i], sizeof(m.values[i]), "%u", k);
			assert_int_equal(keep(&s, m.topics[i], m.values[i]),
			                 RETAINED_KEPT);
		}
		/* several changes between two looks, or one */
		if (chance_one_in(&c, 1 + k / 100 % 20)) {
			some_filter(&c, filter);
			expect_as_in_model(&s, &m, filter);
			expect_as_in_model(&s, &m, "**");
			expect_as_in_model(&s, &m, m.topics[i]);
		}
	}
	store_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_last_value_of_a_topic_is_kept_until_it_is_cleared),
		cmocka_unit_test(it_knows_since_when),
		cmocka_unit_test(
			a_filter_finds_what_it_matches_in_the_order_of_bytes),
		cmocka_unit_test(a_walk_may_begin_at_any_topic),
		cmocka_unit_test(
			what_is_one_too_many_is_refused_and_changes_nothing),
		cmocka_unit_test(
			bytes_are_bounded_with_what_a_replaced_value_gives_back),
		cmocka_unit_test(a_value_lives_as_long_as_somebody_sends_it),
		cmocka_unit_test(
			ten_thousand_values_of_20_bytes_take_less_than_4_MiB),
		cmocka_unit_test(
			it_is_as_good_as_a_list_that_is_searched_from_end_to_end),
	};

	return RUN(tests);
}
