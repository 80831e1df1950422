/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "calls.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_SLOTS 16u
/* A larger table is freed when no request is in progress. */
#define SLOTS_KEPT  1024u

void
calls_fini(struct calls *calls)
{
	free(calls->slots);
	free(calls->heap);
	*calls = (struct calls){ 0 };
}

/* ---- by number --------------------------------------------------------------- */

/* Ids count up: without hashing, neighbors would pile up behind a long-lived
   request. */
static size_t
home(const struct calls *calls, uint64_t id)
{
	uint64_t h = id * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(h >> 32) & (calls->n_slots - 1);
}

static size_t
after(const struct calls *calls, size_t at)
{
	return (at + 1) & (calls->n_slots - 1);
}

static void
put(struct calls *calls, struct call *call)
{
	size_t at = home(calls, call->id);

	while (calls->slots[at])
		at = after(calls, at);
	calls->slots[at] = call;
}

static int
grow(struct calls *calls)
{
	size_t n_old = calls->n_slots;
	size_t n = n_old ? 2 * n_old : FIRST_SLOTS;
	struct call **old = calls->slots;
	struct call **heap;
	struct call **slots;

	heap = realloc(calls->heap, n * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	calls->heap = heap;
	slots = calloc(n, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	calls->slots = slots;
	calls->n_slots = n;
	for (size_t i = 0; i < n_old; i++) {
		if (old[i])
			put(calls, old[i]);
	}
	free(old);
	return 0;
}

int
calls_add(struct calls *calls, struct call *call)
{
	if (calls->n >= calls->n_slots / 2) {
		int r = grow(calls);

		if (r < 0)
			return r;
	}
	call->deadline = INT64_MAX;
	call->place = 0;
	put(calls, call);
	calls->n++;
	return 0;
}

struct call *
calls_find(const struct calls *calls, uint64_t id)
{
	size_t at;

	if (calls->n == 0)
		return NULL;
	at = home(calls, id);
	while (calls->slots[at] && calls->slots[at]->id != id)
		at = after(calls, at);
	return calls->slots[at];
}

/* Close the gap at `at`: move up the entries behind it that are not in their
   home slot because of it. */
static void
close_gap(struct calls *calls, size_t at)
{
	size_t mask = calls->n_slots - 1;

	for (size_t i = after(calls, at); calls->slots[i];
	     i = after(calls, i)) {
		size_t from_home =
			(i - home(calls, calls->slots[i]->id)) & mask;

		if (from_home < ((i - at) & mask))
			continue;
		calls->slots[at] = calls->slots[i];
		at = i;
	}
	calls->slots[at] = NULL;
}

struct call *
calls_next(const struct calls *calls, size_t *at)
{
	while (*at < calls->n_slots) {
		struct call *call = calls->slots[(*at)++];

		if (call)
			return call;
	}
	return NULL;
}

/* ---- by deadline --------------------------------------------------------------- */

static void
place(struct calls *calls, struct call *call, size_t at)
{
	calls->heap[at] = call;
	call->place = at + 1;
}

static void
move_up(struct calls *calls, struct call *call, size_t at)
{
	while (at > 0) {
		size_t parent = (at - 1) / 2;

		if (calls->heap[parent]->deadline <= call->deadline)
			break;
		place(calls, calls->heap[parent], at);
		at = parent;
	}
	place(calls, call, at);
}

static void
move_down(struct calls *calls, struct call *call, size_t at)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= calls->n_heap)
			break;
		if (child + 1 < calls->n_heap &&
		    calls->heap[child + 1]->deadline <
		            calls->heap[child]->deadline)
			child++;
		if (calls->heap[child]->deadline >= call->deadline)
			break;
		place(calls, calls->heap[child], at);
		at = child;
	}
	place(calls, call, at);
}

static void
leave_heap(struct calls *calls, struct call *call)
{
	size_t at = call->place - 1;
	struct call *last = calls->heap[--calls->n_heap];

	call->place = 0;
	if (last == call)
		return;
	if (last->deadline < call->deadline)
		move_up(calls, last, at);
	else
		move_down(calls, last, at);
}

void
calls_set_deadline(struct calls *calls, struct call *call, int64_t deadline)
{
	if (call->place)
		leave_heap(calls, call);
	call->deadline = deadline;
	if (deadline != INT64_MAX)
		move_up(calls, call, calls->n_heap++);
}

struct call *
calls_first_due(const struct calls *calls)
{
	return calls->n_heap > 0 ? calls->heap[0] : NULL;
}

void
calls_remove(struct calls *calls, struct call *call)
{
	size_t at = home(calls, call->id);

	while (calls->slots[at] != call)
		at = after(calls, at);
	close_gap(calls, at);
	if (call->place)
		leave_heap(calls, call);
	calls->n--;
	if (calls->n == 0 && calls->n_slots > SLOTS_KEPT)
		calls_fini(calls);
}
