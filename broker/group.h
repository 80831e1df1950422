/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * group - a queue group: each message goes to one of its members.
 *
 * A group is the pair of a name and the text of a filter. It hangs in the
 * router's trie by an entry of its own, once however many members it has, and
 * routes lead to it as they lead to outboxes. Who gets a message is chosen
 * when the message is there: the member that owes its client least, in turn
 * among equals, and one whose outbox is full only when all are. One that keeps
 * up is worth waiting for: while it is full for a moment it may be chosen, and
 * then the group is in the way.
 *
 * A group without members is nobody's, but its memory stays until
 * groups_sweep(): whoever is handing messages out may still hold it.
 */
#ifndef UMBELD_GROUP_H
#define UMBELD_GROUP_H

#include <stddef.h>

#include "list.h"
#include "proto/message.h"
#include "subscription.h"

#define GROUP_NAME_MAX    64u
/* One session is a member of a group so often at most: each time is looked at
   for each message. */
#define GROUP_SESSION_MAX 64u

/* A subscription that is one of a group. */
struct member {
	struct subscription sub; /* first; it hangs in no trie itself */
	struct group *group;
	uint32_t place;      /* in group->members */
	struct link awaited; /* in its session's, while the group is awaited */
};

struct group {
	struct subscription sub; /* first: by this it hangs in the trie */
	struct group *next;      /* in its bucket, or of those to be swept */
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
	struct group **buckets; /* a power of two of them */
	size_t n_buckets;
	size_t n;
	struct group *empty; /* to be swept */
	uint64_t seed;
};

/* 0 or -ENOMEM. `seed` should be random. */
int groups_init(struct groups *gs, uint64_t seed);
/* There may be no groups left, but those to be swept. */
void groups_fini(struct groups *gs);

/* NULL when there is none. */
struct group *groups_find(const struct groups *gs, struct text name,
                          struct text filter);

/*
 * A group with a member to be, hung in the trie by nobody yet; NULL without
 * memory. The name is at most GROUP_NAME_MAX bytes.
 */
struct group *groups_add(struct groups *gs, struct text name,
                         struct text filter);

/* It has no members: it is not found any more, and gone after a sweep. */
void groups_remove(struct groups *gs, struct group *g);
void groups_sweep(struct groups *gs);

/* Returns 0, or -ENOMEM with nothing changed. */
int group_join(struct group *g, struct member *m);
void group_leave(struct member *m);

/*
 * Who gets the next message; NULL when nobody is there but members of the
 * outbox `except` (or nobody at all). *least is what a member with room owes
 * at least: 0 at first; kept between calls it saves looking at all of them,
 * for as long as outboxes only grow.
 */
struct member *group_choose(struct group *g, const struct outbox *except,
                            size_t *least);

/*
 * NULL when who would be chosen next has room. Else the outbox that is in the
 * way, which is that of this member; but never `own`, nor one whose policy is
 * another than to block.
 */
struct outbox *group_find_full(const struct group *g, const struct outbox *own);

/* Is any of its members not behind? That one is chosen before those who are. */
bool group_keeps_up(const struct group *g);

bool group_has(const struct group *g, const struct outbox *o);
/* How many of its members are this one's? */
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

/* The text of a subscription's filter, a member's too, as trie_filter(). */
size_t subscription_filter(const struct subscription *sub, char buf[255]);

#endif
