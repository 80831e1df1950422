/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "unfinished.h"

#include <inttypes.h>
#include <stddef.h>

#include "clock.h"
#include "quota.h"
#include "session.h"

/* They may have this part of all memory, ... */
#define MEMORY_PART 2u
/* ... and pause for this part of stall_ms. */
#define STALL_PART  4u

static size_t
begun(const struct session *s)
{
	/* one that is held is not read, and not to blame */
	if (s->state == SESSION_ENDING ||
	    (session_is_waiting(s) && !s->in_need))
		return 0;
	return s->ops->begun(s);
}

/* Its memory goes now, lest another has to go for it: its last words' at once if
   the kernel takes them, and its slab though that may take a while. */
static void
let_go(struct session *s)
{
	s->ops->try_send(s);
	s->ops->squeeze(s);
}

/* ---- how they come on ------------------------------------------------------ */

static void
look_at(struct session *s, uint64_t now_ms)
{
	uint32_t n = (uint32_t)begun(s);

	if (n > 0 && waiter_is_waiting(&s->waiter) && s->ops->is_cut_off(s)) {
		session_end(s);
		let_go(s);
		return;
	}
	if (n != s->begun || waiter_is_waiting(&s->waiter))
		s->begun_since =
			(uint32_t)now_ms; /* who waits, waits for others */
	s->begun = n;
}

/* Nothing of it has come since, and it would have been read. */
static bool
rests_since(const struct session *s, uint64_t ms)
{
	uint64_t now_ms = clock_now_ms();

	return now_ms - clock_age(now_ms, s->begun_since) <= ms &&
	       s->broker->memory_short_ms <= ms;
}

/* ---- which of them go ------------------------------------------------------ */

/* What all occupy; and each user's that may go because they rest. */
static size_t
count(struct broker *b, uint64_t since_ms)
{
	struct session *s;
	size_t all = 0;

	TAILQ_FOREACH (s, &b->sessions, link)
		*quota_unfinished(s->user) = 0;
	TAILQ_FOREACH (s, &b->sessions, link) {
		size_t n = begun(s) > 0 ? s->ops->input_memory(s) : 0;

		all += n;
		if (rests_since(s, since_ms))
			*quota_unfinished(s->user) += n;
	}
	return all;
}

/* NULL: nobody has any. */
static struct quota_user *
user_with_most(struct broker *b)
{
	struct quota_user *user = NULL;
	const struct session *s;
	size_t most = 0;

	TAILQ_FOREACH (s, &b->sessions, link) {
		if (*quota_unfinished(s->user) <= most)
			continue;
		user = s->user;
		most = *quota_unfinished(user);
	}
	return user;
}

static void
break_off(struct session *s, size_t occupied, size_t all)
{
	const struct broker *b = s->broker;

	session_fail(s, STATUS_NO_MEMORY,
	             "frames that had begun occupied %zu bytes when memory was "
	             "short for %" PRIu64
	             " ms (limit %zu, half of memory-max), "
	             "this one %zu",
	             all, clock_now_ms() - b->memory_short_ms,
	             b->pool.max / MEMORY_PART, occupied);
	let_go(s);
}

/* Somebody waits, and they have more than they may. */
static bool
have_too_much(const struct broker *b, size_t all)
{
	return all > b->pool.max / MEMORY_PART &&
	       !waiters_are_empty(&b->pool.waiters);
}

/* This user's go, as many as it takes. What do all occupy then? */
static size_t
break_off_those_of(struct broker *b, const struct quota_user *user,
                   uint64_t since_ms, size_t all)
{
	struct session *s;

	TAILQ_FOREACH (s, &b->sessions, link) {
		size_t n = s->ops->input_memory(s);

		if (!have_too_much(b, all))
			break;
		if (s->user != user || begun(s) == 0 ||
		    !rests_since(s, since_ms))
			continue;
		break_off(s, n, all);
		all -= n;
	}
	return all;
}

/* Those that rest since then. Was there any? */
static bool
give_way(struct broker *b, uint64_t since_ms)
{
	size_t all = count(b, since_ms), before = all;
	struct quota_user *user;

	while (have_too_much(b, all) && (user = user_with_most(b))) {
		all = break_off_those_of(b, user, since_ms, all);
		*quota_unfinished(user) = 0;
	}
	return all < before;
}

/* ---- when ------------------------------------------------------------------- */

void
unfinished_look(struct broker *b, uint64_t now_ms)
{
	uint32_t pause_ms = b->config->stall_ms / STALL_PART;
	struct session *s;

	TAILQ_FOREACH (s, &b->sessions, link)
		look_at(s, now_ms);
	if (now_ms >= pause_ms)
		give_way(b, now_ms - pause_ms);
}

bool
unfinished_end(struct broker *b)
{
	return give_way(b, UINT64_MAX);
}
