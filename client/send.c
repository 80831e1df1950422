/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* Writes the buffers to the socket, in the only correct order. */
#include "parts.h"

#include <errno.h>
#include <string.h>

#include "proto/frame.h"

#define RESEND_MS 10

static int
put_control(struct umbel *c, struct out *o, const struct message *m)
{
	size_t max = MESSAGE_MAX;
	size_t n;
	int r;

	if (m->type == TYPE_HELLO)
		max += m->hello.options.will.len;
	r = out_reserve(o, max);
	if (r < 0)
		return r;
	n = message_encode(m, o->data + o->tail, max);
	if (n == 0)
		return -ENOMEM; /* texts are bounded: only msgpack-c can fail */
	if (unlikely(c->debug))
		debug_frame(c, ">", o->data + o->tail + FRAME_PREFIX_SIZE,
		            n - FRAME_PREFIX_SIZE);
	o->tail += n;
	return 0;
}

int
send_control(struct umbel *c, const struct message *m)
{
	return put_control(c, c->link == LINK_UP ? &c->out : &c->ctrl, m);
}

int
send_control_first(struct umbel *c, const struct message *m)
{
	return put_control(c, &c->ctrl, m);
}

/*
 * Choose what to send next. A frame in hand is always finished first. Then come
 * urgent frames, and then, only while the connection is up, the messages.
 */
static struct out *
next_to_send(struct umbel *c, size_t *n)
{
	*n = out_rest_of_frame(&c->out);
	if (*n == 0 && out_pending(&c->ctrl) > 0) {
		*n = out_pending(&c->ctrl);
		return &c->ctrl;
	}
	if (c->link == LINK_UP && out_pending(&c->ctrl) == 0)
		*n = out_pending(&c->out);
	return &c->out;
}

static void
expect_confirmation(struct umbel *c)
{
	if (c->sent == c->settled || c->at.confirm != NEVER)
		return;
	c->at.confirm = sys_now() + c->confirm_ms;
	dispatch_arm(c);
}

static void
taken_by_kernel(struct umbel *c, struct out *o, size_t n)
{
	uint64_t publishes;

	if (o == &c->out && n == out_pending(o)) {
		/* all of it: no need to look where frames end */
		o->frame = o->head = o->tail = 0;
		c->sent = c->taken;
		out_shrink(o, 2 * c->opt.buffer + 2 * SEND_BATCH);
	} else {
		publishes = out_sent(o, n);
		if (o == &c->out)
			c->sent += publishes;
	}
	expect_confirmation(c);
}

static void
not_taken(struct umbel *c, ssize_t error)
{
	if (error == -EAGAIN) {
		c->blocked = true;
	} else if (error == -ENOBUFS || error == -ENOMEM) {
		c->at.resend = sys_now() + RESEND_MS;
		dispatch_arm(c);
	} else {
		/* the broker may have said why before it closed: keep
		   reading */
		c->write_ended = true;
		if (c->at.give_up == NEVER) {
			c->at.give_up = sys_now() + WRITE_ENDED_MS;
			dispatch_arm(c);
		}
	}
}

bool
send_has_room(const struct umbel *c)
{
	size_t used = out_pending(&c->out);

	return used == 0 || (used <= c->opt.buffer / 2 &&
	                     used + c->room_wanted <= c->opt.buffer);
}

static void
note_room(struct umbel *c)
{
	if (!c->room_awaited || !send_has_room(c))
		return;
	c->room_awaited = false;
	c->room_wanted = 0;
	c->room_due = true;
	dispatch_attend(c, ATTEND_DUE);
	dispatch_wake(c);
	handle_changed(c);
}

void
send_watch(struct umbel *c)
{
	unsigned interest = SYS_NONE;

	if (c->fd < 0)
		return;
	if (!c->paused)
		interest |= SYS_IN;
	if (c->blocked && !c->write_ended)
		interest |= SYS_OUT;
	if (sys_watch(&c->sys, c->fd, (enum sys_interest)interest) < 0) {
		/* out of memory in the kernel: look again soon */
		c->at.resend = sys_now() + RESEND_MS;
		dispatch_arm(c);
	}
}

/*
 * The part of the frame that the kernel does not take is copied, and so is the
 * rest: if the connection breaks within the frame, it is sent again completely.
 */
void
send_large(struct umbel *c, size_t front, const void *data, size_t len)
{
	struct out *o = &c->out;
	struct iovec iov[] = {
		{ .iov_base = o->data + o->tail, .iov_len = front },
		{ .iov_base = (void *)(uintptr_t)data, .iov_len = len },
	};
	ssize_t n = 0;

	if (c->link == LINK_UP && !c->blocked && !c->write_ended &&
	    out_pending(o) == 0 && out_pending(&c->ctrl) == 0)
		n = sys_send(c->fd, iov, 2);
	c->taken++;
	if (n == (ssize_t)(front + len)) {
		c->sent = c->taken;
		expect_confirmation(c);
		return;
	}
	memcpy(o->data + o->tail + front, data, len);
	o->tail += front + len;
	if (n > 0) {
		out_sent(o, (size_t)n);
		c->blocked = true;
		send_watch(c);
	} else if (n < 0) {
		not_taken(c, n);
		send_watch(c);
	}
}

void
send_now(struct umbel *c)
{
	/* while blocked, the dispatching thread is told when to continue */
	if (!c->blocked || !c->dispatcher)
		send_pending(c);
	if (!c->dispatcher)
		dispatch_quietly(c, sys_now());
}

void
send_pending(struct umbel *c)
{
	c->blocked = false;
	while (c->fd >= 0 && !c->write_ended) {
		struct iovec iov;
		struct out *o;
		ssize_t r;
		size_t n;

		o = next_to_send(c, &n);
		if (n == 0)
			break;
		iov.iov_base = o->data + o->head;
		iov.iov_len = n;
		r = sys_send(c->fd, &iov, 1);
		if (r <= 0) {
			not_taken(c, r);
			break;
		}
		taken_by_kernel(c, o, (size_t)r);
		if ((size_t)r < n) {
			c->blocked = true;
			break;
		}
	}
	c->flush_at = out_pending(&c->out) + SEND_BATCH;
	send_watch(c);
	note_room(c);
}
