/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* Handles the frames from the broker, one short function per frame. */
#include "parts.h"

#include <errno.h>
#include <string.h>

#include "proto/cursor.h"
#include "proto/status.h"
#include "proto/utf8.h"

void
control_text(char *buf, size_t n, struct text text)
{
	const uint8_t *at = (const uint8_t *)text.at;
	size_t left = text.len;
	size_t len = 0;

	while (left > 0) {
		uint32_t code_point;
		size_t size = utf8_decode(at, left, &code_point);
		bool shown = size > 0 && !utf8_is_control(code_point);

		size += size == 0;
		if (len + size >= n)
			break;
		if (shown)
			memcpy(buf + len, at, size);
		else
			buf[len] = '?';
		len += shown ? size : 1;
		at += size;
		left -= size;
	}
	buf[len] = '\0';
}

int
control_error(unsigned code)
{
	switch (code) {
	case STATUS_BAD_VERSION:
		return UMBEL_E_VERSION;
	case STATUS_BAD_TOPIC:
	case STATUS_BAD_REPLY:
		return UMBEL_E_TOPIC;
	case STATUS_SLOW_CONSUMER:
		return UMBEL_E_SLOW;
	case STATUS_UNSUPPORTED:
		return UMBEL_E_UNSUPPORTED;
	case STATUS_BAD_FILTER:
		return UMBEL_E_FILTER;
	case STATUS_DENIED:
	case STATUS_REVOKED:
		return UMBEL_E_DENIED;
	case STATUS_LIMIT:
		return UMBEL_E_LIMIT;
	case STATUS_NO_RESPONDER:
		return UMBEL_E_NO_RESPONDER;
	default:
		return UMBEL_E_REFUSED;
	}
}

static void
on_welcome(struct umbel *c, const struct message_welcome *m)
{
	struct notice n = { .kind = NOTICE_ERROR,
		            .error = { .error = -EMSGSIZE } };

	if (c->link != LINK_HELLO) {
		conn_protocol(c, "a second WELCOME");
		return;
	}
	if (conn_welcomed(c, m) == 0)
		return;
	memcpy(n.text, c->error_text, sizeof(n.text));
	notice_add(c, &n);
}

static void
on_answer(struct umbel *c, uint32_t request, uint64_t n_retained,
          const struct message_error *error)
{
	if (!sub_answered(c, request, n_retained, error))
		conn_protocol(c, "an answer to request %u, which is not next",
		              (unsigned)request);
}

/* A published message was refused. */
static void
refused(struct umbel *c, const struct message_error *m)
{
	struct notice n = { .kind = NOTICE_ERROR,
		            .error = { .error = control_error(m->code),
		                       .code = m->code } };

	control_text(n.text, sizeof(n.text), m->text);
	control_text(n.about, sizeof(n.about), m->about);
	handle_fail(c, n.error.error, "publish on %s: %s",
	            n.about[0] ? n.about : "?",
	            n.text[0] ? n.text : status_words(m->code));
	notice_add(c, &n);
}

static void
on_error(struct umbel *c, const struct message_error *m)
{
	if (m->fatal || c->link == LINK_HELLO)
		conn_fatal(c, m);
	else if (m->request != 0)
		on_answer(c, m->request, 0, m);
	else if (m->code == STATUS_REVOKED)
		sub_revoked(c, m);
	else if (!request_refused(c, m))
		refused(c, m);
}

/* Until when a hold explains the silence of the broker. A hold by a rate limit,
   which has no session, has no time limit. */
static int64_t
believe(const struct umbel *c, const struct message_hold *m)
{
	int64_t ms = 3 * (int64_t)c->opt.ping_ms;

	if (m->session == 0)
		return NEVER;
	return sys_now() + (ms > HELD_MS ? ms : HELD_MS);
}

static void
on_hold(struct umbel *c, const struct message_hold *m)
{
	struct notice n = { .kind = NOTICE_HOLD,
		            .hold = { .held = m->on, .session = m->session } };

	c->held_until = m->on ? believe(c, m) : 0;
	control_text(n.text, sizeof(n.text), m->name);
	control_text(n.about, sizeof(n.about), m->topic);
	notice_add(c, &n);
}

static void
on_gap(struct umbel *c, const struct message_gap *m)
{
	struct notice n = { .kind = NOTICE_LOSS,
		            .loss = { .messages = m->frames,
		                      .bytes = m->bytes } };

	c->stats.lost += m->frames;
	sub_snapshot_shrinks(c, m->frames);
	request_loss(c);
	control_text(n.text, sizeof(n.text), m->reason);
	notice_add(c, &n);
}

static void
on_ping(struct umbel *c, const struct message_ping *m)
{
	struct message pong = { .type = TYPE_PONG,
		                .pong = { .token = m->token } };

	if (send_control(c, &pong) < 0)
		conn_lost(c, -ENOMEM, "no memory to answer a PING");
	else
		send_pending(c);
}

static void
act(struct umbel *c, const struct message *m)
{
	switch (m->type) {
	case TYPE_WELCOME:
		on_welcome(c, &m->welcome);
		break;
	case TYPE_OK:
		on_answer(c, m->ok.request, m->ok.n.value, NULL);
		break;
	case TYPE_ERROR:
		on_error(c, &m->error);
		break;
	case TYPE_GAP:
		on_gap(c, &m->gap);
		break;
	case TYPE_HOLD:
		on_hold(c, &m->hold);
		break;
	case TYPE_PING:
		on_ping(c, &m->ping);
		break;
	case TYPE_PONG:
		barrier_answered(c, &m->pong);
		break;
	case TYPE_GOAWAY:
		conn_leave(c, &m->goaway);
		break;
	case TYPE_HELLO:
	case TYPE_PUBLISH:
	case TYPE_SUBSCRIBE:
	case TYPE_UNSUBSCRIBE:
	case TYPE_DELIVER:
		break; /* not sent by a broker, or not handled here */
	}
}

void
control_frame(struct umbel *c, const uint8_t *body, size_t len)
{
	struct message m;
	uint32_t type;

	if (!cursor_check_body(body, len, &type)) {
		conn_protocol(c, "a malformed frame");
		return;
	}
	if (unlikely(c->debug))
		debug_frame(c, "<", body, len);
	if (c->link == LINK_HELLO && type != TYPE_WELCOME &&
	    type != TYPE_ERROR) {
		conn_protocol(c, "something else before WELCOME");
		return;
	}
	if (type >= TYPE_EXTENSION)
		return;
	if (!(message_ways(type) & WAY_TO_CLIENT)) {
		conn_protocol(c, "a frame of type %u (%s)", (unsigned)type,
		              message_name(type));
		return;
	}
	switch (message_decode(body, len, &m)) {
	case MESSAGE_OK:
		act(c, &m);
		break;
	case MESSAGE_BAD:
		conn_protocol(c, "a malformed %s", message_name(type));
		break;
	case MESSAGE_NO_MEMORY:
		conn_lost(c, -ENOMEM, "no memory to decode a frame");
		break;
	}
}
