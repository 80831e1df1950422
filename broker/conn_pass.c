/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * Input when there is no memory to read into: messages pass from publishers to
 * subscribers that keep up, or others give memory back, or the session waits;
 * see conn.h.
 */
#include "conn_inside.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "shortage.h"

/* How much is peeked at in one step. */
#define PASS_MAX (16u << 10)

/* Peek at what has come; the kernel keeps it. False when there is neither input
   nor end of stream. */
static bool
look(struct conn *c)
{
	struct slab *slab =
		slab_new_small(&conns_of(c)->broker->pool, PASS_MAX);
	ssize_t n = -1;

	if (slab)
		n = recv(c->fd, slab->data, PASS_MAX - 1,
		         MSG_PEEK | MSG_DONTWAIT);
	c->all_read |= n == 0;
	c->input =
		(struct input){ .slab = slab, .end = n > 0 ? (uint32_t)n : 0 };
	if (n <= 0)
		input_drop(&c->input);
	return n >= 0;
}

/* Consume what was taken, and leave the rest in the kernel. */
static void
let_go(struct conn *c)
{
	uint8_t taken[PASS_MAX];
	size_t left = c->input.at;

	while (left > 0 && !c->all_read) {
		ssize_t n = recv(c->fd, taken, left, MSG_DONTWAIT);

		if (n > 0)
			left -= (size_t)n;
		else if (n == 0 || errno != EINTR)
			c->all_read = true; /* never happens */
	}
	input_drop(&c->input);
}

bool
conn_pass(struct conn *c)
{
	struct broker *b = conns_of(c)->broker;
	struct session *s = &c->session;
	unsigned taken;

	conns_flush_dirty(
		conns_of(c)); /* so that all outboxes that owe are behind */
	if (c->input.slab || outbox_is_behind(&s->out) || !look(c))
		return false;
	broker_lets_pass(b, true);
	taken = conn_take_frames(c);
	broker_lets_pass(b, false);
	let_go(c);
	if (taken == 0 && s->state != SESSION_ENDING && !c->all_read &&
	    !session_is_waiting(s))
		return false;
	conn_have_taken(c, taken);
	conns_flush_dirty(conns_of(c));
	return true;
}

bool
conn_is_cut_off(const struct conn *c)
{
	struct pollfd p = { .fd = c->fd };
	int left = 0;
	uint8_t byte;

	if (recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		return true;
	return poll(&p, 1, 0) > 0 && p.revents & POLLHUP &&
	       ioctl(c->fd, FIONREAD, &left) == 0 &&
	       (size_t)left < input_missing(&c->input);
}

void
conn_wait_for_memory(struct conn *c)
{
	if (input_length(&c->input) > 0 && conn_is_cut_off(c)) {
		session_end(&c->session);
		input_drop(&c->input);
		return;
	}
	shortage_wait(&c->session);
	if (c->session.state == SESSION_ENDING)
		return; /* it ended because there was no memory for a GAP */
	conn_watch_time(c, 0);
	conn_watch_input(c);
}
