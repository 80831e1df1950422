/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * conns - a broker whose connections are real sockets, and the other ends of
 * those: what clients say and get are bytes, and time stands still between.
 */
#ifndef UMBEL_TESTS_CONNS_H
#define UMBEL_TESTS_CONNS_H

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/conn.h"
#include "bytes.h"
#include "proto/message.h"
#include "proto/status.h"
#include "stepped_clock.h"

/* A broker with its loop, and the other ends of its sockets. */
struct rig {
	struct config config;
	struct broker broker;
	struct event_base *base;
	struct conns all;
};

struct end {
	int fd;
	struct bytes got;
	struct bytes frame;
	bool eof;
};

static inline struct config
some_config(void)
{
	return (struct config){
		.ready_fd = -1,
		.log_level = LOG_ERROR,
		.memory_max = 32u << 20,
		.max_frame = 1u << 20,
		.outbox_high = 400000,
		.max_subscriptions = 100,
		.handshake_ms = 10000,
		.frame_ms = 30000,
		.stall_ms = 2000,
		.hold_max_ms = 10000,
		.hold_notice_ms = 100,
		.linger_ms = 5000,
		.settle_ms = 200,
		.drain_ms = 3000,
	};
}

static inline void
rig_init(struct rig *r, struct config config)
{
	*r = (struct rig){ .config = config };
	assert_int_equal(broker_init(&r->broker, &r->config), 0);
	r->base = event_base_new();
	assert_non_null(r->base);
	conns_init(&r->all, r->base, &r->broker);
}

static inline void
rig_fini(struct rig *r)
{
	conns_fini(&r->all);
	assert_int_equal(r->all.n, 0);
	assert_int_equal(r->broker.n_sessions, 0);
	assert_int_equal(r->broker.pool.used, 0);
	assert_int_equal(r->broker.router.trie.n_nodes, 0);
	assert_true(list_is_empty(&r->all.handshakes.head));
	assert_true(list_is_empty(&r->all.frames.head));
	assert_true(list_is_empty(&r->all.leaves.head));
	assert_true(list_is_empty(&r->all.retries.head));
	broker_fini(&r->broker);
	event_base_free(r->base);
}

/* Some turns of the loop: enough for what has come to have its effect. */
static inline void
turn(struct rig *r)
{
	for (int i = 0; i < 10; i++) {
		event_base_loop(r->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		conns_end_turn(&r->all);
	}
}

static inline void
step(struct rig *r, uint64_t ms)
{
	turn(r);
	clock_step(ms);
	deadlines_run(&r->broker.deadlines, stepped_ms);
	turn(r);
}

static inline struct end
connect_end(struct rig *r)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(admission_let_in(&r->broker, conns_carrier(&r->all),
	                                  fds[0], NULL),
	                 0);
	return (struct end){ .fd = fds[1] };
}

static inline void
end_free(struct end *e)
{
	if (e->fd >= 0)
		close(e->fd);
	bytes_free(&e->got);
	bytes_free(&e->frame);
}

/* All of it, with as many turns of the broker as that takes. */
static inline void
say_bytes(struct rig *r, struct end *e, const struct bytes *b)
{
	size_t at = 0;

	for (int tries = 0; at < b->len; tries++) {
		ssize_t n = send(e->fd, b->at + at, b->len - at, MSG_NOSIGNAL);

		assert_true(n > 0 || errno == EAGAIN);
		assert_true(tries < 10000);
		at += n > 0 ? (size_t)n : 0;
		turn(r);
	}
}

static inline void
say(struct rig *r, struct end *e, const char *body)
{
	struct bytes b = { 0 };

	put_frame(&b, body);
	say_bytes(r, e, &b);
	bytes_free(&b);
}

/* Send what the socket takes. How much that was. */
static inline size_t
say_some(struct end *e, const struct bytes *b, size_t at)
{
	ssize_t n = send(e->fd, b->at + at, b->len - at, MSG_NOSIGNAL);

	return n > 0 ? (size_t)n : 0;
}

static inline size_t
listen_some(struct end *e, size_t max)
{
	uint8_t piece[65536];
	ssize_t n = recv(e->fd, piece,
	                 max < sizeof(piece) ? max : sizeof(piece), 0);

	assert_true(n >= 0 || errno == EAGAIN);
	e->eof |= n == 0;
	if (n > 0)
		put(&e->got, piece, (size_t)n);
	return n > 0 ? (size_t)n : 0;
}

static inline bool
next_frame(struct rig *r, struct end *e)
{
	size_t size = 0;

	do
		turn(r);
	while (listen_some(e, SIZE_MAX) > 0);
	if (e->got.len == 0)
		return false;
	assert_true(e->got.len >= 5);
	for (int i = 1; i < 5; i++)
		size = size << 8 | e->got.at[i];
	size += 5;
	assert_true(e->got.len >= size);
	e->frame.len = 0;
	put(&e->frame, e->got.at, size);
	e->got.len -= size;
	memmove(e->got.at, e->got.at + size, e->got.len);
	return true;
}

static inline struct message
expect(struct rig *r, struct end *e, enum frame_type type)
{
	struct message m = { .type = TYPE_PUBLISH };

	if (!next_frame(r, e))
		fail_msg("nothing came, not %s", message_name(type));
	if (e->frame.at[6] != TYPE_PUBLISH)
		assert_int_equal(message_decode(e->frame.at + 5,
		                                e->frame.len - 5, &m),
		                 MESSAGE_OK);
	if (m.type != type)
		fail_msg("%s came, not %s", message_name(m.type),
		         message_name(type));
	return m;
}

static inline void
expect_error_and_end(struct rig *r, struct end *e, enum status status)
{
	struct message m = expect(r, e, TYPE_ERROR);

	assert_int_equal(m.error.code, status);
	assert_true(m.error.fatal);
	assert_false(next_frame(r, e));
	assert_true(e->eof);
}

static inline void
expect_nothing(struct rig *r, struct end *e)
{
	assert_false(next_frame(r, e));
	assert_false(e->eof);
}

static inline struct end
open_end(struct rig *r)
{
	struct end e = connect_end(r);

	say(r, &e, "94 01 01 a1 78 80");
	expect(r, &e, TYPE_WELCOME);
	return e;
}

static inline struct end
open_end_on_all(struct rig *r)
{
	struct end e = open_end(r);

	say(r, &e, "95 04 01 01 a2 2a 2a 80");
	expect(r, &e, TYPE_OK);
	return e;
}

#endif
