/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "trie.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "topic.h"

#define FIRST_BUCKETS 16

struct trie_node {
	struct trie_node *parent;
	struct trie_node *next; /* in its bucket */
	struct trie_entry *entries;
	uint32_t hash; /* of parent and token */
	uint32_t n_children;
	bool has_any;  /* a child `*` */
	bool has_tail; /* a child `**` */
	uint8_t token_len;
	char token[];
};

struct token {
	const char *at;
	uint8_t len;
	uint64_t hash;
};

static const struct token token_any = { "*", 1, 0 };
static const struct token token_tail = { "**", 2, 0 };

static bool
token_equals(struct token token, const struct token *other)
{
	return token.len == other->len &&
	       memcmp(token.at, other->at, token.len) == 0;
}

/* The token at the front of `s`; wildcards hash alike in every trie. */
static struct token
token_at(const struct trie *t, const char *s, size_t len)
{
	struct token token = {
		.at = s,
		.len = (uint8_t)token_length(s, len),
	};

	if (!token_equals(token, &token_any) &&
	    !token_equals(token, &token_tail))
		token.hash = hash_bytes(t->seed, s, token.len);
	return token;
}

static uint32_t
child_hash(const struct trie_node *parent, struct token token)
{
	return (uint32_t)hash_mix(parent->hash ^ token.hash ^ token.len,
	                          UINT64_C(0x9e3779b97f4a7c15));
}

static struct trie_node *
node_new(struct trie_node *parent, struct token token)
{
	struct trie_node *node = malloc(sizeof(*node) + token.len);

	if (!node)
		return NULL;
	*node = (struct trie_node){
		.parent = parent,
		.token_len = token.len,
	};
	memcpy(node->token, token.at, token.len);
	return node;
}

int
trie_init(struct trie *t, uint64_t seed)
{
	*t = (struct trie){ .seed = seed, .n_buckets = FIRST_BUCKETS };
	t->root = node_new(NULL, (struct token){ "", 0, 0 });
	t->buckets = calloc(t->n_buckets, sizeof(*t->buckets));
	if (!t->root || !t->buckets) {
		free(t->root);
		free(t->buckets);
		return -ENOMEM;
	}
	t->root->hash = (uint32_t)seed;
	return 0;
}

void
trie_fini(struct trie *t)
{
	for (size_t i = 0; i < t->n_buckets; i++) {
		struct trie_node *node = t->buckets[i];

		while (node) {
			struct trie_node *next = node->next;

			free(node);
			node = next;
		}
	}
	free(t->buckets);
	free(t->root);
	*t = (struct trie){ 0 };
}

static struct trie_node **
bucket_of(const struct trie *t, uint32_t hash)
{
	return &t->buckets[hash & (t->n_buckets - 1)];
}

static struct trie_node *
find_child(struct trie *t, const struct trie_node *parent, struct token token)
{
	uint32_t hash = child_hash(parent, token);
	struct trie_node *node = *bucket_of(t, hash);

	for (; node; node = node->next) {
		if (node->hash == hash && node->parent == parent &&
		    node->token_len == token.len &&
		    memcmp(node->token, token.at, token.len) == 0)
			return node;
	}
	return NULL;
}

/* One node a bucket on average. Not growing for want of memory only costs. */
static void
grow(struct trie *t)
{
	struct trie_node **old = t->buckets;
	size_t n_old = t->n_buckets;

	if (t->n_nodes < t->n_buckets)
		return;
	t->buckets = calloc(n_old * 2, sizeof(*old));
	if (!t->buckets) {
		t->buckets = old;
		return;
	}
	t->n_buckets = n_old * 2;
	for (size_t i = 0; i < n_old; i++) {
		struct trie_node *node = old[i];

		while (node) {
			struct trie_node *next = node->next;
			struct trie_node **bucket = bucket_of(t, node->hash);

			node->next = *bucket;
			*bucket = node;
			node = next;
		}
	}
	free(old);
}

static void
mark_wildcard(struct trie_node *parent, const struct trie_node *child,
              bool present)
{
	struct token token = { child->token, child->token_len, 0 };

	if (token_equals(token, &token_any))
		parent->has_any = present;
	else if (token_equals(token, &token_tail))
		parent->has_tail = present;
}

static struct trie_node *
add_child(struct trie *t, struct trie_node *parent, struct token token)
{
	struct trie_node *node = node_new(parent, token);
	struct trie_node **bucket;

	if (!node)
		return NULL;
	grow(t);
	node->hash = child_hash(parent, token);
	bucket = bucket_of(t, node->hash);
	node->next = *bucket;
	*bucket = node;
	parent->n_children++;
	mark_wildcard(parent, node, true);
	t->n_nodes++;
	return node;
}

/* Free `node` and its ancestors as far as nobody needs them. */
static void
prune(struct trie *t, struct trie_node *node)
{
	while (node != t->root && !node->entries && node->n_children == 0) {
		struct trie_node *parent = node->parent;
		struct trie_node **link = bucket_of(t, node->hash);

		while (*link != node)
			link = &(*link)->next;
		*link = node->next;
		mark_wildcard(parent, node, false);
		parent->n_children--;
		t->n_nodes--;
		free(node);
		node = parent;
	}
}

int
trie_insert(struct trie *t, const char *filter, size_t len,
            struct trie_entry *e)
{
	struct trie_node *node = t->root;

	for (;;) {
		struct token token = token_at(t, filter, len);
		struct trie_node *child = find_child(t, node, token);

		if (!child)
			child = add_child(t, node, token);
		if (!child) {
			prune(t, node);
			return -ENOMEM;
		}
		node = child;
		if (token.len == len)
			break;
		filter += token.len + 1;
		len -= token.len + 1u;
	}
	e->node = node;
	e->prev = NULL;
	e->next = node->entries;
	if (e->next)
		e->next->prev = e;
	node->entries = e;
	t->n_entries++;
	return 0;
}

void
trie_remove(struct trie *t, struct trie_entry *e)
{
	if (e->prev)
		e->prev->next = e->next;
	else
		e->node->entries = e->next;
	if (e->next)
		e->next->prev = e->prev;
	t->n_entries--;
	prune(t, e->node);
	*e = (struct trie_entry){ 0 };
}

size_t
trie_filter(const struct trie_entry *e, char buf[255])
{
	size_t at = 255;
	size_t len;

	/* from the last token to the first, then to the front */
	for (const struct trie_node *n = e->node; n->parent; n = n->parent) {
		if (at < 255)
			buf[--at] = '.';
		at -= n->token_len;
		memcpy(buf + at, n->token, n->token_len);
	}
	len = 255 - at;
	memmove(buf, buf + at, len);
	return len;
}

/* ---- match ------------------------------------------------------------ */

struct walk {
	struct trie *trie;
	struct token tokens[TOPIC_MAX_TOKENS];
	unsigned n_tokens;
	trie_found *found;
	void *user;
};

static void
report(const struct walk *w, const struct trie_node *node)
{
	for (struct trie_entry *e = node->entries; e; e = e->next)
		w->found(e, w->user);
}

static struct trie_node *
visit_child(struct walk *w, struct trie_node *parent, struct token token)
{
	struct trie_node *child = find_child(w->trie, parent, token);

	w->trie->visits += child != NULL;
	return child;
}

/*
 * Follow the topic from a node whose prefix matches the first `depth` tokens.
 * At each step the way forks at most in two, literal and `*`; the literal way
 * is followed at once, the other is put by. A trie is a tree: two ways never
 * meet, so no node is visited twice.
 */
static void
follow(struct walk *w)
{
	struct {
		struct trie_node *node;
		unsigned depth;
	} later[TOPIC_MAX_TOKENS];
	unsigned n_later = 0;
	struct trie_node *node = w->trie->root;
	unsigned depth = 0;
	/* topics of the broker are not for those who take everything */
	bool reserved = w->tokens[0].at[0] == '$';

	for (;;) {
		bool wild = !(reserved && depth == 0);
		struct trie_node *any = NULL;

		if (depth == w->n_tokens) {
			report(w, node);
			node = NULL;
		} else {
			if (wild && node->has_tail)
				report(w, visit_child(w, node, token_tail));
			if (wild && node->has_any)
				any = visit_child(w, node, token_any);
			node = visit_child(w, node, w->tokens[depth]);
			depth++;
		}
		if (any && node) {
			later[n_later].node = any;
			later[n_later++].depth = depth;
		} else if (any) {
			node = any;
		}
		if (!node) {
			if (n_later == 0)
				return;
			node = later[--n_later].node;
			depth = later[n_later].depth;
		}
	}
}

void
trie_match(struct trie *t, const char *topic, size_t len, trie_found *found,
           void *user)
{
	struct walk w = { .trie = t, .found = found, .user = user };

	assert(len > 0 && len <= TOPIC_MAX);
	for (;;) {
		struct token token = token_at(t, topic, len);

		w.tokens[w.n_tokens++] = token;
		if (token.len == len)
			break;
		topic += token.len + 1;
		len -= token.len + 1u;
	}
	follow(&w);
}
