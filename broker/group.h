/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * group - a queue group: each message goes to one of its members.
 *
 * A group is identified by its name and the text of its filter. It has one
 * entry of its own in the router's trie, however many members it has, and
 * routes lead to it as they lead to outboxes. The member that gets a message is
 * chosen when the message arrives: the one that owes its client the fewest
 * bytes, in turn among equals, and one whose outbox is full only when all are.
 * A member that keeps up is worth waiting for: it may be chosen while it is
 * briefly full, and then the group as a whole counts as full.
 *
 * A group without members is no longer found, but its memory stays until
 * groups_sweep(), because a caller that is distributing messages may still use
 * it.
 */
#ifndef UMBELD_GROUP_H
#define UMBELD_GROUP_H

#include <stddef.h>

#include "list.h"
#include "proto/message.h"
#include "subscription.h"

#define GROUP_NAME_MAX    64u
/* How often one session may be a member of the same group. The choice for each
   message looks at every membership. */
#define GROUP_SESSION_MAX 64u

/* A subscription that is a member of a group. */
struct member {
	struct subscription sub; /* first; not in the trie itself */
	struct group *group;
	uint32_t place; /* in group->members */
	/* in session.awaited, while the group is awaited */
	struct link awaited;
};

struct group {
	struct subscription sub; /* first: the group's entry in the trie */
	struct group *next;      /* in its bucket, or in groups.empty */
	uint64_t hash;
	struct member **members;
	uint32_t n;
	uint32_t cap;
	uint32_t turn; /* where the next choice begins */
	bool awaited;  /* see hold.h */
	uint8_t name_len;
	char name[];
};

/* All groups, by name and filter. */
struct groups {
	struct group **buckets; /* n_buckets is a power of two */
	size_t n_buckets;
	size_t n;
	struct group *empty; /* without members, to be freed by a sweep */
	uint64_t seed;
};

/* Returns 0 or -ENOMEM. `seed` should be random. */
int groups_init(struct groups *gs, uint64_t seed);
/* There must be no groups left except those to be swept. */
void groups_fini(struct groups *gs);

/* Returns NULL when there is none. */
struct group *groups_find(const struct groups *gs, struct text name,
                          struct text filter);

/*
 * Add a group that is about to get its first member. The caller puts it into
 * the trie. Returns NULL without memory. The name is at most GROUP_NAME_MAX
 * bytes.
 */
struct group *groups_add(struct groups *gs, struct text name,
                         struct text filter);

/* Remove a group that has no members: it is no longer found, and a sweep frees
   it. */
void groups_remove(struct groups *gs, struct group *g);
void groups_sweep(struct groups *gs);

/* Returns 0, or -ENOMEM with nothing changed. */
int group_join(struct group *g, struct member *m);
void group_leave(struct member *m);

/*
 * Choose the member that gets the next message. NULL when there is none but
 * members of the outbox `except` (or none at all). *least is a lower bound of
 * what a member with room owes: 0 at first. Keeping it between calls saves
 * looking at all members, and is correct as long as outboxes only grow.
 */
struct member *group_choose(struct group *g, const struct outbox *except,
                            size_t *least);

/*
 * NULL when the member that would be chosen next has room. Otherwise the outbox
 * of that member, which the publisher must wait for; but never `own`, nor an
 * outbox whose policy is not to block.
 */
struct outbox *group_find_full(const struct group *g, const struct outbox *own);

/* Is any member not behind? Such a member is chosen before those that are. */
bool group_keeps_up(const struct group *g);

bool group_has(const struct group *g, const struct outbox *o);
/* How many members of the group belong to this outbox? */
uint32_t group_count(const struct group *g, const struct outbox *o);

/* The member whose subscription this is; it must be in_group. */
static inline struct member *
member_of(struct subscription *sub)
{
	return (struct member *)sub;
}

static inline struct member *
member_of_awaited(struct link *l)
{
	return (struct member *)((char *)l - offsetof(struct member, awaited));
}

/* The text of a subscription's filter, also for a member; see trie_filter(). */
size_t subscription_filter(const struct subscription *sub, char buf[255]);

#endif
