/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "trie.h"

#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "topic.h"

#define FIRST_BUCKETS 16
/* Tag bits: the low bits of a node's address, which malloc() leaves 0. */
#define TAG_MASK      (alignof(max_align_t) - 1)
/* How many bytes of a node, and of the struct that embeds an entry, are
   read. */
#define NODE_SIZE     48u
#define ENTRY_SIZE    56u
/* With more children than this, they will hardly be in the CPU cache. */
#define MANY_CHILDREN 1024u

struct trie_node {
	struct trie_node *parent;
	struct trie_entry *entries;
	uint32_t hash; /* hash of parent and first token */
	uint32_t n_children;
	bool has_any;  /* has a child that begins with `*` */
	bool has_tail; /* has a child `**` */
	uint8_t len;
	char text[]; /* one or more tokens */
};

struct token {
	const char *at;
	uint8_t len;
	uint64_t hash;
};

static const struct token token_any = { "*", 1, 0 };
static const struct token token_tail = { "**", 2, 0 };

static bool
is_any(const struct token *token)
{
	return token->len == 1 && token->at[0] == '*';
}

static bool
is_tail(const struct token *token)
{
	return token->len == 2 && token->at[0] == '*' && token->at[1] == '*';
}

static bool
token_equals(const struct token *a, const struct token *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

/* The token at the front of `s`; wildcards have the same hash in every trie. */
static struct token
token_at(const struct trie *t, const char *s, size_t len)
{
	struct token token = {
		.at = s,
		.len = (uint8_t)token_length(s, len),
	};

	if (!is_any(&token) && !is_tail(&token))
		token.hash = hash_bytes(t->seed, s, token.len);
	return token;
}

/* The address of a node is part of the hash, so a node must not move when the
   trie changes. */
static uint32_t
child_hash(const struct trie_node *parent, const struct token *token)
{
	return (uint32_t)hash_mix((uintptr_t)parent ^ token->hash ^ token->len,
	                          UINT64_C(0x9e3779b97f4a7c15));
}

static struct trie_node *
node_new(struct trie_node *parent, const char *text, size_t len)
{
	/* a short text fits into what would be padding */
	size_t size = offsetof(struct trie_node, text) + len;
	struct trie_node *node =
		malloc(size > sizeof(*node) ? size : sizeof(*node));

	if (!node)
		return NULL;
	*node = (struct trie_node){
		.parent = parent,
		.len = (uint8_t)len,
	};
	memcpy(node->text, text, len);
	return node;
}

int
trie_init(struct trie *t, uint64_t seed)
{
	*t = (struct trie){ .seed = seed, .n_buckets = FIRST_BUCKETS };
	t->root = node_new(NULL, "", 0);
	t->buckets = calloc(t->n_buckets, sizeof(*t->buckets));
	if (!t->root || !t->buckets) {
		free(t->root);
		free(t->buckets);
		return -ENOMEM;
	}
	return 0;
}

/* ---- the table of children ---------------------------------------------- */

/*
 * A bucket holds one node, and a node whose bucket is taken goes to the next
 * free one. The low bits of its address are 0, so some bits of its hash are
 * stored there as a tag. Thus a search hardly ever reads a node, in distant
 * memory, that is not the one it looks for. A removed node is replaced by the
 * root, which is never a child, because other nodes may have been placed behind
 * it.
 */
static char *
tagged(struct trie_node *node)
{
	return (char *)node + (node->hash >> 28 & TAG_MASK);
}

static struct trie_node *
node_in(char *bucket)
{
	void *node = bucket - ((uintptr_t)bucket & TAG_MASK);

	return node;
}

static bool
may_hold(const char *bucket, uint32_t hash)
{
	return ((uintptr_t)bucket & TAG_MASK) == (hash >> 28 & TAG_MASK);
}

static size_t
bucket_of(const struct trie *t, uint32_t hash)
{
	return hash & (t->n_buckets - 1);
}

static size_t
bucket_after(const struct trie *t, size_t i)
{
	return (i + 1) & (t->n_buckets - 1);
}

static bool
has_gone(const struct trie *t, size_t i)
{
	return t->buckets[i] == (char *)t->root;
}

static bool
begins_with(const struct trie_node *node, const struct token *token)
{
	return node->len >= token->len &&
	       memcmp(node->text, token->at, token->len) == 0 &&
	       (node->len == token->len || node->text[token->len] == '.');
}

static struct trie_node *
find_child(const struct trie *t, const struct trie_node *parent,
           const struct token *token)
{
	uint32_t hash = child_hash(parent, token);
	size_t i = bucket_of(t, hash);

	for (; t->buckets[i]; i = bucket_after(t, i)) {
		struct trie_node *node = node_in(t->buckets[i]);

		if (may_hold(t->buckets[i], hash) && node->hash == hash &&
		    node->parent == parent && begins_with(node, token))
			return node;
	}
	return NULL;
}

static void
put_in_bucket(struct trie *t, struct trie_node *node)
{
	size_t i = bucket_of(t, node->hash);

	while (t->buckets[i] && !has_gone(t, i))
		i = bucket_after(t, i);
	t->n_taken += !t->buckets[i];
	t->buckets[i] = tagged(node);
}

static void
take_from_bucket(struct trie *t, struct trie_node *node)
{
	size_t i = bucket_of(t, node->hash);

	while (node_in(t->buckets[i]) != node)
		i = bucket_after(t, i);
	t->buckets[i] = (char *)t->root;
	/* at the end of a run no placeholder is needed */
	while (has_gone(t, i) && !t->buckets[bucket_after(t, i)]) {
		t->buckets[i] = NULL;
		t->n_taken--;
		i = (i - 1) & (t->n_buckets - 1);
	}
}

static void
free_nodes(struct trie *t)
{
	for (size_t i = 0; i < t->n_buckets; i++) {
		if (t->buckets[i] && !has_gone(t, i))
			free(node_in(t->buckets[i]));
	}
}

void
trie_fini(struct trie *t)
{
	free_nodes(t);
	free(t->buckets);
	free(t->root);
	*t = (struct trie){ 0 };
}

/* Rebuild the table with n_buckets. False without memory; then nothing has
   changed. */
static bool
rehash(struct trie *t, size_t n_buckets)
{
	struct trie other = *t;

	other.n_buckets = n_buckets;
	other.buckets = calloc(n_buckets, sizeof(*other.buckets));
	if (!other.buckets)
		return false;
	other.n_taken = 0;
	for (size_t i = 0; i < t->n_buckets; i++) {
		if (t->buckets[i] && !has_gone(t, i))
			put_in_bucket(&other, node_in(t->buckets[i]));
	}
	free(t->buckets);
	*t = other;
	return true;
}

/*
 * Keep at least a quarter of the buckets free, counting those of removed nodes
 * as taken. If there is no memory, searches only take longer as long as one
 * bucket is free, because they end there.
 */
static bool
make_room(struct trie *t)
{
	bool full = t->n_nodes >= t->n_buckets / 2;

	return t->n_taken < t->n_buckets / 4 * 3 ||
	       rehash(t, full ? t->n_buckets * 2 : t->n_buckets) ||
	       t->n_taken + 1 < t->n_buckets;
}

/* Shrink a table that has become too large, but only far below the size at
   which it would grow again. */
static void
shrink(struct trie *t)
{
	if (t->n_buckets > FIRST_BUCKETS && t->n_nodes < t->n_buckets / 8)
		(void)rehash(t, t->n_buckets / 2);
}

/* Update the parent of `child`, which was added or is about to be removed. */
static void
note_child(struct trie_node *child, bool present)
{
	struct trie_node *parent = child->parent;

	parent->n_children += present ? 1u : -1u;
	if (begins_with(child, &token_any))
		parent->has_any = present;
	else if (begins_with(child, &token_tail))
		parent->has_tail = present;
}

static struct trie_node *
add_child(struct trie *t, struct trie_node *parent, const char *text,
          size_t len)
{
	struct token first = token_at(t, text, len);
	struct trie_node *node =
		make_room(t) ? node_new(parent, text, len) : NULL;

	if (!node)
		return NULL;
	node->hash = child_hash(parent, &first);
	put_in_bucket(t, node);
	note_child(node, true);
	t->n_nodes++;
	return node;
}

/*
 * Split a node after the first `at` bytes of its text, which go to a new node
 * above it, and return the new one. The old node keeps its address, so its
 * entries and children need not change.
 */
static struct trie_node *
split(struct trie *t, struct trie_node *node, size_t at)
{
	struct trie_node *upper =
		make_room(t) ? node_new(node->parent, node->text, at) : NULL;
	struct token first;

	if (!upper)
		return NULL;
	take_from_bucket(t, node);
	upper->hash = node->hash;
	put_in_bucket(t, upper);
	t->n_nodes++;

	node->len = (uint8_t)(node->len - at - 1);
	memmove(node->text, node->text + at + 1, node->len);
	node->parent = upper;
	first = token_at(t, node->text, node->len);
	node->hash = child_hash(upper, &first);
	put_in_bucket(t, node);
	note_child(node, true);
	return upper;
}

/* Free `node` and its ancestors as far as they are not needed. */
static void
prune(struct trie *t, struct trie_node *node)
{
	while (node != t->root && !node->entries && node->n_children == 0) {
		struct trie_node *parent = node->parent;

		take_from_bucket(t, node);
		note_child(node, false);
		t->n_nodes--;
		free(node);
		node = parent;
	}
}

/* ---- insert and remove ------------------------------------------------------- */

/* How many bytes, in whole tokens, `node` and the filter have in common. */
static size_t
common_length(const struct trie_node *node, const char *filter, size_t len)
{
	size_t max = node->len < len ? node->len : len;
	size_t same = 0, whole = 0;

	while (same < max && node->text[same] == filter[same]) {
		if (filter[same] == '.')
			whole = same;
		same++;
	}
	if (same == max && (same == node->len || node->text[same] == '.') &&
	    (same == len || filter[same] == '.'))
		return same;
	return whole;
}

/* The node of a filter, created if need be; NULL without memory. */
static struct trie_node *
reach(struct trie *t, const char *filter, size_t len)
{
	struct trie_node *node = t->root;

	for (;;) {
		struct token first = token_at(t, filter, len);
		struct trie_node *child = find_child(t, node, &first);
		size_t common;

		if (!child)
			return add_child(t, node, filter, len);
		common = common_length(child, filter, len);
		node = common < child->len ? split(t, child, common) : child;
		if (!node || common == len)
			return node;
		filter += common + 1;
		len -= common + 1;
	}
}

int
trie_insert(struct trie *t, const char *filter, size_t len,
            struct trie_entry *e)
{
	struct trie_node *node = reach(t, filter, len);

	if (!node)
		return -ENOMEM;
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
	shrink(t);
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
		at -= n->len;
		memcpy(buf + at, n->text, n->len);
	}
	len = 255 - at;
	memmove(buf, buf + at, len);
	return len;
}

void
trie_visit(const struct trie *t, size_t bucket, trie_found *found, void *user)
{
	const struct trie_node *node;

	if (!t->buckets[bucket])
		return;
	node = node_in(t->buckets[bucket]);
	if (node->entries)
		found(node->entries, user);
}

/* ---- match ------------------------------------------------------------------- */

struct walk {
	struct trie *trie;
	struct token tokens[TOPIC_MAX_TOKENS];
	unsigned n_tokens;
	trie_found *found;
	void *user;
};

/* A node whose text matches so far, and how many tokens that is. */
struct place {
	struct trie_node *node; /* NULL: nowhere */
	unsigned depth;
};

static void
report(const struct walk *w, const struct trie_node *node)
{
	for (struct trie_entry *e = node->entries; e; e = e->next)
		w->found(e, w->user);
}

/*
 * The child of `from` that begins with `token`, if all of its text matches the
 * topic from there on. A child that ends with `**` is reported here and leads
 * nowhere.
 */
static struct place
step(struct walk *w, struct place from, const struct token *token)
{
	const struct place nowhere = { NULL, 0 };
	struct trie_node *child = find_child(w->trie, from.node, token);
	unsigned depth = from.depth;
	struct token part = *token;
	const char *end;

	if (!child)
		return nowhere;
	w->trie->visits++;
	end = child->text + child->len;
	for (part.at = child->text;;) {
		if (is_tail(&part)) {
			report(w, child);
			return nowhere;
		}
		depth++;
		part.at += part.len;
		if (part.at == end)
			return (struct place){ child, depth };
		part.at++;
		part.len =
			(uint8_t)token_length(part.at, (size_t)(end - part.at));
		if (depth == w->n_tokens)
			return nowhere;
		if (!is_any(&part) && !is_tail(&part) &&
		    !token_equals(&part, &w->tokens[depth]))
			return nowhere;
	}
}

/*
 * At each node there are at most two ways on, literal and `*`; one is followed
 * at once, the other saved for later. As a trie is a tree, two ways never meet,
 * so no node is visited twice.
 */
static void
follow(struct walk *w)
{
	struct place later[TOPIC_MAX_TOKENS];
	struct place at = { w->trie->root, 0 };
	unsigned n_later = 0;
	/* leading wildcards do not match topics of the broker */
	bool wild = w->tokens[0].at[0] != '$';

	for (;;) {
		struct place literal = { NULL, 0 }, any = { NULL, 0 };

		if (at.depth == w->n_tokens) {
			report(w, at.node);
		} else {
			if (wild && at.node->has_tail)
				step(w, at, &token_tail);
			if (wild && at.node->has_any)
				any = step(w, at, &token_any);
			literal = step(w, at, &w->tokens[at.depth]);
		}
		wild = true;
		if (literal.node && any.node)
			later[n_later++] = any;
		if (literal.node)
			at = literal;
		else if (any.node)
			at = any;
		else if (n_later > 0)
			at = later[--n_later];
		else
			return;
	}
}

void
trie_match(struct trie *t, const char *topic, size_t len, trie_found *found,
           void *user)
{
	struct walk w;

	assert(len > 0 && len <= TOPIC_MAX);
	w.trie = t;
	w.found = found;
	w.user = user;
	w.n_tokens = 0;
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

/* ---- prefetch ----------------------------------------------------------- */

/* How many bytes of the topic the node's text covers, with the dot behind it; 0
   if it does not match, or if nothing of the topic is left. */
static size_t
text_length(const struct trie_node *node, const char *topic, size_t len)
{
	if (node->len >= len || topic[node->len] != '.' ||
	    memcmp(node->text, topic, node->len) != 0)
		return 0;
	return node->len + 1u;
}

uint32_t
trie_fetch_bucket(const struct trie *t, const char *topic, size_t len)
{
	const struct trie_node *node = t->root;

	for (;;) {
		struct token token = token_at(t, topic, len);
		uint32_t hash = child_hash(node, &token);
		size_t matched;

		if (token.len == len || node->n_children > MANY_CHILDREN) {
			__builtin_prefetch(&t->buckets[bucket_of(t, hash)]);
			return hash;
		}
		node = find_child(t, node, &token);
		if (!node)
			return 0;
		matched = text_length(node, topic, len);
		if (matched == 0)
			return hash;
		topic += matched;
		len -= matched;
	}
}

/* The first node in the bucket of this hash, or behind it, whose tag fits. */
static const struct trie_node *
first_of_hash(const struct trie *t, uint32_t hash)
{
	size_t i = bucket_of(t, hash);

	while (t->buckets[i] && !may_hold(t->buckets[i], hash))
		i = bucket_after(t, i);
	return t->buckets[i] ? node_in(t->buckets[i]) : NULL;
}

/* Prefetch an object that may span two cache lines. */
static void
fetch(const void *at, size_t size)
{
	__builtin_prefetch(at);
	__builtin_prefetch((const char *)at + size - 1);
}

void
trie_fetch_node(const struct trie *t, uint32_t hash)
{
	const struct trie_node *node = first_of_hash(t, hash);

	if (node)
		fetch(node, NODE_SIZE);
}

void
trie_fetch_entries(const struct trie *t, uint32_t hash)
{
	const struct trie_node *node = first_of_hash(t, hash);

	if (node && node->entries)
		fetch(node->entries, ENTRY_SIZE);
}
