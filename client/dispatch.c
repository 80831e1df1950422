/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* The loop: one round after another, run by one thread at a time. */
#include "parts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A publisher without a loop looks at its socket this often, when it
   publishes. */
#define QUIET_MS 5
/* How long a handle may occupy its loop when the caller did not limit the
   number of callbacks. */
#define KEEP_MS  2

int64_t
dispatch_deadline(int timeout_ms)
{
	return timeout_ms < 0 ? NEVER : sys_now() + timeout_ms;
}

int
dispatch_left(int64_t deadline)
{
	int64_t left;

	if (deadline == NEVER)
		return -1;
	left = deadline - sys_now();
	if (left <= 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

void
dispatch_attend(struct umbel *c, unsigned bits)
{
	atomic_fetch_or_explicit(&c->attention, bits, memory_order_release);
}

void
dispatch_wake(struct umbel *c)
{
	if (c->dispatcher != thread_self())
		sys_wake(&c->sys);
}

/* No thread dispatches: wake whoever watches the descriptor. Once is enough
   because it rings until a round waits and resets it. */
static void
ring(struct umbel *c)
{
	if (c->again)
		return;
	c->again = true;
	sys_wake(&c->sys);
}

void
dispatch_soon(struct umbel *c)
{
	dispatch_attend(c, ATTEND_DUE);
	if (c->dispatcher)
		dispatch_wake(c);
	else if (atomic_load(&c->watched))
		ring(c);
}

/* ---- what is due ------------------------------------------------------------ */

void
dispatch_state(struct umbel *c, enum umbel_state state,
               const struct umbel_state_info *info)
{
	struct state_event *e;

	if (!c->opt.on_state)
		return;
	if (c->n_events == STATE_EVENTS) {
		/* nobody dispatched for long: new events matter more */
		memmove(c->events, c->events + 1,
		        (STATE_EVENTS - 1) * sizeof(c->events[0]));
		c->n_events--;
	}
	e = &c->events[c->n_events++];
	*e = (struct state_event){ .state = state };
	if (info)
		e->info = *info;
	if (info && info->text)
		snprintf(e->text, sizeof(e->text), "%s", info->text);
	dispatch_attend(c, ATTEND_DUE);
	dispatch_wake(c);
}

static void
tell_state(struct umbel *c)
{
	struct state_event e = c->events[0];

	c->n_events--;
	memmove(c->events, c->events + 1, c->n_events * sizeof(c->events[0]));
	handle_unlock(c);
	e.info.text = e.text;
	c->opt.on_state(c, e.state, &e.info, c->opt.user);
	handle_lock(c);
}

static void
tell_barrier(struct umbel *c)
{
	struct barrier *b = STAILQ_FIRST(&c->due_barriers);
	struct barrier copy = *b;

	STAILQ_REMOVE_HEAD(&c->due_barriers, link);
	free(b);
	handle_unlock(c);
	copy.cb(c, copy.error, copy.user);
	handle_lock(c);
}

/* Even without on_writable this ends the wait of a dispatch, as one
   callback. */
static void
tell_room(struct umbel *c)
{
	c->room_due = false;
	if (!c->opt.on_writable)
		return;
	handle_unlock(c);
	c->opt.on_writable(c, c->opt.user);
	handle_lock(c);
}

static unsigned
tell_sub(struct umbel *c)
{
	struct umbel_sub *s = STAILQ_FIRST(&c->due_subs);
	unsigned n;

	STAILQ_REMOVE_HEAD(&c->due_subs, due_link);
	s->is_due = false;
	handle_unlock(c);
	n = sub_tell(c, s);
	handle_lock(c);
	return n;
}

/* Report the first thing that is due, if any. The lock is held, but not while
   the callback runs. */
static bool
tell_one(struct umbel *c, unsigned *n)
{
	if (!STAILQ_EMPTY(&c->due_subs)) {
		*n += tell_sub(c);
		return true;
	}
	if (c->n_events > 0)
		tell_state(c);
	else if (c->n_notices > 0)
		notice_tell(c);
	else if (!STAILQ_EMPTY(&c->due_barriers))
		tell_barrier(c);
	else if (!STAILQ_EMPTY(&c->asking.due))
		request_tell(c);
	else if (c->room_due)
		tell_room(c);
	else
		return false;
	++*n;
	return true;
}

/* Bounds one call, because a hundred thousand requests may end at once. */
static bool
is_enough(struct umbel *c, unsigned n)
{
	if (n < c->opt.dispatch_max)
		return false;
	dispatch_attend(c, ATTEND_DUE);
	return true;
}

unsigned
dispatch_due(struct umbel *c)
{
	unsigned n = 0;
	unsigned bits;

	if (!has_attention(c))
		return 0;
	bits = atomic_exchange_explicit(&c->attention, 0, memory_order_acquire);
	if (bits & ATTEND_ROUTES) {
		routes_invalidate(&c->routes);
		c->run.plain = false;
		c->run.only = NULL;
	}
	if (!(bits & ATTEND_DUE))
		return 0;
	handle_lock(c);
	while (!c->dying && !is_enough(c, n) && tell_one(c, &n))
		;
	handle_unlock(c);
	return n;
}

/* ---- timers ------------------------------------------------------------------ */

static int64_t
earliest(const struct deadlines *at)
{
	const int64_t all[] = { at->retry,   at->give_up, at->resend,
		                at->confirm, at->silence, at->request };
	int64_t first = NEVER;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		first = all[i] < first ? all[i] : first;
	return first;
}

/* An alarm that is too early stays set: it rings, and nothing is due. */
void
dispatch_arm(struct umbel *c)
{
	int64_t first = earliest(&c->at);

	if (first >= c->at.armed)
		return;
	if (sys_set_timer(&c->sys, first) == 0)
		c->at.armed = first;
}

void
dispatch_heard(struct umbel *c)
{
	c->heard_at = sys_now();
	c->asked_at = 0;
}

static void
give_up(struct umbel *c, int64_t now)
{
	char text[256];

	switch (c->link) {
	case LINK_DOWN:
		c->at.give_up = NEVER;
		return;
	case LINK_HELLO:
		snprintf(text, sizeof(text),
		         "connect to %s: it accepts, but did not say WELCOME "
		         "within %d ms",
		         c->address->sun_path, c->opt.handshake_ms);
		conn_lost(c, -ETIMEDOUT, text);
		return;
	case LINK_RESTORE:
		snprintf(text, sizeof(text),
		         "connect to %s: the broker did not answer our "
		         "subscriptions for %d ms",
		         c->address->sun_path, c->opt.handshake_ms);
		conn_lost(c, -ETIMEDOUT, text);
		return;
	case LINK_UP:
		conn_lost(c, -EPIPE, "the broker takes nothing more");
		return;
	case LINK_LEAVING:
		/* others may still have to send; it closes when they have */
		c->at.give_up = c->heard_at + LEAVE_MS;
		if (c->at.give_up > now && !c->write_ended)
			return;
		conn_lost(c, UMBEL_E_GOAWAY,
		          "the broker was shutting down, but did not close "
		          "the connection");
		return;
	}
}

static void
look_for_life(struct umbel *c, int64_t now)
{
	char text[128];

	if (c->link != LINK_UP) {
		c->at.silence = NEVER;
	} else if (c->paused || now < c->held_until) {
		/* we do not read, or the broker does not: silence is normal */
		c->asked_at = 0;
		c->at.silence = now + c->opt.ping_ms;
	} else if (now - c->heard_at < c->opt.ping_ms) {
		c->at.silence = c->heard_at + c->opt.ping_ms;
	} else if (c->asked_at == 0) {
		barrier_ask_own(c);
		c->asked_at = now;
		c->at.silence = now + c->opt.ping_ms;
	} else if (now - c->asked_at < c->opt.ping_ms) {
		c->at.silence = c->asked_at + c->opt.ping_ms;
	} else {
		snprintf(text, sizeof(text),
		         "the broker gave no sign of life for %lld ms",
		         (long long)(now - c->heard_at));
		conn_lost(c, -ETIMEDOUT, text);
	}
}

/* Lock held. `listened` says that all input has been seen. Without it a silence
   proves nothing, because we did not listen. */
static void
run_timers(struct umbel *c, int64_t now, bool listened)
{
	if (now < earliest(&c->at)) {
		dispatch_arm(c); /* it may have rung too early, and only once */
		return;
	}
	if (c->at.retry <= now && c->link == LINK_DOWN)
		conn_attempt(c, now);
	if (c->at.resend <= now) {
		c->at.resend = NEVER;
		send_pending(c);
	}
	if (c->at.confirm <= now) {
		c->at.confirm = NEVER;
		barrier_confirm(c);
	}
	if (c->at.give_up <= now) {
		/* without a dispatcher nobody will listen any more */
		if ((listened && !c->paused) ||
		    (c->write_ended && !c->dispatcher))
			give_up(c, now);
		else
			c->at.give_up = now + JUDGE_MS;
	}
	if (c->at.silence <= now) {
		if (listened)
			look_for_life(c, now);
		else
			c->at.silence = now + JUDGE_MS;
	}
	if (c->at.request <= now)
		request_expire(c, now, listened);
	dispatch_arm(c);
}

/* ---- one round ----------------------------------------------------------------- */

/* Role held: is there work that the kernel does not know about? */
static bool
has_more(struct umbel *c)
{
	if (has_attention(c))
		return true;
	return receive_has_frame(c) && !next_is_full(c);
}

/* `asked`: the kernel was asked which events are ready; `listened`: in
   addition, all input was processed. */
static void
finish_turn(struct umbel *c, bool asked, bool listened)
{
	handle_lock(c);
	c->stats.received += c->received;
	c->received = 0;
	c->paused = next_is_full(c);
	run_timers(c, sys_now(), listened);
	/* a round ends here, so write even if corked. While there is always
	   more input, the kernel is not asked whether it takes output: try */
	if (!c->blocked || !asked)
		send_pending(c);
	else
		send_watch(c);
	handle_unlock(c);
}

/* Run the callbacks that the round has made due. Their publishes belong to the
   round: nothing else might send them. */
static unsigned
tell_last(struct umbel *c)
{
	unsigned n = dispatch_due(c);

	if (n == 0 || c->dying)
		return n;
	handle_lock(c);
	if (!c->blocked)
		send_pending(c);
	handle_unlock(c);
	return n;
}

unsigned
dispatch_turn(struct umbel *c, int timeout_ms)
{
	bool more = has_more(c);
	struct sys_ready ready = { .in = !more && rx_expects_more(c) };
	bool ask = !more && !ready.in;
	unsigned n;

	if (ask)
		sys_wait(&c->sys, timeout_ms, &ready);
	if (ready.wake)
		c->again = false;
	if (ready.timer || ready.out) {
		handle_lock(c);
		if (ready.timer)
			c->at.armed = NEVER;
		if (ready.out)
			send_pending(c);
		handle_unlock(c);
	}
	n = dispatch_due(c);
	if (!c->dying && n < c->opt.dispatch_max)
		n += receive(c, ready.in, c->opt.dispatch_max - n);
	if (c->dying)
		return n;
	finish_turn(c, ask, ask && !receive_has_frame(c));
	return n + tell_last(c);
}

void
dispatch_quietly(struct umbel *c, int64_t now)
{
	if (c->dispatcher || c->encoding)
		return;
	if (c->link != LINK_DOWN && now - c->quiet_at < QUIET_MS)
		return;
	c->quiet_at = now;
	receive_quietly(c);
	run_timers(c, now, !receive_has_frame(c));
	if (has_more(c))
		ring(c);
}

/* ---- the role ------------------------------------------------------------------- */

/* Lock held. A thread that has the role in passing may sleep with it: wake it
   and wait. Without time to wait, leave it the role: it dispatches as well. */
static void
claim(struct umbel *c, int64_t deadline)
{
	int left;

	c->n_claims++;
	while (c->passing && c->dispatcher != thread_self() &&
	       (left = dispatch_left(deadline)) != 0) {
		sys_wake(&c->sys);
		handle_wait(c, left);
	}
	c->n_claims--;
}

int
dispatch_begin(struct umbel *c, int64_t deadline)
{
	int r = 0;

	if (handle_check(c) < 0)
		return handle_check(c);
	handle_lock(c);
	claim(c, deadline);
	if (c->dispatcher == thread_self())
		r = handle_fail(c, -EDEADLK, "not inside a callback");
	else if (c->passing)
		r = -ETIMEDOUT;
	else if (c->dispatcher)
		r = handle_fail(c, -EBUSY, "another thread dispatches");
	else
		c->dispatcher = thread_self();
	handle_unlock(c);
	return r;
}

bool
dispatch_end(struct umbel *c)
{
	bool dying = c->dying;

	handle_lock(c);
	c->dispatcher = 0;
	c->passing = false;
	if (!dying && atomic_load(&c->watched) && has_more(c))
		ring(c);
	handle_changed(c);
	handle_unlock(c);
	if (dying)
		handle_destroy(c);
	return dying;
}

/* Lock held: take the role in passing, for a call other than dispatching. */
static void
pass(struct umbel *c)
{
	c->dispatcher = thread_self();
	c->passing = true;
}

int
dispatch_until(struct umbel *c, int timeout_ms,
               bool (*done)(struct umbel *c, void *arg), void *arg)
{
	int64_t deadline = dispatch_deadline(timeout_ms);
	bool tried = false;
	int r = 0;

	if (handle_check(c) < 0)
		return handle_check(c);
	handle_lock(c);
	while (!done(c, arg)) {
		int left = dispatch_left(deadline);

		if (c->dispatcher == thread_self()) {
			r = handle_fail(c, -EDEADLK, "not inside a callback");
			break;
		}
		if (left == 0 && tried) {
			r = -ETIMEDOUT;
			break;
		}
		tried = left == 0;
		if (!c->wanted)
			conn_want(c); /* otherwise we would wait in vain */
		if (c->dispatcher || c->n_claims > 0) {
			handle_wait(c, left);
			continue;
		}
		pass(c);
		handle_unlock(c);
		dispatch_turn(c, left);
		if (dispatch_end(c))
			return UMBEL_E_FREED;
		handle_lock(c);
	}
	handle_unlock(c);
	return r;
}

int
dispatch_overdue(struct umbel *c)
{
	bool overdue;

	handle_lock(c);
	/* `again` belongs to the dispatcher */
	overdue = !c->dispatcher && c->n_claims == 0 && c->again;
	if (overdue)
		pass(c);
	handle_unlock(c);
	if (!overdue)
		return 0;
	dispatch_turn(c, 0);
	return dispatch_end(c) ? UMBEL_E_FREED : 0;
}

/* ---- umbel.h -------------------------------------------------------------------- */

int
umbel_fd(struct umbel *c)
{
	if (handle_check(c) < 0)
		return handle_check(c);
	handle_lock(c);
	/* ring now for what was left over before umbel_fd() was called */
	if (!atomic_exchange(&c->watched, true) && !c->dispatcher &&
	    has_more(c))
		ring(c);
	handle_unlock(c);
	return c->sys.poller;
}

/*
 * A loop has called, and there is more to do: if the callbacks are quick, do
 * all of it at once. A handle that is read until it is empty gives its buffer
 * to the next handle of the process. Otherwise the loop would come back to it
 * when its data has left the processor's cache.
 */
static bool
goes_on(struct umbel *c, int timeout_ms, int64_t began)
{
	if (timeout_ms != 0 || !c->unbounded || c->dying ||
	    handle_is_foreign(c))
		return false;
	return (has_more(c) || rx_expects_more(c)) &&
	       sys_now() - began < KEEP_MS;
}

int
umbel_dispatch(struct umbel *c, int timeout_ms)
{
	int64_t deadline = dispatch_deadline(timeout_ms);
	unsigned n;
	int left;
	int r = dispatch_begin(c, deadline);

	if (r < 0)
		return r == -ETIMEDOUT ? 0 : r;
	do {
		left = dispatch_left(deadline);
		if (atomic_exchange(&c->woken, false))
			left = 0;
		n = dispatch_turn(c, left);
	} while (n == 0 && left != 0 && !c->dying && !handle_is_foreign(c));
	while (n > 0 && goes_on(c, timeout_ms, deadline))
		n += dispatch_turn(c, 0);
	return dispatch_end(c) ? UMBEL_E_FREED : (int)n;
}

static int
failure_of(struct umbel *c)
{
	int failed;

	handle_lock(c);
	failed = c->failed;
	handle_unlock(c);
	return failed;
}

int
umbel_run(struct umbel *c)
{
	int failed = 0;
	int r = dispatch_begin(c, NEVER);

	if (r < 0)
		return r;
	while (!failed && !atomic_exchange(&c->stopped, false)) {
		/* when it has failed there is nothing to wait for */
		dispatch_turn(c, failure_of(c) ? 0 : -1);
		if (c->dying || handle_is_foreign(c))
			break;
		failed = failure_of(c);
	}
	return dispatch_end(c) ? UMBEL_E_FREED : failed;
}

void
umbel_stop(struct umbel *c)
{
	if (!c || handle_is_foreign(c))
		return;
	atomic_store(&c->stopped, true);
	sys_wake(&c->sys);
}

void
umbel_wake(struct umbel *c)
{
	if (!c || handle_is_foreign(c))
		return;
	atomic_store(&c->woken, true);
	sys_wake(&c->sys);
}
