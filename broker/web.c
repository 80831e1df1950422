/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * libevent has an HTTP server, evhttp, which is not used here. In version
 * 2.1.12, which Debian has, evhttp accepts connections itself and works with
 * the peer's address, which any local user chooses (CVE-2026-63388); it answers
 * an unknown method with status 0 and long headers with 400; it holds bodies
 * outside the pool that bounds the memory of messages; it reads without bound
 * while it answers; and a client that half-closes loses its answer.
 */

#include "web.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hangup.h"
#include "hold.h"
#include "shortage.h"
#include "webevents.h"
#include "weblists.h"
#include "webmessages.h"
#include "webreply.h"
#include "webrequest.h"
#include "webtalk.h"

/* The most input that is read ahead. */
#define IN_MAX      (2 * WEB_HEAD_MAX)
/* The most that the kernel may hold for one connection. */
#define SEND_BUFFER (64u << 10)

/* ---- watching ------------------------------------------------------------- */

void
web_mark_busy(struct web *w)
{
	if (w->busy)
		return;
	w->busy = true;
	TAILQ_INSERT_TAIL(&web_gateway(w)->busy, w, busy_link);
}

/* The connection is freed at the end of the turn. */
void
web_mark_dead(struct web *w)
{
	w->dead = true;
	web_mark_busy(w);
}

static void
watch_input(struct web *w)
{
	bool want = !w->all_read && web_unread(w) < IN_MAX;

	if (want == w->reading)
		return;
	w->reading = want;
	deadline_clear(&w->look);
	if (!want) {
		event_del(&w->readable);
		deadline_set(&web_gateway(w)->looks, &w->look);
	} else if (event_add(&w->readable, NULL) < 0) {
		w->reading = false;
		web_mark_dead(w);
	}
}

void
web_set_due(struct web *w, struct deadline_queue *q)
{
	if (w->session.state != SESSION_ENDING)
		deadline_set(q, &w->due);
}

void
web_clear_due(struct web *w)
{
	if (w->session.state != SESSION_ENDING)
		deadline_clear(&w->due);
}

static void
watch_time(struct web *w)
{
	struct gateway *g = web_gateway(w);

	if (w->stage == WEB_HEAD && web_unread(w) > 0 && w->due_is_idle) {
		w->due_is_idle = false;
		web_set_due(w, &g->heads);
	}
	if (w->stage == WEB_BODY && session_is_waiting(&w->session))
		/* the body cannot be late while we do not read it */
		web_clear_due(w);
	else if ((w->stage == WEB_BODY || w->stage == WEB_LISTING) &&
	         !deadline_is_set(&w->due))
		web_set_due(w, &g->bodies);
}

/* The client takes its output; it gets as much time as the output needs. */
static void
is_in_time(struct web *w)
{
	struct gateway *g = web_gateway(w);

	if (w->session.state == SESSION_ENDING)
		deadline_set(&g->leaves, &w->due);
	else if (w->stage == WEB_LISTING)
		deadline_set(&g->bodies, &w->due);
	else if (w->stage == WEB_HEAD && w->due_is_idle)
		deadline_set(&g->idles, &w->due);
}

bool
web_set_timer(struct web *w, uint64_t ms)
{
	const struct timeval tv = {
		.tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000),
	};

	return event_add(&w->timer, &tv) == 0;
}

void
web_clear_timer(struct web *w)
{
	event_del(&w->timer);
}

static void
on_timer(evutil_socket_t fd, short what, void *user)
{
	struct web *w = user;

	(void)fd;
	(void)what;
	if (w->stage == WEB_EVENTS)
		webevents_on_timer(w);
	else if (w->stage != WEB_ANSWERED)
		webmessages_on_timeout(w);
	web_mark_busy(w);
}

/* ---- output --------------------------------------------------------------- */

static void
unblock(struct web *w)
{
	if (!w->blocked)
		return;
	w->blocked = false;
	event_del(&w->writable);
	deadline_clear(&w->retry);
	slab_pool_uncharge(&w->session.broker->pool, SEND_BUFFER);
}

/* The kernel has no room. Wait for it, and charge what it holds to the pool. */
static void
block(struct web *w, bool kernel_tells)
{
	if (!w->blocked)
		slab_pool_charge(&w->session.broker->pool, SEND_BUFFER);
	w->blocked = true;
	if (!kernel_tells)
		event_del(&w->writable);
	if (!kernel_tells || event_add(&w->writable, NULL) < 0)
		deadline_set(&web_gateway(w)->retries, &w->retry);
}

/* The client reads no more output. What it has sent may still be unread
   here. */
static void
become_deaf(struct web *w)
{
	w->deaf = true;
	w->out.len = w->out_sent = 0;
	unblock(w);
	session_is_deaf(&w->session);
	web_mark_busy(w);
}

/* Nobody waits for an answer any more. Input from before the end of the stream
   is still processed, because there may be messages behind this request. */
static void
give_up_waiting(struct web *w)
{
	if (w->stage == WEB_HEAD || w->stage == WEB_BODY ||
	    w->stage == WEB_SAYING || w->stage == WEB_ANSWERED)
		return;
	if (w->stage == WEB_EVENTS || web_unread(w) == 0)
		web_mark_dead(w);
	else
		webrequest_done(w);
}

static void
on_send_error(struct web *w)
{
	if (errno == EAGAIN)
		block(w, true);
	else if (errno == ENOBUFS || errno == ENOMEM)
		block(w, false);
	else
		become_deaf(w);
}

static void
all_is_sent(struct web *w)
{
	w->out.len = w->out_sent = 0;
	if (w->out.cap > 2 * WEB_OUT_MAX || w->stage == WEB_HEAD)
		print_fini(&w->out);
	unblock(w);
}

/* Free the sent part once it is at least as long as the rest, so that moving
   costs no more than sending did. */
static void
close_up(struct web *w)
{
	size_t left = web_owes(w);

	if (w->out_sent < left)
		return;
	memmove(w->out.at, w->out.at + w->out_sent, left);
	w->out.len = left;
	w->out_sent = 0;
}

bool
web_flush(struct web *w)
{
	bool progress = false;
	ssize_t n = 1;

	if (w->out.failed) {
		web_mark_dead(w);
		return false;
	}
	while (web_owes(w) > 0 && n > 0 && !w->deaf) {
		n = send(w->fd, w->out.at + w->out_sent, web_owes(w),
		         MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			w->out_sent += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
		else
			on_send_error(w);
		progress |= n > 0;
	}
	if (web_owes(w) == 0 || w->deaf)
		all_is_sent(w);
	else
		close_up(w);
	if (progress)
		hold_progress(&w->session);
	return progress;
}

size_t
web_out_memory(const struct web *w)
{
	return w->out.cap + (w->blocked ? SEND_BUFFER : 0);
}

bool
web_takes_memory(struct web *w)
{
	struct slab_pool *pool = &w->session.broker->pool;

	if (w->wanted == 0)
		return webtalk_takes_memory(w);
	w->granted = slab_pool_has(pool, w->wanted);
	if (w->granted) {
		slab_pool_charge(pool, w->wanted);
		w->charged += w->wanted;
	}
	return w->granted;
}

bool
web_keeps(struct web *w, size_t from)
{
	const struct slab_pool *pool = &w->session.broker->pool;
	size_t all;

	w->granted = false; /* w->charged includes an earlier grant */
	w->wanted = 0;
	if (w->out.len - from <= WEB_OUT_MAX || w->out.failed ||
	    w->session.state == SESSION_ENDING)
		return true;
	print_trim(&w->out);
	all = w->in.cap + w->out.cap;
	if (all <= w->charged || slab_pool_has(pool, all - w->charged))
		return true;
	w->out.len = from;
	print_trim(&w->out);
	w->wanted = all - (w->in.cap + w->out.cap);
	shortage_wait(&w->session);
	return false;
}

static void
on_writable(evutil_socket_t fd, short what, void *user)
{
	struct web *w = user;

	(void)fd;
	(void)what;
	/* publishers that wait for this reader see the progress at once */
	if (web_flush(w))
		is_in_time(w);
	web_mark_busy(w);
}

/* ---- input ---------------------------------------------------------------- */

/* Has the client closed its socket, and not only ended its stream? */
static bool
is_gone(const struct web *w)
{
	struct pollfd p = { .fd = w->fd };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR);
}

/* The client's end of stream has already been read, or lies behind more input
   than is read ahead. Then no event reports that it has closed its socket,
   too. */
void
web_look(struct web *w)
{
	if (w->deaf)
		return;
	if (is_gone(w))
		become_deaf(w);
	else
		deadline_set(&web_gateway(w)->looks, &w->look);
}

/* Remove the processed input, to make room behind the rest. */
static void
make_room(struct web *w)
{
	size_t left = web_unread(w);

	if (w->in_at == 0)
		return;
	if (left > 0)
		memmove(w->in.at, w->in.at + w->in_at, left);
	w->in.len = left;
	w->in_at = 0;
}

static void
on_end_of_input(struct web *w)
{
	w->all_read = true;
	if (is_gone(w))
		become_deaf(w);
}

static void
on_readable(evutil_socket_t fd, short what, void *user)
{
	struct web *w = user;
	size_t room;
	ssize_t n;
	char *at;

	(void)what;
	make_room(w);
	room = IN_MAX - w->in.len;
	at = print_room(&w->in, room);
	if (!at) {
		web_mark_dead(w);
		return;
	}
	n = recv(fd, at, room, MSG_DONTWAIT);
	w->in.len -= room - (n > 0 ? (size_t)n : 0);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		on_end_of_input(w);
	web_mark_busy(w);
}

/* ---- the turn of a connection --------------------------------------------- */

/* Does so much text wait for the socket that nothing more is produced? */
static bool
is_full(const struct web *w)
{
	return web_owes(w) >= WEB_OUT_MAX;
}

static void
take_input(struct web *w)
{
	if (w->stage == WEB_ANSWERED || w->session.state == SESSION_ENDING) {
		w->in.len = w->in_at = 0;
		return;
	}
	if (session_is_waiting(&w->session))
		return;
	if (w->stage == WEB_HEAD && web_unread(w) > 0 && !is_full(w))
		webrequest_take_head(w);
	if (w->stage == WEB_BODY && !w->dead)
		webrequest_take_body(w);
}

/* The session ends with the last answer, and an unfinished answer ends with the
   session. */
static void
end_if_over(struct web *w)
{
	struct session *s = &w->session;

	if (w->stage == WEB_ANSWERED ||
	    (w->stage == WEB_HEAD && web_unread(w) == 0 &&
	     (w->leaving || w->all_read)))
		session_end(s);
	if (s->state != SESSION_ENDING || !outbox_is_empty(&s->out))
		return;
	if (w->stage == WEB_EVENTS)
		webreply_end(w);
	else if (w->stage != WEB_HEAD && w->stage != WEB_ANSWERED)
		webreply_last_error(w, 503, NULL);
}

/* When all is sent, end our stream and wait until the client has ended its own.
   Closing earlier could make it lose the answer to a request that was not
   read. */
static void
take_leave(struct web *w)
{
	const struct session *s = &w->session;

	if (s->state != SESSION_ENDING || web_owes(w) > 0 ||
	    !outbox_is_empty(&s->out))
		return;
	if (!w->shut)
		shutdown(w->fd, SHUT_WR);
	w->shut = true;
	if (w->all_read || w->deaf)
		web_mark_dead(w);
}

/* The text buffered here counts as memory of messages, too. */
static void
account(struct web *w)
{
	struct slab_pool *pool = &w->session.broker->pool;
	size_t now, before = w->charged;

	if (web_unread(w) == 0 && w->stage != WEB_BODY) {
		print_fini(&w->in);
		w->in_at = 0;
	}
	if (w->out.cap > 2 * WEB_OUT_MAX && w->out.cap / 2 > w->out.len)
		print_trim(&w->out);
	now = w->in.cap + w->out.cap + (w->granted ? w->wanted : 0);
	w->charged = now;
	if (now > before)
		slab_pool_charge(pool, now - before);
	/* last, because this session itself may be waiting for the memory */
	else if (now < before)
		slab_pool_uncharge(pool, before - now);
}

void
web_go_on(struct web *w)
{
	bool was_full, granted = w->granted;

	webtalk_go_on(w);
	if (granted) /* the text that it was for has been written, or dropped */
		w->granted = false;
	if (!w->dead)
		take_input(w);
	if (w->stage == WEB_LISTING && !is_full(w))
		weblists_go_on(w);
	if (w->deaf)
		give_up_waiting(w);
	end_if_over(w);
	was_full = is_full(w);
	web_flush(w);
	if (was_full && !is_full(w)) /* what waited for room continues */
		web_mark_busy(w);
	take_leave(w);
	watch_time(w);
	watch_input(w);
	account(w);
}

static void
say_late(struct web *w)
{
	print_format(webreply_words(w),
	             "the request is not complete (limit %" PRIu32
	             " ms, frame-ms)",
	             w->session.broker->config->frame_ms);
	webreply_limit(w, 408);
}

void
web_is_late(struct web *w)
{
	if (w->stage == WEB_BODY || (w->stage == WEB_HEAD && web_unread(w) > 0))
		say_late(w);
	else if (w->stage == WEB_HEAD && web_owes(w) == 0)
		session_end(&w->session);
	else
		web_mark_dead(w);
	web_mark_busy(w);
}

/* ---- opening and closing -------------------------------------------------- */

int
web_open(struct gateway *g, int fd, const struct peer *peer)
{
	int size = SEND_BUFFER;
	struct web *w = calloc(1, sizeof(*w));
	int r = w ? session_init(&w->session, g->broker, &g->ops, peer)
	          : -ENOMEM;

	if (r < 0) {
		free(w);
		return r;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	w->fd = fd;
	w->session.awaits_each = true;
	w->body_ended = true;
	event_assign(&w->readable, g->base, fd, EV_READ | EV_PERSIST,
	             on_readable, w);
	event_assign(&w->writable, g->base, fd, EV_WRITE | EV_PERSIST,
	             on_writable, w);
	evtimer_assign(&w->timer, g->base, on_timer, w);
	TAILQ_INSERT_TAIL(&g->all, w, link);
	g->n++;
	deadline_set(&g->heads, &w->due);
	watch_input(w);
	return 0;
}

void
web_free(struct web *w)
{
	struct gateway *g = web_gateway(w);

	/* first, so that the memory it gives back goes to others */
	hold_forget(&w->session);
	unblock(w);
	event_del(&w->readable);
	webrequest_forget(w);
	deadline_clear(&w->due);
	deadline_clear(&w->look);
	slab_pool_uncharge(&g->broker->pool, w->charged);
	print_fini(&w->in);
	print_fini(&w->out);
	session_fini(&w->session);
	hang_up(w->fd);
	TAILQ_REMOVE(&g->all, w, link);
	g->n--;
	free(w);
}
