/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * calls - requests that wait for replies, found by their number and by their
 * deadline.
 *
 * A hash table with open addressing, and beside it a heap of those that have a
 * deadline: with a hundred thousand under way each step is still a few looks.
 * Nothing here knows what a request is for.
 */
#ifndef UMBEL_CLIENT_CALLS_H
#define UMBEL_CLIENT_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "umbel.h"

struct call {
	uint64_t id;
	int64_t deadline;
	size_t place; /* in the heap, from 1; 0: it has no deadline */

	umbel_reply_cb *cb;
	void *user;
	int timeout_ms;
	unsigned n_replies;
	unsigned max_replies;
	bool gather;
	bool cut;  /* messages were lost meanwhile: replies, for all we know */
	bool kept; /* its frame waits for the next connection */

	STAILQ_ENTRY(call) link; /* when it has ended: those to be told */
	int error;
	char *text; /* the broker's words; may be NULL */
};

struct calls {
	struct call **slots; /* a power of two of them, half of them free */
	size_t n_slots;
	size_t n;
	struct call **heap; /* heap[0] is the first to end; as many as slots */
	size_t n_heap;
};

void calls_fini(struct calls *calls);

/* Borrows `call`, whose id is new and whose deadline is INT64_MAX: none. 0 or
   -ENOMEM. */
int calls_add(struct calls *calls, struct call *call);
void calls_remove(struct calls *calls, struct call *call);
void calls_set_deadline(struct calls *calls, struct call *call,
                        int64_t deadline);

/* NULL when there is none. */
struct call *calls_find(const struct calls *calls, uint64_t id);
/* The one with the earliest deadline; NULL: none has any. */
struct call *calls_first_due(const struct calls *calls);
/* For a walk through all, from at = 0: the next one, or NULL. None may come
   meanwhile; when the one that was returned goes, `at` is one less. */
struct call *calls_next(const struct calls *calls, size_t *at);

#endif
