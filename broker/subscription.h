/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * subscription - a filter, and the outbox of whoever subscribed to it.
 *
 * It is an entry of the router's trie. There may be a million of them, so what
 * only few need is elsewhere: what a member of a queue group needs is in struct
 * member.
 */
#ifndef UMBELD_SUBSCRIPTION_H
#define UMBELD_SUBSCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "outbox.h"
#include "proto/trie.h"

/* Owned by the subscriber; must not move until router_unsubscribe(). */
struct subscription {
	struct trie_entry entry;
	struct outbox *to;
	uint32_t id;   /* the client's number for it */
	bool monitor;  /* does not count as a responder */
	bool in_group; /* of a member, or of the group itself */
};

#endif
