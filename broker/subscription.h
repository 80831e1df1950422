/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * subscription - a filter, and the outbox of whoever subscribed to it.
 *
 * It hangs in the router's trie. A million may exist, so what only few of them
 * need is elsewhere: those of a queue group are in a struct member.
 */
#ifndef UMBELD_SUBSCRIPTION_H
#define UMBELD_SUBSCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "outbox.h"
#include "proto/trie.h"

/* Lives in whoever subscribed; in place until router_unsubscribe(). */
struct subscription {
	struct trie_entry entry;
	struct outbox *to;
	uint32_t id;   /* the client's number for it */
	bool monitor;  /* does not count as a responder */
	bool in_group; /* a member's, or what a group hangs in the trie by */
};

#endif
