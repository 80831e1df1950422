/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * Output: an outbox is offered to the kernel as it is, many spans in one system
 * call; when the kernel has no room, libevent tells when to go on.
 */
#include "conn_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "hold.h"

/* At most this many spans in one system call. */
#define MAX_IOV    64
#define SEND_FLAGS (MSG_NOSIGNAL | MSG_DONTWAIT)

/* ---- the kernel is full -------------------------------------------------- */

static void on_writable(evutil_socket_t fd, short what, void *user);

/* If there is no memory to watch the socket, ask again later. */
static void
watch_output(struct conn *c)
{
	if (event_add(&c->writer->writable, NULL) < 0)
		deadline_set(&conns_of(c)->retries, &c->writer->retry);
}

/* The kernel has no room: wait for it, and count what its socket buffer holds
   as our memory. */
static void
block(struct conn *c)
{
	if (c->blocked)
		return;
	if (!c->writer) {
		c->writer = calloc(1, sizeof(*c->writer));
		if (!c->writer) {
			/* nothing would ever wake it again */
			session_is_deaf(&c->session);
			session_end(&c->session);
			return;
		}
		event_assign(&c->writer->writable, conns_of(c)->base, c->fd,
		             EV_WRITE | EV_PERSIST, on_writable, c);
	}
	c->blocked = true;
	slab_pool_charge(&conns_of(c)->broker->pool, conns_of(c)->send_buffer);
	watch_output(c);
}

void
conn_unblock(struct conn *c)
{
	if (!c->blocked)
		return;
	c->blocked = false;
	event_del(&c->writer->writable);
	deadline_clear(&c->writer->retry);
	slab_pool_uncharge(&conns_of(c)->broker->pool,
	                   conns_of(c)->send_buffer);
}

/* The kernel has no memory and will not report when it has, so ask again
   later. */
static void
retry_later(struct conn *c)
{
	block(c);
	if (!c->blocked)
		return;
	event_del(&c->writer->writable);
	deadline_set(&conns_of(c)->retries, &c->writer->retry);
}

void
conn_on_retry(struct deadline *d, void *all)
{
	struct conn_writer *w =
		(struct conn_writer *)((char *)d -
	                               offsetof(struct conn_writer, retry));

	(void)all;
	watch_output(event_get_callback_arg(&w->writable));
}

/* ---- send ---------------------------------------------------------------- */

/*
 * The peer accepts nothing any more, but what it sent before may still be read:
 * only output is over.
 */
static void
become_deaf(struct conn *c)
{
	conn_unblock(c);
	session_is_deaf(&c->session);
}

static void
after_sending(struct conn *c)
{
	struct session *s = &c->session;

	if (outbox_is_empty(&s->out)) {
		conn_unblock(c);
		if (s->state == SESSION_ENDING)
			conn_mark_dead(c);
	}
	if (!c->reading && s->state != SESSION_ENDING)
		conn_mark_ready(
			c); /* its unread answers may have been the reason */
}

/* Mostly there is one span, and then send() saves the kernel copying in a
   header and a list: that is a tenth of what a short message takes. */
static ssize_t
offer(const struct conn *c, struct iovec *iov, int n)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)n };

	if (n == 1)
		return send(c->fd, iov->iov_base, iov->iov_len, SEND_FLAGS);
	return sendmsg(c->fd, &msg, SEND_FLAGS);
}

bool
conn_flush(struct conn *c)
{
	struct outbox *o = &c->session.out;
	bool progress = false;

	while (!outbox_is_empty(o)) {
		struct iovec iov[MAX_IOV];
		int n_iov = outbox_iov(o, iov, MAX_IOV);
		size_t offered = 0;
		ssize_t n;

		for (int i = 0; i < n_iov; i++)
			offered += iov[i].iov_len;
		n = offer(c, iov, n_iov);
		if (n > 0) {
			progress = true;
			outbox_sent(o, (size_t)n);
			if ((size_t)n == offered)
				continue;
			block(c);
			break;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == ENOBUFS || errno == ENOMEM))
			retry_later(c);
		else if (n < 0 && errno == EAGAIN)
			block(c);
		else
			become_deaf(c);
		break;
	}
	outbox_pack(o);
	if (progress)
		hold_progress(&c->session);
	after_sending(c);
	return progress;
}

static void
on_writable(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	conn_flush(user);
}

void
conns_flush_dirty(struct conns *all)
{
	struct conn *c;

	while ((c = STAILQ_FIRST(&all->dirty))) {
		STAILQ_REMOVE_HEAD(&all->dirty, dirty_link);
		c->dirty = false;
		outbox_sleep(&c->session.out);
		if (c->blocked)
			outbox_pack(&c->session.out);
		else
			conn_flush(c);
	}
}
