/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* The life of a connection: attempt, handshake, up, end, pause, attempt. */
#include "parts.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "proto/frame.h"
#include "proto/status.h"

/* No broker seriously asks for a longer pause. */
#define GOAWAY_MAX_MS 60000

enum umbel_state
conn_state(const struct umbel *c)
{
	switch (c->link) {
	case LINK_DOWN:
		break;
	case LINK_HELLO:
	case LINK_RESTORE:
		return UMBEL_CONNECTING;
	case LINK_UP:
	case LINK_LEAVING:
		return UMBEL_CONNECTED;
	}
	return c->failed ? UMBEL_FAILED : UMBEL_DISCONNECTED;
}

/* ---- up -------------------------------------------------------------------- */

/* As in PROTOCOL.md, in the order of enum umbel_overflow. */
static const char *const policies[] = { "block", "drop-oldest", "disconnect" };

static int
say_hello(struct umbel *c)
{
	struct message hello = {
		.type = TYPE_HELLO,
		.hello = { .version = PROTOCOL_VERSION,
		           .name = text_from(c->name) },
	};
	struct options *o = &hello.hello.options;

	if (c->opt.overflow != UMBEL_BLOCK)
		o->overflow = text_from(policies[c->opt.overflow]);
	if (c->will)
		o->will = (struct text){ (const char *)c->will, c->will_len };
	return send_control_first(c, &hello);
}

void
conn_want(struct umbel *c)
{
	c->wanted = true;
	c->failed = 0;
	c->retry_ms = 0;
	c->at.retry = sys_now();
	dispatch_soon(c);
}

void
conn_attempt(struct umbel *c, int64_t now)
{
	char text[320];
	int fd, r;

	/* a user's broker may start later than this client */
	if (c->n_connects == 0)
		c->address = address_prefer(c->addresses);
	fd = address_connect(c->address, &c->opt, text, sizeof(text));
	c->at.retry = NEVER;
	if (fd < 0) {
		conn_lost(c, fd, text);
		return;
	}
	c->fd = fd;
	c->link = LINK_HELLO;
	c->write_ended = false;
	c->blocked = false;
	c->heard_at = now;
	c->at.give_up = now + c->opt.handshake_ms;
	dispatch_state(c, UMBEL_CONNECTING, NULL);

	r = say_hello(c);
	if (r == 0)
		r = sub_restore_all(c);
	if (r < 0) {
		conn_lost(c, r, "no memory for the handshake");
		return;
	}
	send_pending(c);
}

static void
take_policy(struct umbel *c, struct text granted)
{
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		if (text_equals(granted, policies[i]))
			c->overflow = (enum umbel_overflow)i;
	}
}

uint64_t
conn_welcomed(struct umbel *c, const struct message_welcome *m)
{
	uint32_t max = m->limits.max_frame;
	uint64_t dropped;

	if (m->version < PROTOCOL_VERSION_MIN ||
	    m->version > PROTOCOL_VERSION) {
		char text[128];

		snprintf(text, sizeof(text),
		         "the broker wants version %u of the protocol, "
		         "we know %u",
		         (unsigned)m->version, PROTOCOL_VERSION);
		conn_lost(c, UMBEL_E_VERSION, text);
		return 0;
	}
	if (m->session == 0) {
		conn_protocol(c, "a WELCOME without a session");
		return 0;
	}
	c->session = m->session;
	c->uid = m->uid;
	take_policy(c, m->limits.overflow);
	if (max == 0)
		max = FRAME_MAX_DEFAULT;
	c->max_frame = max < FRAME_MAX_BELIEVED ? max : FRAME_MAX_BELIEVED;
	if (request_welcomed(c, m->limits.inbox) < 0) {
		conn_lost(c, -ENOMEM, "no memory for requests that wait");
		return 0;
	}
	dropped = out_drop_longer(&c->out, c->max_frame);
	c->sent += dropped;
	c->settled += dropped;
	c->stats.refused += dropped;
	if (dropped > 0)
		handle_fail(c, -EMSGSIZE,
		            "%llu waiting messages were longer than the %zu "
		            "bytes that this broker takes",
		            (unsigned long long)dropped, c->max_frame);

	c->link = LINK_RESTORE;
	if (request_restore(c) < 0) {
		conn_lost(c, -ENOMEM, "no memory for the handshake");
		return dropped;
	}
	if (c->restoring == 0)
		conn_restored(c);
	else
		send_pending(c);
	return dropped;
}

void
conn_restored(struct umbel *c)
{
	struct umbel_state_info info = {
		.unconfirmed = c->last_unconfirmed,
		.reconnects = c->n_connects,
	};

	if (replay_values(c) < 0) {
		conn_lost(c, -ENOMEM, "no memory to publish last values again");
		return;
	}
	c->link = LINK_UP;
	c->up_since = sys_now();
	c->at.give_up = NEVER;
	if (c->opt.ping_ms > 0)
		c->at.silence = c->up_since + c->opt.ping_ms;
	c->last_failure = 0;
	c->stats.reconnects = c->n_connects++;
	dispatch_state(c, UMBEL_CONNECTED, &info);
	barrier_ask(c);
	send_pending(c);
	handle_changed(c);
}

/* ---- down ------------------------------------------------------------------- */

void
conn_close(struct umbel *c)
{
	if (c->fd < 0)
		return;
	sys_watch(&c->sys, c->fd, SYS_NONE);
	close(c->fd);
	c->fd = -1;
}

/* 75 to 125 % of it, so that a thousand clients do not reconnect at once. */
static int64_t
jitter(struct umbel *c, int64_t ms)
{
	/* xorshift64 */
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return ms * (int64_t)(75 + c->random % 51) / 100;
}

static int
as_int(int64_t ms)
{
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

static int
next_pause(struct umbel *c, int64_t now, bool planned)
{
	int64_t base, pause;

	if (planned) {
		c->retry_ms = 0;
		c->planned_until = now + c->goaway_ms + PLANNED_MS;
		return as_int(c->goaway_ms + jitter(c, c->opt.retry_first_ms));
	}
	base = c->retry_ms ? (int64_t)c->retry_ms * 2 : c->opt.retry_first_ms;
	if (base > c->opt.retry_last_ms)
		base = c->opt.retry_last_ms;
	if (now < c->planned_until && base > PLANNED_PAUSE_MS)
		base = PLANNED_PAUSE_MS;
	c->retry_ms = (int)base;
	pause = jitter(c, base);
	if (now < c->planned_until && pause > PLANNED_PAUSE_MS)
		pause = PLANNED_PAUSE_MS;
	return as_int(pause);
}

/* Frames that were sent are gone; those that wait stay for the next
   connection. */
static uint64_t
forget_what_was_sent(struct umbel *c, bool drop_in_hand)
{
	uint64_t unconfirmed = c->sent - c->settled;
	uint64_t dropped = out_restart(&c->out, drop_in_hand);

	out_fini(&c->ctrl);
	c->stats.unconfirmed += unconfirmed;
	c->stats.refused += dropped;
	c->sent += dropped;
	c->settled = c->sent;
	if (unconfirmed > 0)
		c->loss_untold = true;
	return unconfirmed;
}

static void
lost(struct umbel *c, int error, const char *text, bool drop_in_hand)
{
	bool was_up = c->link == LINK_UP || c->link == LINK_LEAVING;
	bool planned = c->link == LINK_LEAVING;
	bool had_socket = c->link != LINK_DOWN;
	bool hopeless = c->link == LINK_HELLO && (error == UMBEL_E_VERSION ||
	                                          error == UMBEL_E_UNSUPPORTED);
	struct umbel_state_info info = { .error = error, .text = text };
	int64_t now = sys_now();

	conn_close(c);
	c->link = LINK_DOWN;
	c->session = 0;
	c->uid = 0;
	c->overflow = c->opt.overflow;
	c->restoring = 0;
	c->asked_at = 0;
	c->held_until = 0;
	c->last_failure = handle_fail(c, error, "%s", text);
	receive_reset(c);
	notice_connection_lost(c);
	info.unconfirmed = forget_what_was_sent(c, drop_in_hand);
	if (was_up)
		c->last_unconfirmed = info.unconfirmed;
	if (had_socket) {
		request_connection_lost(c);
		barrier_connection_lost(c, planned && info.unconfirmed == 0);
		sub_connection_lost(c);
	}
	c->at.give_up = c->at.resend = c->at.confirm = c->at.silence = NEVER;

	if (hopeless) {
		c->failed = error;
		request_failed(c, error, text);
		barrier_failed(c, error);
		dispatch_state(c, UMBEL_FAILED, &info);
	} else {
		if (was_up && now - c->up_since >= STOOD_MS)
			c->retry_ms = 0;
		info.retry_ms = next_pause(c, now, planned);
		c->at.retry = now + info.retry_ms;
		dispatch_state(c, UMBEL_DISCONNECTED, &info);
	}
	dispatch_arm(c);
	handle_changed(c);
}

void
conn_lost(struct umbel *c, int error, const char *text)
{
	lost(c, error, text, false);
}

void
conn_protocol(struct umbel *c, const char *format, ...)
{
	char what[160];
	char text[320];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(text, sizeof(text), "%s does not speak umbel: it sent %s",
	         c->address->sun_path, what);
	conn_lost(c, UMBEL_E_PROTOCOL, text);
}

/* Would the broker refuse the frame in hand again the next time? */
static bool
blames_a_frame(unsigned code)
{
	return code == STATUS_FRAME_TOO_BIG || code == STATUS_BAD_FRAME ||
	       code == STATUS_BAD_TOPIC || code == STATUS_BAD_REPLY;
}

void
conn_fatal(struct umbel *c, const struct message_error *m)
{
	char words[200];
	char text[256];

	control_text(words, sizeof(words), m->text);
	snprintf(text, sizeof(text), "the broker closed the connection: %s",
	         words[0] ? words : status_words(m->code));
	lost(c, control_error(m->code), text, blames_a_frame(m->code));
}

void
conn_leave(struct umbel *c, const struct message_goaway *m)
{
	if (c->link == LINK_LEAVING)
		return;
	c->goaway_ms =
		m->delay_ms < GOAWAY_MAX_MS ? (int)m->delay_ms : GOAWAY_MAX_MS;
	c->link = LINK_LEAVING;
	c->at.give_up = sys_now() + LEAVE_MS;
	c->at.silence = NEVER;
	barrier_ask_last(c);
	send_pending(c);
}

/* ---- umbel.h ------------------------------------------------------------------ */

static bool
is_connected(struct umbel *c, void *arg)
{
	(void)arg;
	return c->failed || c->link == LINK_UP;
}

int
umbel_connect(struct umbel *c, int timeout_ms)
{
	int r;

	if (handle_check(c) < 0)
		return handle_check(c);
	handle_lock(c);
	if (!c->wanted || c->failed)
		conn_want(c);
	handle_unlock(c);
	if (timeout_ms == 0)
		return 0;
	r = dispatch_until(c, timeout_ms, is_connected, NULL);
	if (r == UMBEL_E_FREED)
		return r;
	handle_lock(c);
	if (c->failed)
		r = c->failed;
	else if (r == -ETIMEDOUT && c->last_failure)
		r = c->last_failure;
	else if (r == -ETIMEDOUT)
		handle_fail(c, r, "connect to %s: no answer within %d ms",
		            c->address->sun_path, timeout_ms);
	handle_unlock(c);
	return r;
}
