/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * trie - a tree of filters. To find those that match a topic, a walk visits
 * only nodes that match it up to their first token, each of them once.
 *
 * A node holds one or more tokens below its parent: where a filter shares
 * nothing more with others, the rest of its text is in one node, which is split
 * when another filter shares a part of it. `*` and `**` are tokens like others
 * here. The children of all nodes are in one hash table, keyed by parent and
 * first token, so that a million filters cost about a million small nodes and
 * no table for each. Entries are attached to the node where their filter ends,
 * as many as there are for that filter; they are embedded in the subscriber's
 * struct.
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
	/* tagged nodes; n_buckets is a power of two */
	char **buckets;
	size_t n_buckets;
	size_t n_taken; /* buckets in use, including those of removed nodes */
	size_t n_nodes; /* not counting the root */
	size_t n_entries;
	uint64_t seed;   /* for the hash: clients choose the tokens */
	uint64_t visits; /* nodes visited by trie_match(): its cost */
};

/* Returns 0 or -ENOMEM. `seed` should be random if clients are not trusted. */
int trie_init(struct trie *t, uint64_t seed);

/* Frees the nodes; entries that are still attached are not touched. */
void trie_fini(struct trie *t);

/*
 * Attach `e` to a valid filter. The caller must not move it until
 * trie_remove(). Returns 0, or -ENOMEM with nothing changed.
 */
int trie_insert(struct trie *t, const char *filter, size_t len,
                struct trie_entry *e);

/* Detach `e`, and free the nodes that are no longer needed. */
void trie_remove(struct trie *t, struct trie_entry *e);

/* Write the text of the filter of `e`, without NUL; returns its length. */
size_t trie_filter(const struct trie_entry *e, char buf[255]);

typedef void trie_found(struct trie_entry *e, void *user);

/* Call `found` for each entry whose filter matches a valid topic. `found` must
   not change the trie. */
void trie_match(struct trie *t, const char *topic, size_t len,
                trie_found *found, void *user);

/*
 * Prefetch what trie_match() will read, in steps, each of which needs the
 * result of the one before: the bucket where the path of the topic leaves the
 * nodes that are in the cache anyway, a node in that bucket, the entries of the
 * node. The first step returns the hash that the others take, or 0 if there is
 * nothing to fetch. This follows exact filters, and filters whose wildcards
 * come after that point. The topic need not be valid.
 */
uint32_t trie_fetch_bucket(const struct trie *t, const char *topic, size_t len);
void trie_fetch_node(const struct trie *t, uint32_t hash);
void trie_fetch_entries(const struct trie *t, uint32_t hash);

/*
 * Call `found` for one entry of each filter in this bucket, below t->n_buckets:
 * visiting every bucket visits every filter once.
 */
void trie_visit(const struct trie *t, size_t bucket, trie_found *found,
                void *user);

#endif
