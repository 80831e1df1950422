/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * calls - requests that wait for replies, found by their number and by their
 * deadline.
 *
 * This is a hash table with open addressing, plus a heap of the requests that
 * have a deadline: with a hundred thousand requests in progress each operation
 * still takes only a few steps. Nothing here knows what a request is for.
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
	size_t place; /* index in the heap plus 1; 0: it has no deadline */

	umbel_reply_cb *cb;
	void *user;
	int timeout_ms;
	unsigned n_replies;
	unsigned max_replies;
	bool gather;
	bool cut;  /* messages were lost meanwhile, perhaps replies to it */
	bool kept; /* its frame waits for the next connection */

	STAILQ_ENTRY(call) link; /* once it has ended: in asking.due */
	int error;
	char *text; /* the broker's text; may be NULL */
};

struct calls {
	struct call **slots; /* a power of two; at least half are free */
	size_t n_slots;
	size_t n;
	struct call **heap; /* heap[0] ends first; as many places as slots */
	size_t n_heap;
};

void calls_fini(struct calls *calls);

/* Borrow `call`, which has a new id, and set its deadline to INT64_MAX (none).
   0 or -ENOMEM. */
int calls_add(struct calls *calls, struct call *call);
void calls_remove(struct calls *calls, struct call *call);
void calls_set_deadline(struct calls *calls, struct call *call,
                        int64_t deadline);

/* NULL when there is none. */
struct call *calls_find(const struct calls *calls, uint64_t id);
/* The request with the earliest deadline; NULL: none has a deadline. */
struct call *calls_first_due(const struct calls *calls);
/* Iterate over all requests, starting with *at = 0: the next one, or NULL. None
   may be added meanwhile; if the returned one is removed, decrement *at. */
struct call *calls_next(const struct calls *calls, size_t *at);

#endif
