/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/trie.h"

#include <malloc.h>

#include "match.h"

#define SEED UINT64_C(0x1234567890abcdef)

struct item {
	struct trie_entry entry;
	char filter[256];
	unsigned found;
};

static void
insert(struct trie *t, struct item *i, const char *filter)
{
	snprintf(i->filter, sizeof(i->filter), "%s", filter);
	assert_int_equal(
		trie_insert(t, i->filter, strlen(i->filter), &i->entry), 0);
}

static void
on_found(struct trie_entry *e, void *user)
{
	((struct item *)e)->found++;
	(*(unsigned *)user)++;
}

static unsigned
match(struct trie *t, const char *topic)
{
	unsigned n = 0;

	trie_match(t, topic, strlen(topic), on_found, &n);
	return n;
}

/* Each of the items as often as it should: once if it matches. */
static void
expect_found(struct item *items, size_t n, const char *topic, unsigned total)
{
	for (size_t i = 0; i < n; i++) {
		bool in = items[i].entry.node != NULL;
		unsigned want = in && reference_matches(items[i].filter, topic);

		if (items[i].found != want)
			fail_msg("%s on %s: found %u times, not %u",
			         items[i].filter, topic, items[i].found, want);
		total -= want;
		items[i].found = 0;
	}
	assert_int_equal(total, 0);
}

TEST(an_empty_trie_matches_nothing)
{
	struct trie t;

	assert_int_equal(trie_init(&t, SEED), 0);
	assert_int_equal(match(&t, "a.b"), 0);
	assert_int_equal(t.n_nodes, 0);
	assert_int_equal(t.n_entries, 0);
	trie_fini(&t);
}

TEST(each_kind_of_filter_finds_its_topics)
{
	static const char *const filters[] = {
		"a",    "a.b",   "a.*",   "*.b",   "*.*",      "*",
		"**",   "a.**",  "*.**",  "a.b",   "b.c",      "$s",
		"$s.*", "$s.**", "a.*.c", "*.b.*", "a.b.c.**", "*.b.**",
	};
	static const char *const topics[] = { "a",    "b",      "a.b", "a.c",
		                              "b.c",  "a.b.c",  "x",   "x.y.z",
		                              "$s",   "$s.a",   "$t",  "$s.a.b",
		                              "a.$s", "a.b.c.d" };
	struct item items[COUNT(filters)] = { 0 };
	struct trie t;

	assert_int_equal(trie_init(&t, SEED), 0);
	for (size_t i = 0; i < COUNT(filters); i++)
		insert(&t, &items[i], filters[i]);
	assert_int_equal(t.n_entries, COUNT(filters));
	for (size_t i = 0; i < COUNT(topics); i++) {
		unsigned n = match(&t, topics[i]);

		expect_found(items, COUNT(items), topics[i], n);
	}
	/* and once more, in so many words */
	assert_int_equal(match(&t, "a.b"), 8);
	assert_int_equal(match(&t, "$s.a"), 2);
	assert_int_equal(match(&t, "$t"), 0);
	trie_fini(&t);
}

TEST(as_many_entries_as_wanted_hang_on_one_filter)
{
	struct item items[5] = { 0 };
	struct trie t;

	assert_int_equal(trie_init(&t, SEED), 0);
	for (size_t i = 0; i < 5; i++)
		insert(&t, &items[i], "a.b");
	assert_int_equal(t.n_nodes, 1);
	assert_int_equal(match(&t, "a.b"), 5);
	trie_remove(&t, &items[2].entry); /* the middle, the last, the first */
	trie_remove(&t, &items[0].entry);
	trie_remove(&t, &items[4].entry);
	assert_null(items[2].entry.node);
	assert_int_equal(match(&t, "a.b"), 2);
	assert_int_equal(items[1].found, 2);
	assert_int_equal(items[2].found, 1);
	assert_int_equal(items[3].found, 2);
	trie_remove(&t, &items[3].entry);
	trie_remove(&t, &items[1].entry);
	assert_int_equal(t.n_nodes, 0);
	trie_fini(&t);
}

TEST(nodes_go_when_nobody_needs_them_and_not_before)
{
	struct item ab = { 0 }, abc = { 0 }, star = { 0 }, tail = { 0 };
	struct trie t;

	assert_int_equal(trie_init(&t, SEED), 0);
	insert(&t, &abc, "a.b.c");
	insert(&t, &ab, "a.b");
	insert(&t, &star, "a.*");
	insert(&t, &tail, "a.**");
	assert_int_equal(t.n_nodes, 5);
	trie_remove(&t, &abc.entry);
	assert_int_equal(t.n_nodes, 4);
	assert_int_equal(match(&t, "a.b"), 3);
	trie_remove(&t, &star.entry);
	assert_int_equal(t.n_nodes, 3);
	assert_int_equal(match(&t, "a.b"), 2);
	trie_remove(&t, &tail.entry);
	assert_int_equal(match(&t, "a.b"), 1);
	trie_remove(&t, &ab.entry);
	assert_int_equal(t.n_nodes, 0);
	assert_int_equal(match(&t, "a.b"), 0);
	trie_fini(&t);
}

TEST(the_text_of_a_filter_is_read_back)
{
	static const char *const filters[] = { "a", "a.b.c", "*.x.**", "**",
		                               "\xc3\xa9.\xe2\x82\xac" };
	char longest[256] = "", text[255];
	struct item item = { 0 };
	struct trie t;

	assert_int_equal(trie_init(&t, SEED), 0);
	for (size_t i = 0; i <= COUNT(filters); i++) {
		const char *f = i < COUNT(filters) ? filters[i] : longest;

		memset(longest, 'a', 255);
		for (size_t k = 1; k < 255; k += 2)
			longest[k] = '.';
		insert(&t, &item, f);
		assert_int_equal(trie_filter(&item.entry, text), strlen(f));
		assert_memory_equal(text, f, strlen(f));
		trie_remove(&t, &item.entry);
	}
	trie_fini(&t);
}

TEST(a_topic_of_128_tokens_finds_every_way_through_it)
{
	enum { N = 300 };
	struct chance c = chance_new("128 tokens");
	static struct item items[N];
	char topic[256] = "";
	struct trie t;
	unsigned total = 0;

	for (size_t i = 0; i < 255; i++)
		topic[i] = i % 2 ? '.' : 'a';
	memset(items, 0, sizeof(items));
	assert_int_equal(trie_init(&t, SEED), 0);
	for (unsigned i = 0; i < N; i++) {
		char f[256];

		memcpy(f, topic, sizeof(f));
		for (unsigned k = 1 + chance_below(&c, 20); k > 0; k--)
			f[2 * chance_below(&c, 128)] = '*';
		if (i % 4 == 0) /* ends early, in ** */
			strcpy(f + 2 * chance_below(&c, 126), "**");
		if (i % 10 == 1)
			f[2 * chance_below(&c, 128)] = 'b';
		insert(&t, &items[i], f);
	}
	total = match(&t, topic);
	assert_in_range(total, N / 2, N);
	expect_found(items, N, topic, total);
	for (unsigned i = 0; i < N; i++)
		trie_remove(&t, &items[i].entry);
	assert_int_equal(t.n_nodes, 0);
	trie_fini(&t);
}

/* ---- how much of it is walked ------------------------------------------- */

static bool
prefix_matches(const char *prefix, size_t len, const char *topic)
{
	char f[256], t[256];
	const char *end = topic;

	memcpy(f, prefix, len);
	f[len] = '\0';
	if (topic[0] == '$' && f[0] == '*')
		return false;
	/* as many tokens of the topic as the prefix has */
	for (const char *p = f; p; p = strchr(p, '.')) {
		p += *p == '.';
		if (p > f && *end)
			end++;
		else if (p > f)
			return false;
		end += strcspn(end, ".");
	}
	memcpy(t, topic, (size_t)(end - topic));
	t[end - topic] = '\0';
	return reference_tokens_match(f, t);
}

/* Do filters part, or does one end, behind the first `len` bytes of `f`? */
static bool
is_boundary(const struct item *items, size_t n, const char *f, size_t len)
{
	const char *next = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *g = items[i].filter;

		if (strncmp(g, f, len) != 0 || (g[len] && g[len] != '.'))
			continue;
		if (!g[len])
			return true;
		g += len + 1;
		if (next && (strcspn(g, ".") != strcspn(next, ".") ||
		             strncmp(g, next, strcspn(g, ".")) != 0))
			return true;
		next = g;
	}
	return false;
}

/*
 * The nodes that there must be: one from each boundary to the next. Of each,
 * the text up to and with its first token: it is to be looked at when that
 * matches, and never otherwise.
 */
struct fronts {
	char text[4096][256];
	size_t n;
};

static void
add_front(struct fronts *fronts, const char *f, size_t len)
{
	for (size_t k = 0; k < fronts->n; k++) {
		if (strncmp(fronts->text[k], f, len) == 0 &&
		    !fronts->text[k][len])
			return;
	}
	assert_true(fronts->n < COUNT(fronts->text));
	memcpy(fronts->text[fronts->n], f, len);
	fronts->text[fronts->n++][len] = '\0';
}

static void
find_fronts(struct fronts *fronts, const struct item *items, size_t n)
{
	fronts->n = 0;
	for (size_t i = 0; i < n; i++) {
		const char *f = items[i].filter;
		size_t len = strcspn(f, ".");

		add_front(fronts, f, len);
		for (; f[len]; len += 1 + strcspn(f + len + 1, ".")) {
			if (is_boundary(items, n, f, len))
				add_front(fronts, f,
				          len + 1 + strcspn(f + len + 1, "."));
		}
	}
}

static size_t
count_matching_fronts(const struct fronts *fronts, const char *topic)
{
	size_t matching = 0;

	for (size_t i = 0; i < fronts->n; i++)
		matching += prefix_matches(fronts->text[i],
		                           strlen(fronts->text[i]), topic);
	return matching;
}

TEST(a_walk_visits_the_nodes_whose_prefix_matches_and_each_once)
{
	enum { N = 400 };
	struct chance c = chance_new("visits");
	static struct fronts fronts;
	static struct item items[N];
	struct trie t;
	uint64_t visits = 0;

	memset(items, 0, sizeof(items));
	assert_int_equal(trie_init(&t, SEED), 0);
	for (unsigned i = 0; i < N; i++) {
		char f[256];

		some_filter(&c, f);
		insert(&t, &items[i], f);
	}
	find_fronts(&fronts, items, N);
	assert_int_equal(t.n_nodes, fronts.n);
	for (unsigned i = 0; i < 500; i++) {
		uint64_t before = t.visits;
		char topic[256];

		some_topic(&c, topic);
		match(&t, topic);
		assert_int_equal(t.visits - before,
		                 count_matching_fronts(&fronts, topic));
		visits += t.visits - before;
	}
	print_message("%zu nodes, %.1f of them visited on average\n", t.n_nodes,
	              (double)visits / 500);
	assert_true(visits > 5000);
	trie_fini(&t);
}

TEST(a_walk_looks_at_none_of_many_neighbours)
{
	enum { N = 10000 };
	static struct item items[N];
	struct trie t;

	memset(items, 0, sizeof(items));
	assert_int_equal(trie_init(&t, SEED), 0);
	for (unsigned i = 0; i < N; i++) {
		char f[64];

		snprintf(f, sizeof(f), "host.h%u.load", i);
		insert(&t, &items[i], f);
	}
	assert_int_equal(match(&t, "host.h77.load"), 1);
	assert_int_equal(t.visits, 2);
	assert_int_equal(match(&t, "host.none.load"), 0);
	assert_int_equal(t.visits, 3);
	assert_int_equal(match(&t, "other.h77.load"), 0);
	assert_int_equal(t.visits, 3);
	trie_fini(&t);
}

/* ---- against the reference ---------------------------------------------- */

TEST(a_million_random_pairs_match_as_the_reference_says)
{
	enum { N = 200 };
	struct chance c = chance_new("trie");
	static struct item items[N];
	struct trie t;
	unsigned pairs = 0, matched = 0;

	memset(items, 0, sizeof(items));
	assert_int_equal(trie_init(&t, chance_any(&c)), 0);
	while (pairs < rounds(1200000)) {
		struct item *i = &items[chance_below(&c, N)];
		char topic[256], f[256];

		if (i->entry.node)
			trie_remove(&t, &i->entry);
		if (!chance_one_in(&c, 3)) {
			some_filter(&c, f);
			insert(&t, i, f);
		}
		for (unsigned k = 0; k < 3; k++) {
			unsigned n;

			some_topic(&c, topic);
			n = match(&t, topic);
			expect_found(items, N, topic, n);
			matched += n;
			pairs += (unsigned)t.n_entries;
		}
	}
	print_message("%u pairs, %u of them matched\n", pairs, matched);
	assert_true(matched > pairs / 100);
	for (unsigned i = 0; i < N; i++) {
		if (items[i].entry.node)
			trie_remove(&t, &items[i].entry);
	}
	assert_int_equal(t.n_entries, 0);
	assert_int_equal(t.n_nodes, 0);
	trie_fini(&t);
}

/* ---- memory --------------------------------------------------------------- */

TEST(a_filter_costs_at_most_128_bytes_beyond_its_text)
{
	enum { N = 200000 };
	size_t before, after, text = 0;
	struct trie_entry *entries;
	struct trie t;

	if (rounds(5) != 5)
		skip(); /* a sanitizer's memory is not what malloc says */
	entries = calloc(N, sizeof(*entries));
	assert_non_null(entries);
	before = (size_t)mallinfo2().uordblks + (size_t)mallinfo2().hblkhd;
	assert_int_equal(trie_init(&t, SEED), 0);
	for (unsigned i = 0; i < N; i++) {
		char f[64];
		int n = snprintf(f, sizeof(f), "service.%u.orders.%u", i % 100,
		                 i);

		text += (size_t)n;
		assert_int_equal(trie_insert(&t, f, (size_t)n, &entries[i]), 0);
	}
	after = (size_t)mallinfo2().uordblks + (size_t)mallinfo2().hblkhd;
	print_message("%d filters: %zu bytes each, %zu of them text\n", N,
	              (after - before) / N, text / N);
	assert_true((after - before - text) / N + sizeof(*entries) <= 128);
	for (unsigned i = 0; i < N; i++)
		trie_remove(&t, &entries[i]);
	assert_int_equal(t.n_nodes, 0);
	trie_fini(&t);
	free(entries);
}

TEST(once_through_the_buckets_is_once_through_the_filters)
{
	static struct item items[3000];
	struct trie t;
	unsigned n = 0;

	assert_int_equal(trie_init(&t, SEED), 0);
	for (size_t i = 0; i < COUNT(items); i++) {
		char filter[64];

		/* each filter twice, on top of each other in tokens */
		snprintf(filter, sizeof(filter), "a.b%zu.*", i / 2 % 1000);
		if (i / 2 < 500)
			filter[strlen(filter) - 2] = '\0';
		insert(&t, &items[i], filter);
	}
	for (size_t i = 0; i < t.n_buckets; i++)
		trie_visit(&t, i, on_found, &n);
	assert_int_equal(n, COUNT(items) / 2);
	for (size_t i = 0; i < COUNT(items); i += 2)
		assert_int_equal(items[i].found + items[i + 1].found, 1);
	trie_fini(&t);
}

TEST(a_table_that_has_grown_gets_smaller_again_and_loses_nothing)
{
	enum { N = 20000, KEPT = 100 };
	static struct item items[N];
	struct trie t;
	unsigned n = 0;
	size_t first;

	assert_int_equal(trie_init(&t, SEED), 0);
	first = t.n_buckets;
	for (unsigned i = 0; i < N; i++) {
		char filter[32];

		snprintf(filter, sizeof(filter), "a.b%u", i);
		insert(&t, &items[i], filter);
	}
	assert_true(t.n_buckets >= N);
	for (unsigned i = KEPT; i < N; i++)
		trie_remove(&t, &items[i].entry);
	assert_true(t.n_buckets <= 16 * KEPT);
	for (unsigned i = 0; i < KEPT; i++) {
		char topic[32];

		snprintf(topic, sizeof(topic), "a.b%u", i);
		trie_match(&t, topic, strlen(topic), on_found, &n);
		assert_int_equal(items[i].found, 1);
		trie_remove(&t, &items[i].entry);
	}
	assert_int_equal(t.n_buckets, first);
	trie_fini(&t);
}

/* As many as a node may have been moved on, when others were there first. */
#define NEAR 64u

/* What is fetched ahead of a topic is where its filter is. */
TEST(the_bucket_of_a_topic_that_is_fetched_holds_what_it_matches)
{
	static const char *const shapes[] = { "a.b.c%u", "a.b.c%u.d.e",
		                              "a.b.c%u.*", "c%u.a" };
	static struct item items[400];
	struct trie t;

	assert_int_equal(trie_init(&t, SEED), 0);
	for (size_t i = 0; i < COUNT(items); i++) {
		char filter[64];

		snprintf(filter, sizeof(filter), shapes[i % 4], (unsigned)i);
		insert(&t, &items[i], filter);
	}
	for (size_t i = 0; i < COUNT(items); i++) {
		unsigned n = 0;
		uint32_t hash = trie_fetch_bucket(&t, items[i].filter,
		                                  strlen(items[i].filter));

		assert_int_not_equal(hash, 0);
		trie_fetch_node(&t, hash);
		trie_fetch_entries(&t, hash);
		for (size_t k = 0; k < NEAR; k++)
			trie_visit(&t, (hash + k) & (t.n_buckets - 1), on_found,
			           &n);
		assert_int_equal(items[i].found, 1);
		for (size_t k = 0; k < COUNT(items); k++)
			items[k].found = 0;
	}
	trie_fini(&t);
}

/* Filters that are there from first to last, and others that come and go. */
TEST(what_has_gone_leaves_no_traces)
{
	enum { N_STAY = 500, N_PASS = 300 };
	static struct item stay[N_STAY], pass[N_PASS];
	struct trie t;
	unsigned n = 0;

	assert_int_equal(trie_init(&t, SEED), 0);
	for (unsigned i = 0; i < N_STAY; i++) {
		char f[64];

		snprintf(f, sizeof(f), "a.stays%u.b", i);
		insert(&t, &stay[i], f);
	}
	for (unsigned i = 0; i < rounds(100000); i++) {
		struct item *p = &pass[i % N_PASS];
		char f[64];

		if (p->entry.node)
			trie_remove(&t, &p->entry);
		snprintf(f, sizeof(f), "a.passes%u", i);
		insert(&t, p, f);
		assert_int_equal(match(&t, stay[i % N_STAY].filter), 1);
		assert_int_equal(match(&t, f), 1);
		/* or a search for what is not there would have no end */
		assert_true(t.n_taken < t.n_buckets);
	}
	assert_int_equal(t.n_nodes, 1 + N_STAY + N_PASS);
	assert_true(t.n_buckets <= 2048);
	for (size_t i = 0; i < N_STAY; i++)
		stay[i].found = 0;
	for (size_t i = 0; i < t.n_buckets; i++)
		trie_visit(&t, i, on_found, &n);
	assert_int_equal(n, N_STAY + N_PASS);
	for (size_t i = 0; i < N_STAY; i++) {
		assert_int_equal(stay[i].found, 1);
		trie_remove(&t, &stay[i].entry);
	}
	for (size_t i = 0; i < N_PASS; i++)
		trie_remove(&t, &pass[i].entry);
	assert_int_equal(t.n_nodes, 0);
	trie_fini(&t);
}

TEST(to_fetch_ahead_of_anything_does_no_harm)
{
	static const char *const topics[] = { "",    ".",   "a",   "a.",
		                              "a..", "a.b", "b.a", ".a" };
	struct item items[2];
	struct trie t;
	char bytes[300];

	assert_int_equal(trie_init(&t, SEED), 0);
	insert(&t, &items[0], "a.b.c");
	insert(&t, &items[1], "a.*");
	for (size_t i = 0; i < COUNT(topics); i++)
		trie_fetch_bucket(&t, topics[i], strlen(topics[i]));
	for (int c = 0; c < 256; c++) {
		memset(bytes, c, sizeof(bytes));
		trie_fetch_bucket(&t, bytes, sizeof(bytes));
	}
	for (uint32_t hash = 0; hash < 100; hash++) {
		trie_fetch_node(&t, hash);
		trie_fetch_entries(&t, hash);
	}
	trie_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_trie_matches_nothing),
		cmocka_unit_test(each_kind_of_filter_finds_its_topics),
		cmocka_unit_test(as_many_entries_as_wanted_hang_on_one_filter),
		cmocka_unit_test(
			nodes_go_when_nobody_needs_them_and_not_before),
		cmocka_unit_test(the_text_of_a_filter_is_read_back),
		cmocka_unit_test(
			a_topic_of_128_tokens_finds_every_way_through_it),
		cmocka_unit_test(
			a_walk_visits_the_nodes_whose_prefix_matches_and_each_once),
		cmocka_unit_test(a_walk_looks_at_none_of_many_neighbours),
		cmocka_unit_test(
			a_million_random_pairs_match_as_the_reference_says),
		cmocka_unit_test(
			a_filter_costs_at_most_128_bytes_beyond_its_text),
		cmocka_unit_test(
			once_through_the_buckets_is_once_through_the_filters),
		cmocka_unit_test(
			a_table_that_has_grown_gets_smaller_again_and_loses_nothing),
		cmocka_unit_test(
			the_bucket_of_a_topic_that_is_fetched_holds_what_it_matches),
		cmocka_unit_test(what_has_gone_leaves_no_traces),
		cmocka_unit_test(to_fetch_ahead_of_anything_does_no_harm),
	};

	return RUN(tests);
}
