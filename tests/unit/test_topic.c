/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/topic.h"

#include <string.h>

#include "match.h"
#include "unit.h"

static bool
topic(const char *s)
{
	return topic_is_valid(s, strlen(s));
}

static bool
filter(const char *s)
{
	return filter_is_valid(s, strlen(s));
}

static bool
matches(const char *f, const char *t)
{
	return filter_matches(f, strlen(f), t, strlen(t));
}

TEST(tokens_joined_by_dots_are_a_topic)
{
	static const char *const good[] = {
		"a",
		"a.b",
		"orders.eu.created",
		"$sys.load",
		"a.$b",
		"a/b:c",
		"\xc3\xa9.\xe2\x82\xac",
		"-",
		"\xf4\x8f\xbf\xbf",
		"a.\xc2\xa1.\xe2\x80\x8b",
		"~!@#$%^&()_+{}",
	};

	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(topic(good[i]));
		assert_true(filter(good[i]));
	}
}

TEST(what_is_wrong_with_a_filter_is_said_with_its_token)
{
	static const struct {
		const char *filter;
		const char *words;
		unsigned token;
	} faults[] = {
		{ "", "1 to 255", 0 },        { "a..b", "empty", 1 },
		{ "a.", "empty", 1 },         { "a.**.b", "last", 1 },
		{ "**.b", "last", 0 },        { "a.b.x*", "of its own", 2 },
		{ "a.***", "of its own", 1 }, { "*.b c", "white space", 1 },
		{ "a.b.\xff", "UTF-8", 2 },
	};
	unsigned token = 7;

	for (size_t i = 0; i < COUNT(faults); i++) {
		const char *f = faults[i].filter;
		const char *words = filter_fault(f, strlen(f), &token);

		assert_non_null(words);
		assert_non_null(strstr(words, faults[i].words));
		assert_int_equal(token, faults[i].token);
	}
	assert_null(filter_fault("a.*.**", 6, &token));
}

TEST(empty_tokens_are_no_tokens)
{
	static const char *const bad[] = { "",   ".",   "a.",   ".a",
		                           "..", "a..", "a..b", "a.b." };

	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(topic(bad[i]));
		assert_false(filter(bad[i]));
	}
}

TEST(a_topic_has_at_most_255_bytes)
{
	char s[300];

	memset(s, 'a', sizeof(s));
	assert_true(topic_is_valid(s, 255));
	assert_true(filter_is_valid(s, 255));
	assert_false(topic_is_valid(s, 256));
	assert_false(filter_is_valid(s, 256));
}

TEST(control_characters_white_space_and_broken_utf8_are_refused_anywhere)
{
	static const char *const bad[] = {
		"\x01",
		"\x1f",
		"\n",
		"\x7f",
		"\xc2\x80",
		"\xc2\x9f",
		" ",
		"\xc2\xa0",
		"\xe1\x9a\x80",
		"\xe2\x80\x80",
		"\xe2\x80\x8a",
		"\xe2\x80\xa8",
		"\xe2\x80\xa9",
		"\xe2\x80\xaf",
		"\xe2\x81\x9f",
		"\xe3\x80\x80",
		"\x80",
		"\xc3",
		"\xc0\xaf",
		"\xed\xa0\x80",
		"\xff",
		"\xf4\x90\x80\x80",
	};
	static const char *const forms[] = {
		"%s", "a%s", "%sa", "x.%s", "%s.x", "x.a%sa.x", "*.%s", "%s.**"
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		for (size_t k = 0; k < COUNT(forms); k++) {
			char s[64] = "";
			const char *gap = strstr(forms[k], "%s");

			strncat(s, forms[k], (size_t)(gap - forms[k]));
			strcat(s, bad[i]);
			strcat(s, gap + 2);
			assert_false(topic(s));
			assert_false(filter(s));
		}
	}
	assert_false(topic_is_valid("a\0b", 3));
	assert_false(filter_is_valid("a\0b", 3));
}

/* Of ASCII, and without wildcards. */
static bool
reference_is_valid(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] <= ' ' || s[i] >= 0x7f || s[i] == '*')
			return false;
		if (s[i] == '.' && (i == 0 || i + 1 == len || s[i - 1] == '.'))
			return false;
	}
	return true;
}

TEST(each_byte_of_ascii_counts_wherever_it_stands)
{
	char topic[26];

	for (size_t len = 1; len <= sizeof(topic); len++) {
		for (size_t at = 0; at < 128 * len; at++) {
			memset(topic, 'a', len);
			topic[len / 2] = '.';
			topic[at % len] = (char)(at / len);
			assert_int_equal(topic_is_valid(topic, len),
			                 reference_is_valid(topic, len));
		}
	}
}

TEST(two_dots_have_something_between_them_wherever_they_stand)
{
	char topic[26];

	for (size_t len = 2; len <= sizeof(topic); len++) {
		for (size_t at = 0; at < len * len; at++) {
			memset(topic, 'a', len);
			topic[at / len] = topic[at % len] = '.';
			assert_int_equal(topic_is_valid(topic, len),
			                 reference_is_valid(topic, len));
		}
	}
}

TEST(a_star_has_no_place_in_a_topic_and_two_in_a_filter)
{
	static const char *const filters[] = { "*",   "**",    "a.*",
		                               "*.a", "a.*.b", "a.**",
		                               "*.*", "*.**",  "*.*.**" };
	static const char *const neither[] = { "**.a",   "a*",    "*a",
		                               "a.b*",   "***",   "a.***",
		                               "a.**.b", "**.**", "**.*",
		                               "a.*b.c" };

	for (size_t i = 0; i < COUNT(filters); i++) {
		assert_false(topic(filters[i]));
		assert_true(filter(filters[i]));
	}
	for (size_t i = 0; i < COUNT(neither); i++) {
		assert_false(topic(neither[i]));
		assert_false(filter(neither[i]));
	}
}

TEST(a_topic_may_have_128_tokens)
{
	char s[256];

	for (size_t i = 0; i < 255; i++)
		s[i] = i % 2 ? '.' : 'a';
	assert_true(topic_is_valid(s, 255));
	assert_true(filter_matches("**", 2, s, 255));
	assert_true(filter_matches(s, 255, s, 255));
	assert_false(filter_matches(s, 253, s, 255));
	s[254] = '*';
	assert_true(filter_is_valid(s, 255));
}

TEST(a_literal_matches_itself_alone)
{
	assert_true(matches("a.b", "a.b"));
	assert_false(matches("a.b", "a"));
	assert_false(matches("a", "a.b"));
	assert_false(matches("a.b", "a.c"));
	assert_false(matches("a.b", "a.bb"));
	assert_false(matches("a.bb", "a.b"));
	assert_false(matches("ab", "a.b"));
}

TEST(one_star_is_exactly_one_token)
{
	assert_true(matches("*", "a"));
	assert_false(matches("*", "a.b"));
	assert_true(matches("a.*", "a.b"));
	assert_false(matches("a.*", "a"));
	assert_false(matches("a.*", "a.b.c"));
	assert_true(matches("a.*.c", "a.b.c"));
	assert_true(matches("*.*", "a.b"));
	assert_false(matches("*.b", "a.c"));
}

TEST(two_stars_are_one_token_or_more)
{
	assert_true(matches("**", "a"));
	assert_true(matches("**", "a.b.c"));
	assert_false(matches("a.**", "a"));
	assert_true(matches("a.**", "a.b"));
	assert_true(matches("a.**", "a.b.c"));
	assert_false(matches("a.**", "b.c"));
	assert_false(matches("*.**", "a"));
	assert_true(matches("*.**", "a.b"));
}

TEST(a_leading_wildcard_never_matches_what_is_the_brokers)
{
	assert_false(matches("*", "$sys"));
	assert_false(matches("**", "$sys"));
	assert_false(matches("**", "$sys.load"));
	assert_false(matches("*.load", "$sys.load"));
	assert_false(matches("*.**", "$sys.load"));
	assert_true(matches("$sys.*", "$sys.load"));
	assert_true(matches("$sys.**", "$sys.load.one"));
	assert_true(matches("*.$load", "sys.$load"));
	assert_true(matches("a.*", "a.$b"));
}

TEST(random_filters_match_as_the_reference_says)
{
	struct chance c = chance_new("filter_matches");
	unsigned yes = 0;

	for (unsigned i = 0; i < rounds(1000000); i++) {
		char f[256], t[256];
		size_t fl = some_filter(&c, f), tl = some_topic(&c, t);
		bool want = reference_matches(f, t);

		yes += want;
		if (filter_matches(f, fl, t, tl) != want)
			fail_msg("%s on %s: not %d", f, t, want);
	}
	assert_true(yes > rounds(1000000) / 50);
}

TEST(below_a_prefix_is_the_prefix_itself_or_a_token_more)
{
	assert_true(topic_is_below("a.b", 3, "a.b", 3));
	assert_true(topic_is_below("a.b.c", 5, "a.b", 3));
	assert_false(topic_is_below("a.bc", 4, "a.b", 3));
	assert_false(topic_is_below("a", 1, "a.b", 3));
	assert_false(topic_is_below("x.b.c", 5, "a.b", 3));
	/* no byte behind the end is looked at */
	assert_true(topic_is_below("a.bX", 3, "a.b", 3));
	assert_false(topic_is_below("a.b", 2, "a.b", 3));
}

TEST(a_token_ends_at_the_dot_or_at_the_end)
{
	assert_int_equal(token_length("ab.c", 4), 2);
	assert_int_equal(token_length("ab", 2), 2);
	assert_int_equal(token_length("ab.c", 1), 1);
	assert_int_equal(token_length(".a", 2), 0);
	assert_int_equal(token_length("", 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_joined_by_dots_are_a_topic),
		cmocka_unit_test(
			what_is_wrong_with_a_filter_is_said_with_its_token),
		cmocka_unit_test(empty_tokens_are_no_tokens),
		cmocka_unit_test(a_topic_has_at_most_255_bytes),
		cmocka_unit_test(
			control_characters_white_space_and_broken_utf8_are_refused_anywhere),
		cmocka_unit_test(each_byte_of_ascii_counts_wherever_it_stands),
		cmocka_unit_test(
			two_dots_have_something_between_them_wherever_they_stand),
		cmocka_unit_test(
			a_star_has_no_place_in_a_topic_and_two_in_a_filter),
		cmocka_unit_test(a_topic_may_have_128_tokens),
		cmocka_unit_test(a_literal_matches_itself_alone),
		cmocka_unit_test(one_star_is_exactly_one_token),
		cmocka_unit_test(two_stars_are_one_token_or_more),
		cmocka_unit_test(
			a_leading_wildcard_never_matches_what_is_the_brokers),
		cmocka_unit_test(random_filters_match_as_the_reference_says),
		cmocka_unit_test(
			below_a_prefix_is_the_prefix_itself_or_a_token_more),
		cmocka_unit_test(a_token_ends_at_the_dot_or_at_the_end),
	};

	return RUN(tests);
}
