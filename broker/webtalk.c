/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "webtalk.h"

#include <string.h>

#include "command.h"
#include "hold.h"
#include "proto/cursor.h"
#include "proto/deliver.h"
#include "proto/frame.h"
#include "proto/pack.h"
#include "proto/publish.h"
#include "proto/utf8.h"
#include "rights.h"
#include "shortage.h"
#include "webevents.h"
#include "webmessages.h"

/* A PUBLISH without its payload: topic, reply and content-type are short. */
#define PUBLISH_HEAD_MAX 2048u
#define CONTENT_TYPE     "content-type"

/* ---- sending frames ------------------------------------------------------- */

/* Set the frames that webtalk_go_on() carries out. One byte of room follows
   them, as behind every input that does not fill its slab. */
static bool
say(struct web *w, const uint8_t *frames, size_t len)
{
	struct slab *slab =
		slab_new_small(&w->session.broker->pool, (uint32_t)len + 1);

	input_drop(&w->frames);
	if (!slab)
		return false;
	memcpy(slab->data, frames, len);
	slab->data[len] = 0;
	w->frames = (struct input){ .slab = slab, .end = (uint32_t)len };
	return true;
}

/* The session's name: the query's option `name`, or such as "http curl/7.88.1"
   from the User-Agent. */
static void
name_it(const struct web *w, char name[NAME_MAX_BYTES + 1], struct text *out)
{
	struct text agent = http_field(&w->head, "user-agent");
	int len = http_query(&w->head, "name", 0, name, NAME_MAX_BYTES);
	size_t n;

	if (len > 0 && utf8_is_text((const uint8_t *)name, (size_t)len)) {
		*out = (struct text){ name, (uint32_t)len };
		return;
	}
	n = (size_t)sprintf(name, "http");
	while (out->len < agent.len && agent.at[out->len] > ' ' &&
	       agent.at[out->len] < 0x7f && out->len < NAME_MAX_BYTES - 5)
		out->len++;
	if (out->len > 0)
		n += (size_t)sprintf(name + n, " %.*s", (int)out->len,
		                     agent.at);
	*out = (struct text){ name, (uint32_t)n };
}

void
webtalk_hello(struct web *w, struct text overflow)
{
	struct message m = { .type = TYPE_HELLO };
	char name[NAME_MAX_BYTES + 1];
	uint8_t frame[MESSAGE_MAX];

	m.hello.version = PROTOCOL_VERSION;
	name_it(w, name, &m.hello.name);
	m.hello.options.overflow = overflow;
	if (say(w, frame, message_encode(&m, frame, sizeof(frame))))
		webtalk_go_on(w);
	else
		web_mark_dead(w);
}

bool
webtalk_subscribe(struct web *w, const struct message *subscribe, size_t n)
{
	struct print frames = { 0 };
	bool said;

	for (size_t i = 0; i < n; i++) {
		uint8_t frame[MESSAGE_MAX];

		print_bytes(&frames, (const char *)frame,
		            message_encode(&subscribe[i], frame,
		                           sizeof(frame)));
	}
	said = !frames.failed && frames.at &&
	       say(w, (const uint8_t *)frames.at, frames.len);
	print_fini(&frames);
	return said;
}

/* Write everything up to the payload. */
static void
pack_publish(struct pack *p, const struct web *w, uint8_t flags,
             struct text reply, struct text content_type)
{
	static const uint8_t zeros[PUBLISH_STAMP_SIZE];

	pack_raw(p, zeros, FRAME_PREFIX_SIZE);
	pack_array(p, 7);
	pack_uint(p, PUBLISH_TYPE);
	pack_uint(p, flags);
	pack_bin(p, zeros, sizeof(zeros));
	pack_str(p, w->topic, w->topic_len);
	if (reply.at)
		pack_str(p, reply.at, reply.len);
	else
		pack_nil(p);
	if (content_type.at) {
		pack_map(p, 1);
		pack_text(p, CONTENT_TYPE);
		pack_str(p, content_type.at, content_type.len);
	} else {
		pack_nil(p);
	}
	pack_bin_later(p);
}

/* Does the body exceed max-frame, with the payload's head included? */
static bool
is_too_long(const struct web *w, uint64_t payload_len)
{
	uint32_t max = w->session.broker->config->max_frame;
	uint32_t head = w->payload_at - FRAME_PREFIX_SIZE;

	return head > max || payload_len > max - head;
}

bool
webtalk_begin_publish(struct web *w, uint8_t flags, struct text reply,
                      struct text content_type, uint64_t claim)
{
	uint32_t max = w->session.broker->config->max_frame;
	uint8_t head[PUBLISH_HEAD_MAX];
	struct pack p = pack_into(head, sizeof(head));

	pack_publish(&p, w, flags, reply, content_type);
	w->payload_at = (uint32_t)pack_length(&p);
	if (p.full || is_too_long(w, claim == WEB_UNKNOWN ? 0 : claim))
		return false;
	/* with this length, input_room() finds enough room at once */
	frame_put_prefix(head, claim == WEB_UNKNOWN
	                               ? max
	                               : w->payload_at - FRAME_PREFIX_SIZE +
	                                         (uint32_t)claim);
	if (!say(w, head, w->payload_at))
		web_mark_dead(w);
	return true;
}

bool
webtalk_room(struct web *w, uint8_t **at, size_t *room)
{
	struct broker *b = w->session.broker;

	if (input_room(&w->frames, &b->pool, at, room) ||
	    (shortage_squeeze(b) && input_room(&w->frames, &b->pool, at, room)))
		return true;
	shortage_wait(&w->session);
	return false;
}

bool
webtalk_takes_memory(struct web *w)
{
	uint8_t *at;
	size_t room;

	return input_room(&w->frames, &w->session.broker->pool, &at, &room);
}

bool
webtalk_received(struct web *w, size_t n)
{
	input_received(&w->frames, n);
	return !is_too_long(w, input_length(&w->frames) - w->payload_at);
}

void
webtalk_end_publish(struct web *w)
{
	uint8_t *frame = input_frame(&w->frames);
	uint32_t len = (uint32_t)input_length(&w->frames);

	frame_put_prefix(frame, len - FRAME_PREFIX_SIZE);
	store_be32(frame + w->payload_at - 4, len - w->payload_at);
}

/* ---- reading the outbox --------------------------------------------------- */

/* A frame at the front of the outbox. */
struct heard {
	uint32_t type;
	uint32_t size; /* of the whole frame */
	const uint8_t *body;
	uint32_t len;
	/* the body of a PUBLISH, or of the one in a DELIVER */
	const uint8_t *publish;
	uint32_t publish_len;
	bool retained;
	uint64_t age_ms;
};

static void
read_deliver(struct heard *h, const uint8_t *frame, const struct iovec *iov)
{
	uint32_t head = DELIVER_GROUP_HEAD;

	h->retained = frame[DELIVER_INFO_AT] != 0xc0;
	if (h->retained) {
		head = DELIVER_HEAD_MAX;
		h->age_ms = load_be64(frame + DELIVER_HEAD_MAX - 8);
	}
	/* a long body is a piece of its own */
	h->publish = iov[0].iov_len == head ? iov[1].iov_base : frame + head;
	h->publish_len = h->size - head;
}

static uint32_t
type_of(const uint8_t *body, uint32_t len)
{
	struct cursor c = cursor_over(body, len);
	struct cursor_item array, type;

	if (!cursor_next(&c, &array) || array.kind != CURSOR_ARRAY ||
	    !cursor_next(&c, &type) || type.kind != CURSOR_UINT)
		return 0;
	return (uint32_t)type.value.u;
}

/* Read the frame at the front of the outbox. A DELIVER may lie in two pieces,
   of which the first is its head; any other frame lies in one. */
static bool
peek(struct outbox *o, struct heard *h)
{
	struct iovec iov[2];
	const uint8_t *frame;

	if (outbox_iov(o, iov, 2) == 0)
		return false;
	frame = iov[0].iov_base;
	*h = (struct heard){
		.size = FRAME_PREFIX_SIZE + load_be32(frame + 1),
		.body = frame + FRAME_PREFIX_SIZE,
		.len = load_be32(frame + 1),
	};
	/* a DELIVER's head alone is too short for the checks of type_of() */
	h->type = h->body[0] == 0x94 && h->body[1] == TYPE_DELIVER
	                  ? (uint32_t)TYPE_DELIVER
	                  : type_of(h->body, h->len);
	if (h->type == TYPE_DELIVER) {
		read_deliver(h, frame, iov);
	} else if (h->type == TYPE_PUBLISH) {
		h->publish = h->body;
		h->publish_len = h->len;
	}
	return true;
}

/* Returns false if the message cannot be taken now. */
static bool
hear_message(struct web *w, const struct heard *h)
{
	struct publish p;

	if (publish_read(h->publish, h->publish_len, &p) != PUBLISH_OK)
		return true;
	/* a late reply is not an event */
	if (w->stage == WEB_EVENTS &&
	    !rights_is_own_inbox(&w->session,
	                         (struct text){ p.topic, p.topic_len }))
		return !waiter_is_waiting(&w->session.waiter) &&
		       webevents_message(w, &p, h->publish, h->retained,
		                         h->age_ms);
	if (w->stage == WEB_ASKING)
		webmessages_reply(w, &p, h->publish);
	return true;
}

/* Is the error about this request: its message or its subscriptions? Otherwise
   it is about something older: the inbox, or a revoked subscription. */
static bool
is_for_this(const struct web *w, const struct message_error *e)
{
	if (e->fatal)
		return true;
	if (w->stage == WEB_EVENTS)
		return e->request != 0 || e->code == STATUS_REVOKED;
	if (w->stage == WEB_JOINING)
		return e->request != 0;
	return (w->stage == WEB_SAYING || w->stage == WEB_ASKING) &&
	       e->request == 0 && e->code != STATUS_REVOKED;
}

static void
hear_error(struct web *w, const struct message_error *e)
{
	if (!is_for_this(w, e))
		return;
	if (w->stage == WEB_EVENTS) {
		webevents_error(w, e);
		return;
	}
	w->refusal = e->code;
	print_fini(&w->why);
	print_bytes(&w->why, e->text.at, e->text.len);
	if (w->stage == WEB_ASKING && !e->fatal)
		webmessages_refused(w);
}

/* After GOAWAY, the current request is still finished. */
static void
hear_goodbye(struct web *w, const struct message_goaway *g)
{
	w->leaving = true;
	w->keep_alive = false;
	if (w->stage == WEB_EVENTS)
		webevents_stop(w, g->reason);
}

static void
hear_control(struct web *w, const struct heard *h)
{
	enum message_result r = MESSAGE_BAD;
	struct message m;

	if (message_ways(h->type) != 0)
		r = message_decode(h->body, h->len, &m);
	if (r == MESSAGE_NO_MEMORY)
		web_mark_dead(w); /* the lost frame may have been the answer */
	if (r != MESSAGE_OK)
		return;
	if (m.type == TYPE_ERROR)
		hear_error(w, &m.error);
	else if (m.type == TYPE_GOAWAY)
		hear_goodbye(w, &m.goaway);
	else if (m.type == TYPE_GAP && w->stage == WEB_EVENTS)
		webevents_gap(w, &m.gap);
}

static void
hear(struct web *w)
{
	struct outbox *o = &w->session.out;
	bool any = false;
	struct heard h;

	while (!w->dead && web_owes(w) < WEB_OUT_MAX && peek(o, &h)) {
		/* retained values follow the answer, which says whether the
		   subscription was granted */
		if (w->stage == WEB_JOINING && h.publish &&
		    w->session.state == SESSION_OPEN)
			break;
		if (!h.publish)
			hear_control(w, &h);
		else if (!hear_message(w, &h))
			break;
		outbox_sent(o, h.size);
		any = true;
	}
	outbox_sleep(o);
	outbox_pack(o);
	if (any)
		hold_progress(&w->session);
}

/* ---- both directions ------------------------------------------------------ */

static bool
is_speaking(const struct web *w)
{
	return w->stage != WEB_BODY && input_length(&w->frames) > 0;
}

/* The broker has taken the message; it may have refused it. */
static void
on_taken(struct web *w, uint32_t receivers, uint64_t refused_before)
{
	bool refused = w->session.refused > refused_before;

	if (w->asks)
		w->stage = WEB_ASKING;
	hear(w);
	if (w->session.state != SESSION_ENDING)
		webmessages_taken(w, receivers, refused);
}

/* Carry out the frame at the front. Returns false if that is not possible now,
   or if no more should follow. */
static bool
carry_out(struct web *w)
{
	struct session *s = &w->session;
	const struct broker_counts *c = &s->broker->counts;
	bool publishes = w->stage == WEB_SAYING;
	uint64_t refused = s->refused, sent = c->messages_out;
	uint32_t body_len;
	enum command_outcome outcome;

	if (s->state == SESSION_ENDING || session_is_waiting(s) ||
	    input_peek(&w->frames, command_max_body(s), &body_len) != FRAME_OK)
		return false;
	outcome = command_take(s, &w->frames, body_len);
	if (outcome == COMMAND_PAUSES)
		web_mark_busy(w); /* the rest has its turn later */
	/* it may wait for memory that these frames occupy */
	else if (s->put_off)
		input_squeeze(&w->frames, &s->broker->pool);
	if (outcome != COMMAND_TAKEN && outcome != COMMAND_PAUSES)
		return false;
	input_rest(&w->frames);
	if (publishes)
		on_taken(w, (uint32_t)(c->messages_out - sent), refused);
	return outcome == COMMAND_TAKEN;
}

void
webtalk_go_on(struct web *w)
{
	while (!w->dead && is_speaking(w) && carry_out(w))
		continue;
	if (w->session.state == SESSION_ENDING)
		input_drop(&w->frames);
	hear(w);
	/* nothing else would wake it: taking frames may have made room */
	if (is_speaking(w) && !session_is_waiting(&w->session))
		web_mark_busy(w);
}
