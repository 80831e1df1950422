/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/why.h"

#include <string.h>

#include "proto/topic.h"
#include "unit.h"

struct reason {
	const char *filter;
	const char *topic;
	enum why why;
	unsigned token;
};

TEST(the_first_token_at_which_they_part_is_told)
{
	static const struct reason cases[] = {
		{ "a.b.c", "a.b.c", WHY_MATCHES, 0 },
		{ "a.*.c", "a.b.c", WHY_MATCHES, 0 },
		{ "a.**", "a.b.c", WHY_MATCHES, 0 },
		{ "**", "a", WHY_MATCHES, 0 },
		{ "x.b.c", "a.b.c", WHY_DIFFERS, 0 },
		{ "a.x.c", "a.b.c", WHY_DIFFERS, 1 },
		{ "a.*.x", "a.b.c", WHY_DIFFERS, 2 },
		{ "a.b.c", "a.b.cc", WHY_DIFFERS, 2 },
		{ "a.bb.c", "a.b.c", WHY_DIFFERS, 1 },
		{ "a.b.c", "a.b", WHY_ENDS, 2 },
		{ "a.b.*", "a.b", WHY_ENDS, 2 },
		{ "a.b.**", "a.b", WHY_ENDS, 2 },
		{ "a", "a.b.c", WHY_GOES_ON, 1 },
		{ "*.*", "a.b.c", WHY_GOES_ON, 2 },
		{ "**", "$a.b", WHY_RESERVED, 0 },
		{ "*.b", "$a.b", WHY_RESERVED, 0 },
		{ "$a.*", "$a.b", WHY_MATCHES, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct reason *c = &cases[i];
		unsigned token = 99;
		enum why why = why_not(c->filter, strlen(c->filter), c->topic,
		                       strlen(c->topic), &token);

		if (why != c->why || (why != WHY_MATCHES && token != c->token))
			fail_msg("%s, %s: %s at %u", c->filter, c->topic,
			         why_word(why), token);
		assert_int_equal(why == WHY_MATCHES,
		                 filter_matches(c->filter, strlen(c->filter),
		                                c->topic, strlen(c->topic)));
	}
}

TEST(every_reason_has_a_word_of_its_own)
{
	assert_string_equal(why_word(WHY_MATCHES), "matches");
	assert_string_equal(why_word(WHY_DIFFERS), "differs");
	assert_string_equal(why_word(WHY_ENDS), "ends");
	assert_string_equal(why_word(WHY_GOES_ON), "goes_on");
	assert_string_equal(why_word(WHY_RESERVED), "reserved");
}

static unsigned
distance(const char *filter, const char *topic, unsigned max)
{
	return why_distance(filter, strlen(filter), topic, strlen(topic), max);
}

TEST(a_distance_counts_what_has_to_be_changed)
{
	static const struct {
		const char *filter;
		const char *topic;
		unsigned distance;
	} cases[] = {
		{ "a", "a", 0 },
		{ "a", "b", 1 },
		{ "orders.eu.created", "orders.eu.craeted", 2 },
		{ "orders.eu.created", "order.eu.created", 1 },
		{ "orders.eu.created", "orders.eu.createdd", 1 },
		{ "orders.*.created", "orders.eu.creatd", 1 },
		{ "orders.*.created", "orders.anything.created", 0 },
		{ "orders.*.created", "orders.a.b.created", 1 },
		{ "orders.**", "orders.a.b.created", 0 },
		{ "order.**", "orders.a.b.created", 1 },
		{ "orders.*", "orders", 2 },
		{ "*", "a", 0 },
		{ "**", "a.b", 0 },
		{ "kitten", "sitting", 3 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned d = distance(cases[i].filter, cases[i].topic, 50);

		if (d != cases[i].distance)
			fail_msg("%s, %s: %u", cases[i].filter, cases[i].topic,
			         d);
	}
}

TEST(more_than_the_most_is_one_more)
{
	assert_int_equal(distance("abcdef", "uvwxyz", 6), 6);
	assert_int_equal(distance("abcdef", "uvwxyz", 5), 6);
	assert_int_equal(distance("abcdef", "uvwxyz", 0), 1);
	assert_int_equal(distance("abcdef.ghijkl", "u", 3), 4);
	assert_int_equal(distance("**", "$a", 3), 4);
}

/* What matches is at distance 0, and nothing else is. */
TEST(the_distance_is_0_exactly_when_the_filter_matches)
{
	static const char *const tokens[] = { "a", "b", "ab", "*" };
	struct chance c = chance_new("why");
	unsigned n_matched = 0;

	for (unsigned k = 0; k < rounds(50000); k++) {
		char filter[64] = "", topic[64] = "";
		unsigned nf = 1 + chance_below(&c, 4);
		unsigned nt = 1 + chance_below(&c, 4);
		bool matches;

		for (unsigned i = 0; i < nf; i++) {
			strcat(filter, i ? "." : "");
			strcat(filter, i + 1 == nf && chance_one_in(&c, 4)
			                       ? "**"
			                       : tokens[chance_below(&c, 4)]);
		}
		for (unsigned i = 0; i < nt; i++) {
			strcat(topic, i ? "." : "");
			strcat(topic, tokens[chance_below(&c, 3)]);
		}
		matches = filter_matches(filter, strlen(filter), topic,
		                         strlen(topic));
		n_matched += matches;
		if ((distance(filter, topic, 20) == 0) != matches)
			fail_msg("%s, %s", filter, topic);
		if (why_estimate(filter, strlen(filter), topic, strlen(topic)) <
		    distance(filter, topic, 60))
			fail_msg("%s, %s: estimated too near", filter, topic);
	}
	assert_true(n_matched > 1000);
}

TEST(an_estimate_is_right_when_one_place_was_mistyped)
{
	static const struct {
		const char *filter;
		const char *topic;
		unsigned estimate;
	} cases[] = {
		{ "orders.eu.created", "orders.eu.created", 0 },
		{ "orders.eu.created", "orders.eu.craeted", 2 },
		{ "orders.eu.created", "order.eu.created", 1 },
		{ "orders.eu.created", "orders.eu.createdd", 1 },
		{ "orders.*.created", "orders.eu.creatd", 1 },
		{ "orders.*.created", "order.eu.created", 1 },
		{ "orders.**", "orders.a.b.created", 0 },
		{ "order.**", "orders.a.b.created", 1 },
		{ "*.b", "a.c", 1 },
		{ "xxxx", "y", 4 },
		{ "x", "yyyy", 4 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned e =
			why_estimate(cases[i].filter, strlen(cases[i].filter),
		                     cases[i].topic, strlen(cases[i].topic));

		if (e != cases[i].estimate)
			fail_msg("%s, %s: %u", cases[i].filter, cases[i].topic,
			         e);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_token_at_which_they_part_is_told),
		cmocka_unit_test(every_reason_has_a_word_of_its_own),
		cmocka_unit_test(a_distance_counts_what_has_to_be_changed),
		cmocka_unit_test(more_than_the_most_is_one_more),
		cmocka_unit_test(
			the_distance_is_0_exactly_when_the_filter_matches),
		cmocka_unit_test(
			an_estimate_is_right_when_one_place_was_mistyped),
	};

	return RUN(tests);
}
