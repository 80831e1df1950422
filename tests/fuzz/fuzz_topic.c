/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * Topics, filters, and who matches whom: topic.c and the trie against a
 * reference. The input is lines:
 *
 *	+filter		hang it into the trie
 *	-n		take the n-th of them out (n: one byte)
 *	topic		who gets it?
 */
#include "proto/topic.h"

#include "fuzz.h"
#include "match.h"
#include "proto/trie.h"
#include "reference.h"

#define MAX_FILTERS 64

struct hung {
	struct trie_entry entry; /* first */
	char filter[256];
	bool present;
	unsigned found;
};

struct tree {
	struct trie trie;
	struct hung hung[MAX_FILTERS];
	unsigned n;
};

static void
hang(struct tree *t, const char *text, size_t len)
{
	struct hung *h = &t->hung[t->n];
	bool valid = reference_is_valid(text, len, true);
	char back[255];

	CHECK(filter_is_valid(text, len) == valid);
	if (!valid || t->n == MAX_FILTERS)
		return;
	memcpy(h->filter, text, len);
	h->filter[len] = '\0';
	CHECK(trie_insert(&t->trie, text, len, &h->entry) == 0);
	CHECK(trie_filter(&h->entry, back) == len);
	CHECK(memcmp(back, text, len) == 0);
	h->present = true;
	t->n++;
}

static void
take_out(struct tree *t, unsigned i)
{
	if (i >= t->n || !t->hung[i].present)
		return;
	trie_remove(&t->trie, &t->hung[i].entry);
	t->hung[i].present = false;
}

static void
on_found(struct trie_entry *e, void *user)
{
	(void)user;
	((struct hung *)e)->found++;
}

static void
ask(struct tree *t, const char *text, size_t len)
{
	bool valid = reference_is_valid(text, len, false);
	uint64_t visits = t->trie.visits;
	char topic[256];

	CHECK(topic_is_valid(text, len) == valid);
	if (!valid)
		return;
	memcpy(topic, text, len);
	topic[len] = '\0';
	trie_match(&t->trie, text, len, on_found, NULL);
	/* no node twice */
	CHECK(t->trie.visits - visits <= t->trie.n_nodes);
	for (unsigned i = 0; i < t->n; i++) {
		struct hung *h = &t->hung[i];
		bool matches = reference_matches(h->filter, topic);

		CHECK(filter_matches(h->filter, strlen(h->filter), text, len) ==
		      matches);
		CHECK(h->found == (h->present && matches ? 1u : 0u));
		h->found = 0;
	}
}

static void
take_line(struct tree *t, const char *line, size_t len)
{
	if (len > 0 && line[0] == '+')
		hang(t, line + 1, len - 1);
	else if (len == 2 && line[0] == '-')
		take_out(t, (uint8_t)line[1]);
	else
		ask(t, line, len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tree t = { .n = 0 };
	const char *line = (const char *)data;

	CHECK(trie_init(&t.trie, 42) == 0);
	while (len > 0) {
		const char *end = memchr(line, '\n', len);
		size_t n = end ? (size_t)(end - line) : len;

		take_line(&t, line, n);
		len -= n + (end != NULL);
		line += n + (end != NULL);
	}
	for (unsigned i = 0; i < t.n; i++)
		take_out(&t, i);
	CHECK(t.trie.n_entries == 0);
	CHECK(t.trie.n_nodes == 0);
	trie_fini(&t.trie);
	return 0;
}
