/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * flush, drain, close: a PING follows the published messages, and its PONG says
 * that all of them have been routed, and how many reached a subscriber.
 */
#include "parts.h"

#include <errno.h>
#include <stdlib.h>

/* The time for a goodbye that the kernel has no room for yet. */
#define GOODBYE_MS 250

void
barrier_free(struct umbel *c, struct barrier *b)
{
	/* a caller that waits frees it, whatever happens to the handle */
	if (b != &c->own && b != &c->last && !b->waited_for)
		free(b);
}

/* ---- asking ------------------------------------------------------------------- */

static uint64_t
next_token(struct umbel *c)
{
	c->last_token = (c->last_token + 1) % (UINT64_C(1) << 53);
	if (c->last_token == 0)
		c->last_token = 1;
	return c->last_token;
}

static int
ping(struct umbel *c, uint64_t token)
{
	struct message m = { .type = TYPE_PING, .ping = { .token = token } };

	return send_control(c, &m);
}

static void
append(struct umbel *c, struct barrier *b)
{
	b->pending = true;
	b->done = false;
	STAILQ_INSERT_TAIL(&c->barriers, b, link);
}

/* Returns an error instead of breaking the connection, because a caller without
   the role must not do that. */
static int
ask(struct umbel *c)
{
	struct barrier *b;
	bool any = false;
	uint64_t token;

	if (c->link != LINK_UP)
		return 0;
	STAILQ_FOREACH (b, &c->barriers, link)
		any |= b->token == 0;
	if (!any)
		return 0;
	token = next_token(c);
	if (ping(c, token) < 0)
		return -ENOMEM;
	STAILQ_FOREACH (b, &c->barriers, link) {
		if (b->token != 0)
			continue;
		b->token = token;
		b->position = c->taken;
	}
	return 0;
}

static void
take_out(struct umbel *c, struct barrier *b)
{
	STAILQ_REMOVE(&c->barriers, b, barrier, link);
	b->pending = false;
}

void
barrier_ask(struct umbel *c)
{
	if (ask(c) < 0)
		conn_lost(c, -ENOMEM, "no memory for a PING");
}

void
barrier_ask_own(struct umbel *c)
{
	if (c->own.pending || c->link != LINK_UP)
		return;
	c->own.token = 0;
	append(c, &c->own);
	barrier_ask(c);
	send_pending(c);
}

void
barrier_confirm(struct umbel *c)
{
	/* the next PONG tells whether there is anything left to ask */
	if (!STAILQ_EMPTY(&c->barriers))
		return;
	/* do not grow a full buffer for this: its messages are unsent anyway */
	if (out_pending(&c->out) > 0 && !out_has_room(&c->out, MESSAGE_MAX))
		c->at.confirm = sys_now() + c->confirm_ms;
	else
		barrier_ask_own(c);
}

/* Only the frame in hand is sent before it; see next_to_send(). */
void
barrier_ask_last(struct umbel *c)
{
	uint64_t token = next_token(c);

	if (c->last.pending || ping(c, token) < 0)
		return;
	append(c, &c->last);
	c->last.token = token;
	c->last.position = c->sent + out_is_publish_in_hand(&c->out);
}

/* ---- answers -------------------------------------------------------------------- */

static void
complete(struct umbel *c, struct barrier *b, int error)
{
	take_out(c, b);
	b->done = true;
	b->error = error;
	if (b->cb) {
		STAILQ_INSERT_TAIL(&c->due_barriers, b, link);
		dispatch_attend(c, ATTEND_DUE);
		dispatch_wake(c);
	} else if (!b->waited_for) {
		barrier_free(c, b); /* its caller has given up */
	}
}

static bool
is_asked_for(const struct umbel *c, const struct barrier *b)
{
	return b != &c->own && b != &c->last;
}

/* Is anybody interested? A caller that waited may have given up. */
static bool
is_heard(const struct barrier *b)
{
	return b->cb || b->waited_for;
}

static uint64_t
at_most(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The broker counts from its last PING to this one. A count higher than
   possible is capped. */
static void
settle(struct umbel *c, uint64_t position, const struct message_pong *m)
{
	uint64_t n, refused;

	if (position <= c->settled)
		return;
	n = position - c->settled;
	refused = at_most(m->refused.value, n);
	c->stats.refused += refused;
	c->stats.confirmed += n - refused;
	c->stats.unmatched += at_most(m->unmatched.value, n - refused);
	c->settled = position;
}

void
barrier_answered(struct umbel *c, const struct message_pong *m)
{
	int error = c->loss_untold ? -ECONNRESET : 0;
	struct barrier *b, *next;
	uint64_t position = 0;
	bool told = false;

	if (m->token == 0) {
		replay_confirmed(c);
		return;
	}
	for (b = STAILQ_FIRST(&c->barriers); b; b = next) {
		next = STAILQ_NEXT(b, link);
		if (b->token != m->token)
			continue;
		position = b->position;
		told |= is_heard(b);
		complete(c, b, is_asked_for(c, b) ? error : 0);
	}
	/* the kernel cannot have delivered what it did not take */
	settle(c, at_most(position, c->sent), m);
	if (told)
		c->loss_untold = false;
	c->at.confirm = NEVER;
	if (c->sent != c->settled)
		c->at.confirm = sys_now() + c->confirm_ms;
	dispatch_arm(c);
	handle_changed(c);
}

void
barrier_connection_lost(struct umbel *c, bool keep)
{
	struct barrier *b, *next;

	for (b = STAILQ_FIRST(&c->barriers); b; b = next) {
		next = STAILQ_NEXT(b, link);
		if (!is_asked_for(c, b)) {
			complete(c, b, -ECONNRESET);
		} else if (keep || b->token == 0) {
			b->token = 0; /* for the next connection */
		} else {
			c->loss_untold &= !is_heard(b);
			complete(c, b, -ECONNRESET);
		}
	}
}

void
barrier_failed(struct umbel *c, int error)
{
	while (!STAILQ_EMPTY(&c->barriers))
		complete(c, STAILQ_FIRST(&c->barriers), error);
}

/* ---- umbel.h -------------------------------------------------------------------- */

/* Lock held. */
static int
begin(struct umbel *c, umbel_done_cb *cb, void *user, bool drain,
      struct barrier **out)
{
	struct barrier *b;

	if (c->failed)
		return handle_fail(c, c->failed, "flush: not connected");
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->cb = cb;
	b->user = user;
	b->waited_for = cb == NULL;
	if (drain)
		sub_end_all(c);
	append(c, b);
	if (ask(c) < 0) {
		take_out(c, b);
		free(b);
		return handle_fail(c, -ENOMEM, "flush: no memory");
	}
	if (c->fd >= 0 && !send_is_corked(c))
		send_now(c);
	if (out)
		*out = b;
	return 0;
}

static int
later(struct umbel *c, umbel_done_cb *cb, void *user, bool drain)
{
	int r;

	if (handle_check(c) < 0)
		return handle_check(c);
	if (!cb)
		return handle_refuse(c, -EINVAL, "flush: no callback");
	handle_lock(c);
	r = begin(c, cb, user, drain, NULL);
	handle_unlock(c);
	return r;
}

static bool
is_done(struct umbel *c, void *arg)
{
	const struct barrier *b = arg;

	(void)c;
	return b->done;
}

static int
and_wait(struct umbel *c, int timeout_ms, bool drain)
{
	struct barrier *b = NULL;
	int r;

	if (handle_check(c) < 0)
		return handle_check(c);
	handle_lock(c);
	if (c->dispatcher == thread_self())
		r = handle_fail(c, -EDEADLK, "not inside a callback");
	else
		r = begin(c, NULL, NULL, drain, &b);
	if (b)
		send_now(c); /* even if corked: we wait for it */
	handle_unlock(c);
	if (!b)
		return r;
	r = dispatch_until(c, timeout_ms, is_done, b);
	if (r == UMBEL_E_FREED) {
		free(b);
		return r;
	}
	handle_lock(c);
	if (b->done) {
		r = b->error;
		free(b);
	} else {
		b->waited_for = false; /* freed when its PONG comes */
	}
	handle_unlock(c);
	return r;
}

int
umbel_flush(struct umbel *c, umbel_done_cb *cb, void *user)
{
	return later(c, cb, user, false);
}

int
umbel_drain(struct umbel *c, umbel_done_cb *cb, void *user)
{
	return later(c, cb, user, true);
}

int
umbel_flush_wait(struct umbel *c, int timeout_ms)
{
	return and_wait(c, timeout_ms, false);
}

int
umbel_drain_wait(struct umbel *c, int timeout_ms)
{
	return and_wait(c, timeout_ms, true);
}

/* ---- close ------------------------------------------------------------------------ */

static bool
is_settled(struct umbel *c, void *arg)
{
	(void)arg;
	if (c->failed || c->settled == c->taken)
		return true;
	barrier_ask_own(c);
	return false;
}

/* Without a goodbye, the broker publishes our will. It is sent before messages
   that could not be sent in time, which are dropped; only a frame in hand has
   to be finished first. */
static void
say_goodbye(struct umbel *c)
{
	struct message m = { .type = TYPE_GOAWAY,
		             .goaway = { .reason = text_from("done") } };

	if (c->fd < 0 || c->write_ended)
		return;
	if (c->link == LINK_UP) {
		send_pending(c);
		c->link = LINK_LEAVING;
	}
	if (send_control_first(c, &m) == 0)
		send_pending(c);
}

static bool
is_said(struct umbel *c, void *arg)
{
	(void)arg;
	return c->fd < 0 || c->write_ended || out_pending(&c->ctrl) == 0;
}

/* The last part of the time to close is reserved for the goodbye. */
static int
time_for_messages(int timeout_ms)
{
	int part = timeout_ms / 4;

	if (timeout_ms < 0)
		return timeout_ms;
	return timeout_ms - (part < GOODBYE_MS ? part : GOODBYE_MS);
}

/* Lock held: no callback is called for a message any more. */
static void
stop_delivery(struct umbel *c)
{
	struct umbel_sub *s;

	TAILQ_FOREACH (s, &c->subs, link)
		atomic_store(&s->live, false);
	request_forget_all(c);
	next_fini(c); /* a full queue would stop us from reading */
	c->closing = true;
}

int64_t
umbel_close(struct umbel *c, int timeout_ms)
{
	int64_t deadline = dispatch_deadline(timeout_ms);
	uint64_t left;
	bool inside;

	if (!c)
		return 0;
	if (handle_check(c) < 0)
		return handle_check(c);
	handle_lock(c);
	inside = c->dispatcher == thread_self();
	if (inside)
		handle_fail(c, -EDEADLK, "not inside a callback");
	else
		stop_delivery(c);
	left = c->taken - c->stats.confirmed;
	handle_unlock(c);
	if (inside)
		return -EDEADLK;

	if (out_pending(&c->out) > 0)
		umbel_connect(c, 0); /* if it was never called */
	if (dispatch_until(c, time_for_messages(timeout_ms), is_settled,
	                   NULL) == UMBEL_E_FREED)
		return (int64_t)left;
	handle_lock(c);
	left = c->taken - c->stats.confirmed;
	say_goodbye(c);
	handle_unlock(c);
	if (dispatch_until(c, dispatch_left(deadline), is_said, NULL) ==
	    UMBEL_E_FREED)
		return (int64_t)left;
	handle_destroy(c);
	return (int64_t)left;
}
