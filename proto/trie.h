/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * trie - filters, kept so that those that match a topic are found by walking
 * only nodes that match it up to their first token, each of them once.
 *
 * A node is one token or more below its parent: a filter that shares nothing
 * behind some token has the rest of its text in one node, which is parted when
 * another comes that shares some of it. `*` and `**` are tokens like others
 * here. The children of all nodes lie in one hash table, keyed by parent and
 * first token, so that a million filters cost about a million small nodes and
 * no table each. Entries hang on the node in which their filter ends, as many
 * as there are of that filter; they are embedded in whatever subscribes.
 */
#ifndef UMBEL_PROTO_TRIE_H
#define UMBEL_PROTO_TRIE_H

#include <stddef.h>
#include <stdint.h>

struct trie_node;

struct trie_entry {
	struct trie_node *node; /* NULL: not in a trie */
	struct trie_entry *next;
	struct trie_entry *prev;
};

struct trie {
	struct trie_node *root;
	char **buckets; /* a power of two of them: a node's address, and a bit */
	size_t n_buckets;
	size_t n_taken; /* some by what has gone */
	size_t n_nodes; /* without the root */
	size_t n_entries;
	uint64_t seed;   /* of the hash: clients choose the tokens */
	uint64_t visits; /* nodes looked at by trie_match(): what that cost */
};

/* 0 or -ENOMEM. `seed` should be random where clients are strangers. */
int trie_init(struct trie *t, uint64_t seed);

/* Frees the nodes; entries still in it are forgotten, not touched. */
void trie_fini(struct trie *t);

/*
 * Hang `e` on a valid filter. The caller keeps it in place until
 * trie_remove(). Returns 0, or -ENOMEM with nothing changed.
 */
int trie_insert(struct trie *t, const char *filter, size_t len,
                struct trie_entry *e);

/* Take `e` off, and the nodes that nobody needs any more. */
void trie_remove(struct trie *t, struct trie_entry *e);

/* The text of the filter that `e` hangs on: its length; not NUL-terminated. */
size_t trie_filter(const struct trie_entry *e, char buf[255]);

typedef void trie_found(struct trie_entry *e, void *user);

/* Call `found` for each entry whose filter matches a valid topic. It must not
   change the trie. */
void trie_match(struct trie *t, const char *topic, size_t len,
                trie_found *found, void *user);

/*
 * Have the processor fetch what trie_match() will wait for, step by step, each
 * of which needs the one before to have come: the bucket in which the topic
 * leaves what is hot, a node in there, its entries. The first step says which
 * it is, 0 if none. It follows exact filters, and those with wildcards behind
 * that place. The topic need not be a valid one.
 */
uint32_t trie_fetch_bucket(const struct trie *t, const char *topic, size_t len);
void trie_fetch_node(const struct trie *t, uint32_t hash);
void trie_fetch_entries(const struct trie *t, uint32_t hash);

/*
 * Call `found` for one entry of each filter that lies in this bucket, below
 * t->n_buckets: once through the buckets is once through all filters.
 */
void trie_visit(const struct trie *t, size_t bucket, trie_found *found,
                void *user);

#endif
