/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/filter.h"

#include <string.h>

#include "match.h"
#include "unit.h"

static bool
covers(const char *a, const char *b)
{
	return filter_covers(a, strlen(a), b, strlen(b));
}

static bool
intersects(const char *a, const char *b)
{
	bool r = filter_intersects(a, strlen(a), b, strlen(b));

	assert_int_equal(filter_intersects(b, strlen(b), a, strlen(a)), r);
	return r;
}

TEST(a_topic_covers_itself_alone)
{
	assert_true(covers("a.b", "a.b"));
	assert_false(covers("a.b", "a"));
	assert_false(covers("a", "a.b"));
	assert_false(covers("a.b", "a.c"));
	assert_false(covers("a.b", "a.*"));
	assert_false(covers("a.b", "a.**"));
	assert_false(covers("ab", "a"));
}

TEST(a_wider_filter_covers_a_narrower_one)
{
	assert_true(covers("a.*", "a.b"));
	assert_true(covers("a.*", "a.*"));
	assert_false(covers("a.*", "a.**"));
	assert_false(covers("a.*", "a.b.c"));
	assert_true(covers("a.**", "a.*"));
	assert_true(covers("a.**", "a.**"));
	assert_true(covers("a.**", "a.b.*.c"));
	assert_false(covers("a.**", "a"));
	assert_true(covers("**", "*"));
	assert_true(covers("**", "a.b.**"));
	assert_false(covers("*.**", "**"));
	assert_true(covers("*.*", "a.*"));
	assert_false(covers("a.*", "*.a"));
}

TEST(filters_that_share_a_topic_intersect)
{
	assert_true(intersects("a.*", "*.b"));
	assert_true(intersects("a.**", "*.*.c"));
	assert_true(intersects("**", "a"));
	assert_true(intersects("a.b", "a.b"));
	assert_false(intersects("a.*", "b.*"));
	assert_false(intersects("a.*", "a.*.*"));
	assert_false(intersects("a.**", "a"));
	assert_false(intersects("a.b.**", "*.*"));
}

TEST(a_leading_wildcard_does_not_reach_what_is_the_brokers)
{
	assert_false(covers("**", "$SYS.**"));
	assert_false(covers("*.a", "$SYS.a"));
	assert_true(covers("$SYS.**", "$SYS.*"));
	assert_true(covers("a.*", "a.$b"));
	assert_false(intersects("**", "$SYS.**"));
	assert_false(intersects("*", "$SYS"));
	assert_true(intersects("$SYS.*", "$SYS.a"));
	assert_true(intersects("a.**", "a.$b"));
}

/*
 * Every filter of up to four tokens against every topic of up to five: with a
 * token more than filters have, and one that no filter names, for each kind
 * of token, the topics tell any two filters apart that differ.
 */
#define TOKENS  4u
#define LONGEST 5u

struct list {
	char (*text)[32];
	size_t n;
};

static struct list
all_of(const char *const *words, size_t n_words, unsigned longest,
       const char *last)
{
	struct list all = { .text = calloc(100000, 32) };
	size_t begin = 0, end = 1; /* of those one token shorter */

	assert_non_null(all.text);
	all.n = 1; /* the empty one */
	for (unsigned n = 1; n <= longest; n++) {
		for (size_t i = begin; i < end; i++) {
			const char *base = all.text[i];
			size_t ends_in_last =
				last && strlen(base) >= 2 &&
				strcmp(base + strlen(base) - 2, last) == 0;

			for (size_t w = 0; w <= n_words && !ends_in_last; w++) {
				if (w == n_words && !last)
					continue;
				snprintf(all.text[all.n++], 32, "%s%s%s", base,
				         *base ? "." : "",
				         w < n_words ? words[w] : last);
			}
		}
		begin = end;
		end = all.n;
	}
	return all;
}

TEST(both_say_of_all_small_filters_what_trying_all_topics_says)
{
	static const char *const in_filters[] = { "a", "$b", "*" };
	static const char *const in_topics[] = { "a", "$b", "x", "$x" };
	struct list filters = all_of(in_filters, 3, TOKENS, "**");
	struct list topics = all_of(in_topics, 4, LONGEST, NULL);
	unsigned char *hit = calloc(filters.n, topics.n);
	unsigned n_covered = 0, n_met = 0;

	assert_non_null(hit);
	for (size_t f = 1; f < filters.n; f++) {
		for (size_t t = 1; t < topics.n; t++)
			hit[f * topics.n + t] = reference_matches(
				filters.text[f], topics.text[t]);
	}
	for (size_t a = 1; a < filters.n; a++) {
		for (size_t b = 1; b < filters.n; b++) {
			const unsigned char *in_a = hit + a * topics.n;
			const unsigned char *in_b = hit + b * topics.n;
			bool covered = true, met = false;

			for (size_t t = 1; t < topics.n; t++) {
				covered &= in_a[t] || !in_b[t];
				met |= in_a[t] && in_b[t];
			}
			if (covers(filters.text[a], filters.text[b]) != covered)
				fail_msg("%s covers %s: %d", filters.text[a],
				         filters.text[b], !covered);
			if (intersects(filters.text[a], filters.text[b]) != met)
				fail_msg("%s intersects %s: %d",
				         filters.text[a], filters.text[b],
				         !met);
			n_covered += covered;
			n_met += met;
		}
	}
	print_message("%zu filters, %zu topics; %u covered, %u intersect\n",
	              filters.n - 1, topics.n - 1, n_covered, n_met);
	assert_in_range(n_covered, filters.n, n_met);
	free(hit);
	free(filters.text);
	free(topics.text);
}

TEST(a_filter_that_covers_a_topic_matches_it)
{
	struct chance c = chance_new("filters over topics");

	for (unsigned i = 0; i < rounds(100000); i++) {
		char f[256], t[256];

		some_filter(&c, f);
		some_topic(&c, t);
		assert_int_equal(covers(f, t), reference_matches(f, t));
		assert_int_equal(intersects(f, t), reference_matches(f, t));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_topic_covers_itself_alone),
		cmocka_unit_test(a_wider_filter_covers_a_narrower_one),
		cmocka_unit_test(filters_that_share_a_topic_intersect),
		cmocka_unit_test(
			a_leading_wildcard_does_not_reach_what_is_the_brokers),
		cmocka_unit_test(
			both_say_of_all_small_filters_what_trying_all_topics_says),
		cmocka_unit_test(a_filter_that_covers_a_topic_matches_it),
	};

	return RUN(tests);
}
