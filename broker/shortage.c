/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "shortage.h"

#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "shed.h"
#include "sys.h"
#include "unfinished.h"

/* ---- waiting ------------------------------------------------------------ */

static uint64_t
in_need_since(const struct session *s)
{
	uint64_t now_ms = clock_now_ms();

	return now_ms - clock_age(now_ms, s->in_need_since);
}

/* The timeout runs from when the first waiter began to wait, or from when the
   last session was ended, to see whether that helped. */
void
shortage_watch(struct broker *b)
{
	struct waiter *first = waiters_first(&b->pool.waiters);
	uint64_t since_ms;

	if (!first) {
		deadline_clear(&b->memory_wait);
		if (b->n_need_told == 0)
			deadline_clear(&b->memory_tick);
		return;
	}
	since_ms = in_need_since(session_of_waiter(first));
	if (since_ms < b->memory_cut_ms)
		since_ms = b->memory_cut_ms;
	deadline_set_from(&b->memory_waits, &b->memory_wait, since_ms);
}

static void
take_last_place(struct session *s)
{
	s->in_need = true;
	s->in_need_since = (uint32_t)clock_now_ms();
	waiters_add(&s->broker->pool.waiters, &s->waiter);
}

/* The session had memory and needs more for the same frame. Few waiters are
   before it: only those in the same situation. */
static void
return_to_place(struct session *s)
{
	struct waiters *ws = &s->broker->pool.waiters;
	struct waiter *w = waiters_first(ws);

	while (w && in_need_since(session_of_waiter(w)) < in_need_since(s))
		w = waiters_next(ws, w);
	waiters_insert(ws, &s->waiter, w);
}

void
shortage_wait(struct session *s)
{
	struct broker *b = s->broker;

	if (s->in_need)
		return_to_place(s);
	else
		take_last_place(s);
	shortage_watch(b);
	if (!deadline_is_set(&b->memory_tick)) {
		deadline_set(&b->memory_ticks, &b->memory_tick);
		b->memory_short_ms = clock_now_ms();
	}
	shed_for_memory(b);
}

/* Who waits is left alone, since its hold remembers where its message lies. */
bool
shortage_squeeze(struct broker *b)
{
	struct session *s;
	bool any = false;

	TAILQ_FOREACH (s, &b->sessions, link) {
		if (s->ops->squeeze && !session_is_waiting(s))
			any |= s->ops->squeeze(s);
	}
	return any;
}

bool
shortage_keep(struct session *s)
{
	struct slab_pool *pool = &s->broker->pool;

	s->keeps_memory = slab_pool_has(pool, SLAB_SIZE);
	if (s->keeps_memory) {
		slab_pool_charge(pool, SLAB_SIZE);
		shortage_is_over(s);
	}
	return s->keeps_memory;
}

void
shortage_release(struct session *s)
{
	if (!s->keeps_memory)
		return;
	s->keeps_memory = false;
	slab_pool_uncharge(&s->broker->pool, SLAB_SIZE);
}

/* ---- notices ------------------------------------------------------------ */

#define LIMIT_WORDS_MAX 64u

static void
tell(struct session *s, bool on)
{
	const struct slab_pool *pool = &s->broker->pool;
	const struct measured m = { "in_use", pool->used, pool->max,
		                    "memory-max" };
	char name[LIMIT_WORDS_MAX];

	s->need_told = on;
	s->broker->n_need_told += on ? 1 : (size_t)-1;
	snprintf(name, sizeof(name), "memory-max %zu", pool->max);
	sys_tell_slowed(s, name, text_from(""), &m, on);
}

static void
begin_telling(struct session *s)
{
	const struct slab_pool *pool = &s->broker->pool;
	char words[SESSION_WORDS_MAX];

	log_event(&s->broker->log, LOG_WARN, LOG_HELD,
	          "held %s in_use=%zu limit=%zu of=memory-max",
	          session_words(s, words), pool->used, pool->max);
	tell(s, true);
}

static void
end_telling(struct session *s)
{
	char words[SESSION_WORDS_MAX];

	log_event(&s->broker->log, LOG_INFO, LOG_HELD,
	          "released held_ms=%" PRIu64 " %s of=memory-max",
	          clock_now_ms() - in_need_since(s), session_words(s, words));
	tell(s, false);
}

void
shortage_forget(struct session *s)
{
	s->in_need = false;
	if (s->need_told)
		tell(s, false);
	shortage_watch(s->broker);
}

static void
look_at(struct session *s, uint64_t now_ms)
{
	if (s->need_told && !s->in_need)
		end_telling(s);
	else if (s->in_need && !s->need_told && s->state == SESSION_OPEN &&
	         now_ms - in_need_since(s) >= s->broker->config->hold_notice_ms)
		begin_telling(s);
}

void
shortage_on_tick(struct deadline *d, void *broker)
{
	struct broker *b = broker;
	uint64_t now = clock_now_ms();
	struct session *s;

	TAILQ_FOREACH (s, &b->sessions, link)
		look_at(s, now);
	unfinished_look(b, now);
	if (!waiters_are_empty(&b->pool.waiters) || b->n_need_told > 0)
		deadline_set(&b->memory_ticks, d);
}

/* ---- ending sessions ---------------------------------------------------- */

/* Bytes that have left its outbox but not been sent, because they wait in
   another form. */
static size_t
carried(const struct session *s)
{
	return s->ops->output_memory ? s->ops->output_memory(s) : 0;
}

static size_t
owed(const struct session *s)
{
	return s->out.bytes + carried(s);
}

static size_t
occupied(const struct session *s)
{
	return s->ops->input_memory(s);
}

static size_t
debt_of_uid(const struct broker *b, uid_t uid,
            size_t (*debt)(const struct session *))
{
	const struct session *s;
	size_t sum = 0;

	TAILQ_FOREACH (s, &b->sessions, link)
		sum += s->peer.uid == uid ? debt(s) : 0;
	return sum;
}

/*
 * The session with the largest debt among those of the user with the largest
 * debt; NULL when there is no debt. Quadratic in users, but only called when
 * memory has been short for seconds.
 */
static struct session *
worst_debtor(struct broker *b, size_t (*debt)(const struct session *))
{
	struct session *worst = NULL, *s;
	size_t most = 0;

	TAILQ_FOREACH (s, &b->sessions, link) {
		size_t sum;

		if (s->state == SESSION_ENDING || debt(s) == 0)
			continue;
		if (worst && worst->peer.uid == s->peer.uid) {
			if (debt(s) > debt(worst))
				worst = s;
			continue;
		}
		sum = debt_of_uid(b, s->peer.uid, debt);
		if (sum > most) {
			most = sum;
			worst = s;
		}
	}
	return worst;
}

/* Close sessions that are ending and have not read their last frames. */
static void
abandon_ending(struct broker *b)
{
	struct session *s;

	TAILQ_FOREACH (s, &b->sessions, link) {
		if (s->state == SESSION_ENDING && owed(s) > 0)
			s->ops->abandon(s);
	}
}

/*
 * End one session. Sessions that do not read come first. If nobody owes
 * anything, the memory is occupied by incomplete frames, each of which needs
 * what the others have. If evicting a session will hardly help, sessions that
 * are ending are closed at once.
 */
static void
end_worst(struct broker *b)
{
	struct session *s = worst_debtor(b, owed);

	if (!s || owed(s) < SLAB_SIZE)
		abandon_ending(b);
	if (s) {
		session_evict(
			s,
			"owed %zu bytes when memory was short for "
			"%" PRIu32
			" ms, with %zu bytes in use (limit %zu, memory-max)",
			owed(s), b->config->stall_ms, b->pool.used,
			b->pool.max);
		/* none of that was cut, and it is the reason for the
		   eviction */
		if (carried(s) > 0)
			s->ops->abandon(s);
		return;
	}
	s = worst_debtor(b, occupied);
	if (s)
		session_fail(
			s, STATUS_NO_MEMORY,
			"a frame that had begun occupied %zu bytes when "
			"memory was short for %" PRIu32
			" ms, with %zu bytes in use (limit %zu, memory-max)",
			occupied(s), b->config->stall_ms, b->pool.used,
			b->pool.max);
}

void
shortage_on_due(struct deadline *d, void *broker)
{
	struct broker *b = broker;
	const struct waiter *first = waiters_first(&b->pool.waiters);

	(void)d;
	log_event(&b->log, LOG_WARN, LOG_MEMORY,
	          "memory is short, clients are not read in_use=%zu limit=%zu "
	          "waited_ms=%" PRIu32,
	          b->pool.used, b->pool.max, b->config->stall_ms);
	b->memory_cut_ms = clock_now_ms();
	shed_ending(b);
	if (waiters_first(&b->pool.waiters) == first && !unfinished_end(b))
		end_worst(b);
	shortage_watch(b);
}
