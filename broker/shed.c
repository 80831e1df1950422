/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "shed.h"

#include <stddef.h>

#include "hold.h"
#include "report.h"
#include "session.h"

/* When memory is short and the largest backlog is below this, all of it is
   dropped. */
#define KEEP_MIN (64u << 10)

/* ---- one outbox ----------------------------------------------------------- */

static bool
is_at_mark(const struct outbox *o)
{
	return outbox_owes(o) >= o->limits->high;
}

static void
no_memory(struct session *s)
{
	session_evict(s, "no memory for its outbox");
}

static struct measured
owed(const struct session *s)
{
	return (struct measured){ "owed", outbox_owes(&s->out),
		                  s->out.limits->high, "outbox-high" };
}

static struct measured
memory_in_use(const struct broker *b)
{
	return (struct measured){ "in_use", b->pool.used, b->pool.max,
		                  "memory-max" };
}

/* Drop its oldest messages, because of `why`, until it owes at most `keep`. */
static void
drop(struct session *s, size_t keep, struct measured why)
{
	uint64_t frames, bytes;
	int r = outbox_drop_oldest(&s->out, keep, &frames, &bytes);

	session_lost(s, frames, bytes);
	if (frames > 0)
		report_dropped(s, frames, bytes, &why);
	if (r < 0)
		no_memory(s);
	else
		hold_made_room(s);
}

/* The kernel may have room that it has not reported: first offer it what is
   queued. */
static void
make_room(struct session *s)
{
	s->ops->try_send(s);
	if (is_at_mark(&s->out))
		drop(s, s->out.limits->low, owed(s));
}

/* The message that has come is the one that is lost. */
static enum shed
lose(struct session *s, uint64_t frames, uint64_t bytes, const char *reason)
{
	const struct measured why = owed(s);

	session_lost(s, frames, bytes);
	report_dropped(s, frames, bytes, &why);
	if (outbox_gap(&s->out, frames, bytes, reason) < 0)
		no_memory(s);
	return SHED_LOSE;
}

void
shed_soon(struct outbox *o)
{
	struct broker *b = session_of_outbox(o)->broker;

	if (o->policy != OVERFLOW_BLOCK && is_at_mark(o) &&
	    !deadline_is_set(&o->clock))
		deadline_set(&b->overflows, &o->clock);
}

enum shed
shed_admit(struct outbox *o, uint64_t frames, uint64_t bytes)
{
	struct session *s = session_of_outbox(o);

	switch (o->policy) {
	case OVERFLOW_DROP_OLDEST:
		if (is_at_mark(o))
			make_room(s);
		if (is_at_mark(o))
			return lose(s, frames, bytes, GAP_DROPPED);
		return SHED_TAKE;
	case OVERFLOW_DISCONNECT:
		s->ops->try_send(s);
		return is_at_mark(o) ? SHED_TAKE_LAST : SHED_TAKE;
	case OVERFLOW_BLOCK:
		break;
	}
	if (outbox_owes(o) >= 2 * o->limits->high)
		return lose(s, frames, bytes, "full, and this could not wait");
	return SHED_TAKE;
}

void
shed_cut_off(struct outbox *o)
{
	session_evict(session_of_outbox(o),
	              "owed %zu bytes (limit %zu, outbox-high), and asked to "
	              "be disconnected then",
	              outbox_owes(o), o->limits->high);
}

void
shed_on_overflow(struct deadline *d, void *broker)
{
	struct outbox *o =
		(struct outbox *)((char *)d - offsetof(struct outbox, clock));
	struct session *s = session_of_outbox(o);

	(void)broker;
	if (o->policy == OVERFLOW_DROP_OLDEST) {
		make_room(s);
		return;
	}
	s->ops->try_send(s);
	if (is_at_mark(o))
		shed_cut_off(o);
}

/* ---- memory --------------------------------------------------------------- */

/* What could be dropped, not counting the frame that is being written. */
static size_t
backlog(const struct session *s)
{
	if (s->out.policy != OVERFLOW_DROP_OLDEST || s->state != SESSION_OPEN)
		return 0;
	return outbox_owes(&s->out) - s->out.answer_bytes;
}

static size_t
largest_backlog(const struct broker *b)
{
	const struct session *s;
	size_t most = 0;

	TAILQ_FOREACH (s, &b->sessions, link)
		most = backlog(s) > most ? backlog(s) : most;
	return most;
}

static void
drop_all_to(struct broker *b, size_t keep)
{
	struct session *s;

	TAILQ_FOREACH (s, &b->sessions, link) {
		if (backlog(s) <= keep)
			continue;
		drop(s, keep, memory_in_use(b));
		outbox_pack(&s->out);
	}
}

/* Copy what is left, because it may lie in memory that was allocated for much
   more. */
static void
squeeze(struct broker *b)
{
	struct session *s;

	TAILQ_FOREACH (s, &b->sessions, link)
		outbox_squeeze(&s->out);
}

/*
 * A message that several sessions owe is in memory once, and is freed when the
 * last of them has dropped it. So all of them drop to the same level, which is
 * lowered step by step.
 */
void
shed_for_memory(struct broker *b)
{
	size_t keep = largest_backlog(b);

	while (keep > 0 && !waiters_are_empty(&b->pool.waiters)) {
		keep = keep > KEEP_MIN ? keep / 4 * 3 : 0;
		drop_all_to(b, keep);
	}
	if (!waiters_are_empty(&b->pool.waiters))
		squeeze(b);
}

void
shed_ending(struct broker *b)
{
	struct session *s;

	TAILQ_FOREACH (s, &b->sessions, link) {
		if (s->state != SESSION_ENDING)
			continue;
		drop(s, 0, memory_in_use(b));
		outbox_pack(&s->out);
	}
}
