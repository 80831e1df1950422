/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * raw - the ceiling: a relay that looks at nothing, and clients that do the
 * least that makes messages of a stream.
 *
 * A client says who it is in one greeting of fixed size: publisher of a topic,
 * or subscriber to one. A topic has one publisher. From then on the relay only
 * moves bytes: it reads up to 256 KiB at a time into a ring of 8 chunks per
 * publisher and writes what is new to each subscriber with one writev(). It
 * does not read a publisher whose slowest subscriber is 8 chunks behind.
 *
 * The clients put a length of four bytes before each message, collect 256 KiB
 * of them per write, and take them apart on arrival.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../adapter.h"
#include "../util.h"

#define SOCKET     "raw.sock"
#define CHUNK      ((size_t)256 << 10)
#define N_CHUNKS   8u
#define MAX_EVENTS 256

struct greeting {
	char role; /* 'p' or 's' */
	char topic[63];
};

/* ---- the relay ----------------------------------------------------------- */

struct topic {
	SLIST_ENTRY(topic) next;
	char name[sizeof(((struct greeting *)0)->topic)];
	struct link *publisher;
	LIST_HEAD(, link) subscribers;
};

struct link {
	int fd;
	uint32_t events; /* that epoll watches for */
	char role;       /* 0: has not said yet */
	struct topic *topic;
	LIST_ENTRY(link) next;

	/* a publisher's: chunks read so far, and the last 8 of them */
	uint64_t n_read;
	char *chunks;
	size_t len[N_CHUNKS];

	/* a subscriber's: chunks sent so far, and bytes of the next one */
	uint64_t n_sent;
	size_t offset;
};

struct relay {
	int epoll;
	int listener;
	SLIST_HEAD(, topic) topics;
};

static void
watch(struct relay *r, struct link *l, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = l };

	if (l->events == events)
		return;
	l->events = events;
	if (epoll_ctl(r->epoll, EPOLL_CTL_MOD, l->fd, &e) < 0)
		die("raw: epoll_ctl: %s", strerror(errno));
}

static struct topic *
topic_of(struct relay *r, const char *name)
{
	struct topic *t;

	SLIST_FOREACH (t, &r->topics, next)
		if (strcmp(t->name, name) == 0)
			return t;
	t = must_alloc(sizeof(*t));
	memcpy(t->name, name, sizeof(t->name));
	SLIST_INSERT_HEAD(&r->topics, t, next);
	return t;
}

/* The publisher is read as long as its ring has a chunk that all have. */
static void
pause_or_resume(struct relay *r, struct link *publisher)
{
	uint64_t slowest = publisher->n_read;
	struct link *s;

	LIST_FOREACH (s, &publisher->topic->subscribers, next)
		if (s->n_sent < slowest)
			slowest = s->n_sent;
	watch(r, publisher,
	      publisher->n_read - slowest < N_CHUNKS ? EPOLLIN : 0);
}

static void
link_close(struct relay *r, struct link *l)
{
	struct topic *t = l->topic;

	if (t && l->role == 's') {
		LIST_REMOVE(l, next);
		if (t->publisher)
			pause_or_resume(r, t->publisher);
	} else if (t) {
		t->publisher = NULL;
	}
	close(l->fd);
	free(l->chunks);
	free(l);
}

/* Send what it lacks, as far as its socket takes it. When it is gone, epoll
   tells that too. */
static void
subscriber_send(struct relay *r, struct link *s, struct link *publisher)
{
	struct iovec iov[N_CHUNKS];
	int n_iov = 0;
	ssize_t n;

	for (uint64_t i = s->n_sent; i < publisher->n_read; i++) {
		size_t skip = i == s->n_sent ? s->offset : 0;
		size_t at = i % N_CHUNKS;

		iov[n_iov].iov_base = publisher->chunks + at * CHUNK + skip;
		iov[n_iov++].iov_len = publisher->len[at] - skip;
	}
	n = n_iov > 0 ? writev(s->fd, iov, n_iov) : 0;
	s->offset += n > 0 ? (size_t)n : 0;
	while (s->n_sent < publisher->n_read &&
	       s->offset >= publisher->len[s->n_sent % N_CHUNKS])
		s->offset -= publisher->len[s->n_sent++ % N_CHUNKS];
	watch(r, s, s->n_sent < publisher->n_read ? EPOLLOUT : EPOLLIN);
}

static void
publisher_on_readable(struct relay *r, struct link *p)
{
	size_t at = p->n_read % N_CHUNKS;
	ssize_t n = read(p->fd, p->chunks + at * CHUNK, CHUNK);
	struct link *s;

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			link_close(r, p);
		return;
	}
	p->len[at] = (size_t)n;
	p->n_read++;
	LIST_FOREACH (s, &p->topic->subscribers, next)
		if (s->events != EPOLLOUT)
			subscriber_send(r, s, p);
	pause_or_resume(r, p);
}

static void
subscriber_on_event(struct relay *r, struct link *s, uint32_t events)
{
	struct link *publisher = s->topic->publisher;

	if (events & (EPOLLHUP | EPOLLERR | EPOLLIN)) {
		link_close(r, s);
	} else if (publisher) {
		subscriber_send(r, s, publisher);
		pause_or_resume(r, publisher);
	}
}

static void
link_on_greeting(struct relay *r, struct link *l)
{
	struct greeting g;

	if (recv(l->fd, &g, sizeof(g), 0) != (ssize_t)sizeof(g)) {
		link_close(r, l);
		return;
	}
	l->role = g.role;
	l->topic = topic_of(r, g.topic);
	if (l->role == 'p') {
		if (l->topic->publisher)
			die("raw: two publishers of %s", g.topic);
		l->topic->publisher = l;
		l->chunks = must_alloc(N_CHUNKS * CHUNK);
	} else {
		struct link *publisher = l->topic->publisher;

		l->n_sent = publisher ? publisher->n_read : 0;
		LIST_INSERT_HEAD(&l->topic->subscribers, l, next);
	}
	if (send(l->fd, "+", l->role == 's', MSG_NOSIGNAL) < 0)
		link_close(r, l);
}

static void
relay_on_connect(struct relay *r)
{
	int fd = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct link *l = must_alloc(sizeof(*l));
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = l };

	if (fd < 0)
		die("raw: accept: %s", strerror(errno));
	unix_enlarge(fd);
	l->fd = fd;
	l->events = EPOLLIN;
	if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		die("raw: epoll_ctl: %s", strerror(errno));
}

static void
relay_on_event(struct relay *r, struct link *l, uint32_t events)
{
	if (!l)
		relay_on_connect(r);
	else if (l->role == 0)
		link_on_greeting(r, l);
	else if (l->role == 'p')
		publisher_on_readable(r, l);
	else
		subscriber_on_event(r, l, events);
}

static void
raw_serve(const char *dir)
{
	struct epoll_event events[MAX_EVENTS] = { { .events = EPOLLIN } };
	struct relay r = { .epoll = epoll_create1(EPOLL_CLOEXEC),
		           .listener = unix_listen(dir, SOCKET) };

	if (epoll_ctl(r.epoll, EPOLL_CTL_ADD, r.listener, &events[0]) < 0)
		die("raw: epoll_ctl: %s", strerror(errno));
	for (;;) {
		int n = epoll_wait(r.epoll, events, MAX_EVENTS, -1);

		for (int i = 0; i < n; i++)
			relay_on_event(&r, events[i].data.ptr,
			               events[i].events);
	}
}

static bool
raw_answers(const char *dir)
{
	return unix_answers(dir, SOCKET);
}

/* ---- a client ------------------------------------------------------------ */

/* Publishing and subscribing each have a connection of their own. */
struct raw_client {
	struct client base;
	const char *dir;

	int out;
	char *batch;
	size_t batched;

	int in;
	char *arrived;
	size_t n_arrived;
	size_t cap;
};

static int
greet(const char *dir, char role, const char *topic)
{
	struct greeting g = { .role = role };
	int fd = unix_connect(dir, SOCKET);

	if (fd < 0 || strlen(topic) >= sizeof(g.topic))
		die("raw: cannot connect for %s", topic);
	memcpy(g.topic, topic, strlen(topic) + 1);
	if (send(fd, &g, sizeof(g), MSG_NOSIGNAL) != (ssize_t)sizeof(g))
		die("raw: send: %s", strerror(errno));
	return fd;
}

static struct client *
raw_connect(const char *dir, const struct client *model)
{
	struct raw_client *c = must_alloc(sizeof(*c));

	c->base = *model;
	c->dir = dir;
	c->out = c->in = -1;
	return &c->base;
}

static void
raw_subscribe(struct client *client, const char *filter)
{
	struct raw_client *c = (struct raw_client *)client;

	c->in = greet(c->dir, 's', filter);
}

static void
raw_sync(struct client *client)
{
	struct raw_client *c = (struct raw_client *)client;
	char plus;

	if (c->in >= 0 && recv(c->in, &plus, 1, 0) != 1)
		die("raw: recv: %s", strerror(errno));
}

static void
send_all(int fd, struct iovec *iov, int n_iov)
{
	while (n_iov > 0) {
		ssize_t n = writev(fd, iov, n_iov);

		if (n < 0 && errno != EINTR)
			die("raw: writev: %s", strerror(errno));
		for (; n_iov > 0 && n >= (ssize_t)iov->iov_len; iov++, n_iov--)
			n -= (ssize_t)iov->iov_len;
		if (n_iov > 0 && n > 0) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
}

static void
raw_flush(struct client *client)
{
	struct raw_client *c = (struct raw_client *)client;
	struct iovec iov = { c->batch, c->batched };

	send_all(c->out, &iov, 1);
	c->batched = 0;
}

/* Too long for a batch: it goes from where it lies. */
static void
publish_long(struct raw_client *c, const void *data, size_t len)
{
	uint32_t prefix = (uint32_t)len;
	struct iovec iov[] = { { c->batch, c->batched },
		               { &prefix, sizeof(prefix) },
		               { (void *)(uintptr_t)data, len } };

	send_all(c->out, iov, 3);
	c->batched = 0;
}

static void
raw_publish(struct client *client, const char *topic, const void *data,
            size_t len)
{
	struct raw_client *c = (struct raw_client *)client;
	uint32_t prefix = (uint32_t)len;

	if (!c->batch) {
		c->out = greet(c->dir, 'p', topic);
		c->batch = must_alloc(CHUNK);
	}
	if (c->batched + sizeof(prefix) + len > CHUNK)
		raw_flush(client);
	if (sizeof(prefix) + len > CHUNK) {
		publish_long(c, data, len);
		return;
	}
	memcpy(c->batch + c->batched, &prefix, sizeof(prefix));
	memcpy(c->batch + c->batched + sizeof(prefix), data, len);
	c->batched += sizeof(prefix) + len;
	if (!client->bulk)
		raw_flush(client);
}

/* Hand on what is whole; the rest moves to the front, with room to complete. */
static void
take_apart(struct raw_client *c)
{
	size_t at = 0, needed = CHUNK;
	uint32_t len = 0;

	while (c->n_arrived - at >= sizeof(len)) {
		memcpy(&len, c->arrived + at, sizeof(len));
		if (c->n_arrived - at - sizeof(len) < len) {
			needed = sizeof(len) + len;
			break;
		}
		c->base.on_message(c->base.user, c->arrived + at + sizeof(len),
		                   len);
		at += sizeof(len) + len;
	}
	c->n_arrived -= at;
	memmove(c->arrived, c->arrived + at, c->n_arrived);
	if (c->cap < needed) {
		c->cap = needed;
		c->arrived = must_realloc(c->arrived, c->cap);
	}
}

static void
raw_receive(struct client *client, int timeout_ms)
{
	struct raw_client *c = (struct raw_client *)client;
	struct pollfd p = { .fd = c->in, .events = POLLIN };
	ssize_t n;

	if (!c->arrived) {
		c->cap = CHUNK;
		c->arrived = must_alloc(c->cap);
	}
	n = recv(c->in, c->arrived + c->n_arrived, c->cap - c->n_arrived,
	         MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN) {
		poll(&p, 1, timeout_ms);
		return;
	}
	if (n <= 0)
		die("raw: recv: %s", n == 0 ? "end" : strerror(errno));
	c->n_arrived += (size_t)n;
	take_apart(c);
}

static int
raw_fd(struct client *client)
{
	return ((struct raw_client *)client)->in;
}

static void
raw_disconnect(struct client *client)
{
	struct raw_client *c = (struct raw_client *)client;

	if (c->out >= 0)
		close(c->out);
	if (c->in >= 0)
		close(c->in);
	free(c->batch);
	free(c->arrived);
	free(c);
}

const struct adapter adapter_raw = {
	.name = "raw",
	.holds_back = true,
	.acknowledges = true,
	.remarks = "a relay of bytes, as the ceiling",
	.serve = raw_serve,
	.answers = raw_answers,
	.connect = raw_connect,
	.subscribe = raw_subscribe,
	.sync = raw_sync,
	.publish = raw_publish,
	.flush = raw_flush,
	.receive = raw_receive,
	.fd = raw_fd,
	.disconnect = raw_disconnect,
};
