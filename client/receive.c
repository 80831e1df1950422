/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * The path from the socket to the callbacks. Frames are parsed in the receive
 * buffer; nothing is allocated and no lock is taken per message.
 *
 * All input comes from outside: a length is checked before it is used.
 */
#include "parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ahead.h"
#include "proto/cursor.h"
#include "proto/deliver.h"
#include "proto/frame.h"

/* With less room than this a read of the socket is not worth it. */
#define TOP_UP_MIN 1024u

void
receive_reset(struct umbel *c)
{
	c->run.plain = false;
	rx_reset(c);
}

void
receive_fini(struct umbel *c)
{
	receive_reset(c);
	free(c->matches);
	free(c->scratch);
}

static size_t
max_body(const struct umbel *c)
{
	if (c->link == LINK_HELLO)
		return FRAME_MAX_HELLO;
	return c->max_frame + FRAME_BROKER_EXTRA;
}

static enum frame_result
peek(const struct umbel *c, const uint8_t **body, uint32_t *len)
{
	const struct rx *rx = c->rx;
	enum frame_result result;
	size_t left;

	if (!rx)
		return FRAME_SHORT;
	left = rx->tail - rx->head;
	result = frame_peek(rx->data + rx->head, left, (uint32_t)max_body(c),
	                    len);
	if (result == FRAME_OK && left - FRAME_PREFIX_SIZE < *len)
		return FRAME_SHORT;
	*body = rx->data + rx->head + FRAME_PREFIX_SIZE;
	return result;
}

bool
receive_has_frame(const struct umbel *c)
{
	const uint8_t *body;
	uint32_t len;

	return peek(c, &body, &len) != FRAME_SHORT;
}

/* ---- the socket -------------------------------------------------------------- */

static void
end_of_stream(struct umbel *c, int error)
{
	char text[256];

	if (c->link == LINK_LEAVING) {
		conn_lost(c, UMBEL_E_GOAWAY,
		          "the broker shut down in order; it may come back");
		return;
	}
	/* a reset: the broker closed without reading all that we sent */
	if (error && error != ECONNRESET)
		snprintf(text, sizeof(text), "reading from the broker: %s",
		         strerror(error));
	else
		snprintf(text, sizeof(text), "%s closed the connection%s",
		         c->address->sun_path,
		         c->link == LINK_HELLO ? " before any WELCOME" : "");
	conn_lost(c, error ? -error : -ECONNRESET, text);
}

/* Lock held: handle the result of rx_fill(). */
static void
filled(struct umbel *c, ssize_t n)
{
	if (n > 0)
		dispatch_heard(c);
	else if (n == -ENOMEM)
		conn_lost(c, -ENOMEM, "no memory to receive into");
	else if (n != -EAGAIN && n != -EWOULDBLOCK)
		end_of_stream(c, (int)-n);
}

/* ---- messages ------------------------------------------------------------------ */

static int
read_message(struct umbel *c, const uint8_t *body, uint32_t len,
             struct umbel_sub *only)
{
	struct run *run = &c->run;
	uint32_t head;

	if (likely(run->plain && run->only == only &&
	           publish_repeats(&run->first, body, len, &head))) {
		size_t at = PUBLISH_PLAIN_TOPIC + run->first.repeat_len + head;

		run->msg.flags = body[PUBLISH_PLAIN_FLAGS];
		run->msg.stamp = body + PUBLISH_PLAIN_STAMP;
		run->msg.payload = body + at;
		run->msg.payload_len = (uint32_t)(len - at);
		run->msg.rx = c->rx;
		return 0;
	}
	return run_begin(c, body, len, only);
}

static void
lose_one(struct umbel *c, size_t size)
{
	struct umbel_loss_info loss = { .messages = 1,
		                        .bytes = size,
		                        .reason = "no memory to keep it" };

	handle_lock(c);
	c->stats.lost++;
	handle_unlock(c);
	if (c->opt.on_loss)
		c->opt.on_loss(c, &loss, c->opt.user);
}

static void
queue(struct umbel *c, size_t size)
{
	if (next_push(c, &c->run.msg) < 0)
		lose_one(c, size);
}

/* Call all receivers of the message. Returns the number of callbacks. */
static unsigned
deliver(struct umbel *c, uint32_t size)
{
	const struct run *run = &c->run;
	bool queued = false;
	unsigned n = 0;

	if (unlikely(run->request))
		return request_deliver(c);
	for (uint32_t i = 0; i < run->n; i++) {
		struct umbel_sub *s = run->to[i];

		if (!atomic_load_explicit(&s->live, memory_order_relaxed))
			continue;
		if (s->cb) {
			s->cb(c, &run->msg, s->user);
			n++;
		} else if (!queued) {
			queued = true;
			queue(c, size);
			n++;
		}
	}
	return n;
}

/* The same, for the one receiver that the broker has named. */
static unsigned
deliver_to(struct umbel *c, struct umbel_sub *s, size_t size)
{
	if (!atomic_load_explicit(&s->live, memory_order_relaxed))
		return 0;
	if (s->cb)
		s->cb(c, &c->run.msg, s->user);
	else
		queue(c, size);
	return 1;
}

/* ---- frames --------------------------------------------------------------------- */

static bool
is_publish(const uint8_t *body, uint32_t len)
{
	/* almost always right; is_oddly_encoded() catches the rest */
	return len > 1 && (body[0] & 0xf0) == 0x90 && body[1] == PUBLISH_TYPE;
}

static bool
is_oddly_encoded(const uint8_t *body, uint32_t len, uint32_t wanted)
{
	uint32_t type;

	return len > 1 && (body[0] >= 0xdc || body[1] >= 0xcc) &&
	       cursor_check_body(body, len, &type) && type == wanted;
}

static bool
is_deliver(const uint8_t *body, uint32_t len)
{
	if (len > 1 && (body[0] & 0xf0) == 0x90 && body[1] < 0xcc)
		return body[1] == TYPE_DELIVER;
	return is_oddly_encoded(body, len, TYPE_DELIVER);
}

static void
fail_locked(struct umbel *c, int error, const char *what)
{
	handle_lock(c);
	if (error == UMBEL_E_PROTOCOL)
		conn_protocol(c, "%s", what);
	else
		conn_lost(c, error, "no memory to deliver a message");
	handle_unlock(c);
}

static void
take_control(struct umbel *c, const uint8_t *body, uint32_t len)
{
	handle_lock(c);
	control_frame(c, body, len);
	handle_unlock(c);
}

static unsigned
take_message(struct umbel *c, const uint8_t *body, uint32_t len)
{
	int r;

	if (unlikely(c->debug))
		debug_frame(c, "<", body, len);
	if (unlikely(c->link == LINK_HELLO))
		r = UMBEL_E_PROTOCOL;
	else
		r = read_message(c, body, len, NULL);
	if (unlikely(r < 0)) {
		fail_locked(c, r, "a malformed message");
		return 0;
	}
	c->received++;
	return deliver(c, FRAME_PREFIX_SIZE + len);
}

static void
count_last_value(struct umbel *c)
{
	handle_lock(c);
	sub_snapshot_shrinks(c, 1);
	handle_unlock(c);
}

/* Handle a message for one subscription. If the subscription has ended here,
   the message is dropped. */
static unsigned
take_deliver(struct umbel *c, const uint8_t *body, uint32_t len)
{
	struct umbel_sub *s;
	struct deliver d;
	int r = UMBEL_E_PROTOCOL;

	if (unlikely(c->debug))
		debug_frame(c, "<", body, len);
	if (c->link != LINK_HELLO && deliver_read(body, len, &d)) {
		s = c->run.only;
		if (!s || s->id != d.sub)
			s = sub_of_id(c, d.sub);
		if (!s)
			return 0;
		r = read_message(c, d.publish, d.publish_len, s);
	}
	if (r < 0) {
		fail_locked(c, r, "a malformed DELIVER");
		return 0;
	}
	c->received++;
	c->run.msg.retained = d.retained;
	c->run.msg.age_ms = d.age_ms;
	if (d.retained && s == c->snapshot)
		count_last_value(c);
	return deliver_to(c, s, FRAME_PREFIX_SIZE + len);
}

/* Advance behind a frame that was processed. If the frame or its callback ended
   the connection, the buffer is gone. */
static void
step_over(struct umbel *c, const struct rx *rx, uint32_t len)
{
	if (c->rx == rx && rx)
		c->rx->head += FRAME_PREFIX_SIZE + len;
}

/* The next message of the run has another shape than the one before. */
static bool
begin_shape(struct umbel *c, const uint8_t *frame, size_t left,
            struct publish_shape *shape)
{
	const uint8_t *body = frame + FRAME_PREFIX_SIZE;
	struct run *run = &c->run;
	uint32_t len, head;

	if (left <= FRAME_PREFIX_SIZE || frame[0] != FRAME_MAGIC)
		return false;
	len = load_be32(frame + 1);
	if (len > max_body(c) || len > left - FRAME_PREFIX_SIZE ||
	    !publish_repeats(&run->first, body, len, &head))
		return false;
	*shape = publish_shape_of(frame, &run->first, len, head);
	run->msg.flags = body[PUBLISH_PLAIN_FLAGS];
	run->msg.payload_len = shape->size - shape->front;
	return true;
}

/*
 * Call `s` for up to `max` messages at the front, which all have this shape.
 * Returns how many: if a callback breaks the connection or changes the
 * subscriptions, the rest must be looked up again.
 */
static uint32_t
deliver_each(struct umbel *c, struct umbel_sub *s,
             const struct publish_shape *shape, uint32_t max)
{
	struct umbel_msg *msg = &c->run.msg;
	struct rx *rx = c->rx;
	const uint8_t *frame = rx->data + rx->head;
	const uint8_t *payload = frame + shape->front;
	uint32_t n = 0;

	while (n < max &&
	       atomic_load_explicit(&s->live, memory_order_relaxed)) {
		msg->stamp = payload - shape->front + FRAME_PREFIX_SIZE +
		             PUBLISH_PLAIN_STAMP;
		msg->payload = payload;
		payload += shape->size;
		n++;
		s->cb(c, msg, s->user);
		if (unlikely(c->rx != rx || has_attention(c)))
			break;
	}
	c->received += n;
	if (c->rx == rx)
		rx->head += (size_t)n * shape->size;
	return n;
}

/*
 * Deliver messages that repeat the one before, on a topic with one
 * subscription. Bulk takes this path, so that properties shared by all messages
 * are checked only once. Ends at the first frame that is anything else.
 */
static unsigned
take_repeats(struct umbel *c, unsigned max)
{
	struct run *run = &c->run;
	struct umbel_sub *s = run->n == 1 ? run->to[0] : NULL;
	struct publish_shape shape = PUBLISH_NO_SHAPE;
	struct rx *rx = c->rx;
	unsigned n = 0;

	if (!run->plain || !s || !s->cb || !rx || c->debug ||
	    c->link == LINK_HELLO)
		return 0;
	run->msg.rx = rx;
	while (n < max) {
		const uint8_t *frame = rx->data + rx->head;
		size_t left = rx->tail - rx->head;
		uint32_t alike = publish_count(&shape, frame, left);
		uint32_t taken;

		if (alike == 0) {
			if (!begin_shape(c, frame, left, &shape))
				break;
			continue;
		}
		if (alike > max - n)
			alike = max - n;
		taken = deliver_each(c, s, &shape, alike);
		n += taken;
		if (taken < alike || c->rx != rx || has_attention(c))
			break;
	}
	return n;
}

/* Look ahead at plain messages on changing topics. The lock is needed because
   the trie is shared with other threads. */
static void
look_ahead(struct umbel *c, struct ahead *a)
{
	const struct rx *rx = c->rx;

	ahead_look(a, &c->routes, rx->data + rx->head, rx->data + rx->tail,
	           (uint32_t)max_body(c));
	if (a->n < 2 || a->n_unknown == 0)
		return;
	handle_lock(c);
	ahead_fetch(a, &c->trie);
	handle_unlock(c);
}

/* Make this the current message, with the receivers of the route. */
static void
set_message(struct umbel *c, const struct ahead_message *m,
            const struct route *route)
{
	struct run *run = &c->run;

	run->plain = false;
	run->request = 0;
	run->to = route->to;
	run->n = route->n;
	run->msg.topic = route_topic(route);
	run->msg.topic_len = route->topic_len;
	run->msg.flags = m->p.flags;
	run->msg.stamp = m->frame + FRAME_PREFIX_SIZE + PUBLISH_PLAIN_STAMP;
	run->msg.payload = m->p.payload;
	run->msg.payload_len = m->p.payload_len;
}

static unsigned
take_ahead(struct umbel *c, const struct ahead_message *m,
           const struct route *route)
{
	if (!route || m->p.topic[0] == '$')
		return take_message(c, m->frame + FRAME_PREFIX_SIZE,
		                    m->size - FRAME_PREFIX_SIZE);
	set_message(c, m, route);
	c->received++;
	return deliver(c, m->size);
}

/*
 * Deliver messages that are each on another topic than the one before: those
 * whose route is known are delivered without parsing them again. Ends at the
 * first frame that is anything else.
 */
static unsigned
take_several(struct umbel *c, unsigned max)
{
	struct rx *rx = c->rx;
	struct ahead a;
	unsigned n = 0;

	if (!rx || c->debug || c->snapshot || c->link == LINK_HELLO)
		return 0;
	look_ahead(c, &a);
	if (a.n < 2)
		return 0;
	c->run.only = NULL;
	c->run.msg = (struct umbel_msg){ .rx = rx };
	for (uint32_t i = 0; i < a.n && n < max && !next_is_full(c); i++) {
		n += take_ahead(c, &a.at[i], ahead_route(&a, i, &c->routes));
		step_over(c, rx, a.at[i].size - FRAME_PREFIX_SIZE);
		if (c->rx != rx || has_attention(c))
			break;
	}
	return n;
}

/*
 * When callbacks are busy with earlier input for long, also read what waits in
 * the socket, as far as there is room. Otherwise the broker would think that we
 * have stopped reading.
 */
static bool
wants_more(const struct umbel *c)
{
	const struct rx *rx = c->rx;

	return rx->cap - (rx->tail - rx->head) >= TOP_UP_MIN &&
	       sys_now() - c->heard_at >= TOP_UP_MS && !c->paused;
}

unsigned
receive(struct umbel *c, bool readable, unsigned max)
{
	bool behind = receive_has_frame(c);
	const uint8_t *body;
	unsigned n = 0;
	uint32_t len;

	if (c->fd >= 0 && (behind ? wants_more(c) : readable)) {
		ssize_t got = rx_fill(c);

		handle_lock(c);
		/* the end counts only after all earlier input is processed */
		if (got > 0 || !behind)
			filled(c, got);
		handle_unlock(c);
	}
	while (n < max && !next_is_full(c)) {
		enum frame_result result;
		unsigned taken;
		struct rx *rx;

		n += dispatch_due(c);
		if (c->dying || n >= max)
			break;
		taken = take_repeats(c, max - n);
		if (taken == 0)
			taken = take_several(c, max - n);
		n += taken;
		if (taken > 0 || has_attention(c))
			continue;
		result = peek(c, &body, &len);
		if (result == FRAME_SHORT)
			break;
		if (unlikely(result != FRAME_OK)) {
			fail_locked(c, UMBEL_E_PROTOCOL,
			            result == FRAME_TOO_BIG
			                    ? "a frame that is too long"
			                    : "bytes that begin no frame");
			break;
		}
		rx = c->rx;
		if (likely(is_publish(body, len)) ||
		    is_oddly_encoded(body, len, PUBLISH_TYPE))
			n += take_message(c, body, len);
		else if (is_deliver(body, len))
			n += take_deliver(c, body, len);
		else
			take_control(c, body, len);
		step_over(c, rx, len);
	}
	rx_rest(c);
	return n;
}

void
receive_quietly(struct umbel *c)
{
	const uint8_t *body;
	uint32_t len;

	if (c->fd >= 0 && !receive_has_frame(c))
		filled(c, rx_fill(c));
	while (peek(c, &body, &len) == FRAME_OK) {
		struct rx *rx = c->rx;

		if (is_publish(body, len) ||
		    is_oddly_encoded(body, len, PUBLISH_TYPE) ||
		    is_deliver(body, len))
			break;
		control_frame(c, body, len);
		step_over(c, rx, len);
	}
}
