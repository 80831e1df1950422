/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * gateways - the HTTP gateway of a broker whose other sessions have no sockets:
 * what HTTP clients send and get is text, and time stands still between.
 */
#ifndef UMBEL_TESTS_GATEWAYS_H
#define UMBEL_TESTS_GATEWAYS_H

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/gateway.h"
#include "broker/publish.h"
#include "sessions.h"

struct gate {
	struct rig rig;
	struct event_base *base;
	struct gateway g;
};

/* The other end of an HTTP connection. */
struct end {
	int fd;
	char *got; /* NUL-terminated, and not looked at yet */
	size_t len;
	bool eof;
};

static inline void
gate_init(struct gate *t)
{
	rig_init(&t->rig);
	t->base = event_base_new();
	assert_non_null(t->base);
	gateway_init(&t->g, t->base, &t->rig.broker);
}

/* Some turns of the loop: enough for what has come to have its effect. */
static inline void
gate_turn(struct gate *t)
{
	for (int i = 0; i < 20; i++) {
		event_base_loop(t->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		gateway_end_turn(&t->g);
		rig_turn(&t->rig);
		publish_posted(&t->rig.broker);
	}
}

static inline void
gate_step(struct gate *t, uint64_t ms)
{
	gate_turn(t);
	rig_step(&t->rig, ms);
	gate_turn(t);
}

static inline void
gate_fini(struct gate *t)
{
	gateway_fini(&t->g);
	assert_int_equal(t->g.n, 0);
	rig_fini(&t->rig);
	event_base_free(t->base);
}

static inline struct end
end_open(struct gate *t)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(admission_let_in(&t->rig.broker,
	                                  gateway_carrier(&t->g), fds[0], NULL),
	                 0);
	return (struct end){ .fd = fds[1] };
}

static inline void
end_close(struct end *e)
{
	close(e->fd);
	free(e->got);
}

/* What the gateway sends while it has turns. */
static inline void
end_read(struct gate *t, struct end *e)
{
	ssize_t n = 1;

	for (int idle = 0; idle < 3 && !e->eof; idle += n <= 0) {
		e->got = realloc(e->got, e->len + 65536 + 1);
		assert_non_null(e->got);
		gate_turn(t);
		n = recv(e->fd, e->got + e->len, 65536, MSG_DONTWAIT);
		assert_true(n >= 0 || errno == EAGAIN || errno == ECONNRESET);
		e->eof |= n == 0;
		e->len += n > 0 ? (size_t)n : 0;
		e->got[e->len] = '\0';
	}
}

static inline void
end_send_bytes(struct gate *t, struct end *e, const char *data, size_t len)
{
	for (int tries = 0; len > 0 && tries < 1000; tries++) {
		ssize_t n = send(e->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		assert_true(n > 0 || errno == EAGAIN);
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
		gate_turn(t);
	}
	assert_int_equal(len, 0);
}

static inline void
end_send(struct gate *t, struct end *e, const char *text)
{
	end_send_bytes(t, e, text, strlen(text));
}

/* All that was got; what comes next comes to an empty place. */
static inline char *
end_take(struct gate *t, struct end *e)
{
	char *all;

	end_read(t, e);
	all = e->got;
	e->got = NULL;
	e->len = 0;
	return all;
}

static inline void
assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("nothing of %s in:\n%s", part, text);
}

static inline void
assert_begins(const char *text, const char *part)
{
	if (strncmp(text, part, strlen(part)) != 0)
		fail_msg("not %s at the front of:\n%s", part, text);
}

/* Send it; the answer begins with `status`, and has `part` in it. */
static inline void
end_asks(struct gate *t, struct end *e, const char *request, const char *status,
         const char *part)
{
	char *answer;

	end_send(t, e, request);
	answer = end_take(t, e);
	assert_begins(answer, status);
	assert_has(answer, part);
	free(answer);
}

/* The same on a connection of its own. */
static inline void
gate_asks(struct gate *t, const char *request, const char *status,
          const char *part)
{
	struct end e = end_open(t);

	end_asks(t, &e, request, status, part);
	end_close(&e);
	gate_turn(t);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define OK        "HTTP/1.1 200 OK\r\n"
#define POST(path) \
	"POST " path " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"

#endif
