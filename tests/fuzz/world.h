/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * world - a broker, its connections over socket pairs, and four clients at the
 * other ends who check all that they hear: that it is well formed, in order,
 * and that each of their requests is answered once.
 *
 * Memory may run out, but only in what the broker does: see no_memory.h.
 */
#ifndef UMBEL_TESTS_WORLD_H
#define UMBEL_TESTS_WORLD_H

#include "broker/conn.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "proto/cursor.h"
#include "proto/deliver.h"
#include "proto/frame.h"
#include "proto/message.h"
#include "proto/publish.h"
#include "proto/status.h"
#include "tests/no_memory/no_memory.h"
#include "tests/unit/bytes.h"
#include "tests/unit/stepped_clock.h"

#define N_ENDS      4u
#define MAGIC_SIZE  8u
#define MAX_PAYLOAD 290000u

/* What one client knows of its connection. */
struct end {
	int fd; /* -1: not connected */
	uint32_t session;
	bool crude; /* it said bytes that were no whole frames of ours */
	bool ended; /* a fatal ERROR has come: nothing may follow */
	bool greeted;
	bool eof;
	uint64_t n_heard;  /* messages */
	uint64_t n_lost;   /* as GAPs say */
	struct bytes said; /* not sent yet */
	struct bytes got;  /* not looked at yet */
	uint32_t asked;    /* requests: the last one sent ... */
	uint32_t answered; /* ... and the last one answered */
	uint64_t values;   /* retained ones that have to follow now */
	uint32_t n_published;
	uint64_t since_ping[16]; /* PUBLISHes before each of its PINGs */
	uint32_t pings, pongs;
	uint32_t heard[N_ENDS];    /* the last number of each publisher's */
	uint32_t heard_of[N_ENDS]; /* and the session that it was then */
};

struct world {
	struct config config;
	struct broker broker;
	struct event_base *base;
	struct conns all;
	struct end ends[N_ENDS];
	uint64_t accepted;         /* as PONGs say, of all publishers */
	uint8_t magic[MAGIC_SIZE]; /* no input knows its own */
};

/* ---- the broker's side ---------------------------------------------------- */

static inline void
turn(struct world *w)
{
	no_memory_begin();
	for (int i = 0; i < 4; i++) {
		event_base_loop(w->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		conns_end_turn(&w->all);
	}
	no_memory_end();
}

static inline void
step_time(struct world *w, uint64_t ms)
{
	clock_step(ms);
	no_memory_begin();
	deadlines_run(&w->broker.deadlines, stepped_ms);
	no_memory_end();
	turn(w);
}

static inline void
world_init(struct world *w, uint64_t magic)
{
	char name[] = "umbeld", option[] = "--socket", path[] = "/nowhere";
	char *argv[] = { name, option, path, NULL };

	*w = (struct world){ .base = event_base_new() };
	CHECK(w->base);
	CHECK(config_parse(&w->config, 3, argv) == CONFIG_OK);
	w->config.log_level = LOG_ERROR;
	w->config.memory_max = 4u << 20;
	w->config.max_frame = 300000; /* more than a slab */
	w->config.outbox_high = 65536;
	w->config.max_subscriptions = 3;
	memcpy(w->magic, &magic, sizeof(magic));
	CHECK(broker_init(&w->broker, &w->config) == 0);
	conns_init(&w->all, w->base, &w->broker);
	for (unsigned i = 0; i < N_ENDS; i++)
		w->ends[i].fd = -1;
}

static inline void
world_fini(struct world *w)
{
	conns_fini(&w->all);
	CHECK(w->all.n == 0);
	CHECK(w->broker.n_undrained == 0);
	CHECK(w->broker.will_bytes == 0);
	CHECK(STAILQ_EMPTY(&w->broker.letters));
	retained_fini(&w->broker.retained);
	CHECK(w->broker.pool.used == 0);
	CHECK(w->broker.router.trie.n_entries == 0);
	CHECK(w->broker.router.trie.n_nodes == 0);
	CHECK(list_is_empty(&w->all.handshakes.head));
	CHECK(list_is_empty(&w->all.frames.head));
	CHECK(list_is_empty(&w->all.leaves.head));
	CHECK(list_is_empty(&w->all.retries.head));
	broker_fini(&w->broker);
	config_fini(&w->config);
	event_base_free(w->base);
}

/* ---- what a client hears -------------------------------------------------- */

static inline void
hear_publish(struct world *w, struct end *e, const uint8_t *body, size_t len)
{
	uint32_t session, uid, number, from;
	struct publish p;

	CHECK(publish_read(body, len, &p) == PUBLISH_OK);
	session = load_be32(body + p.stamp_offset);
	uid = load_be32(body + p.stamp_offset + 4);
	CHECK(session <= w->broker.last_session); /* 0: the broker itself */
	CHECK(uid == (uint32_t)getuid());
	if (p.payload_len < MAGIC_SIZE + 8 ||
	    memcmp(p.payload, w->magic, MAGIC_SIZE) != 0)
		return;
	e->n_heard++;
	from = load_be32(p.payload + MAGIC_SIZE);
	number = load_be32(p.payload + MAGIC_SIZE + 4);
	CHECK(from < N_ENDS);
	/* one publisher's messages come in its order, and once; those of the
	   connection that it had before may have waited longer */
	if (session < e->heard_of[from])
		return;
	if (e->heard_of[from] == session)
		CHECK(number > e->heard[from]);
	e->heard_of[from] = session;
	e->heard[from] = number;
}

/* Requests are answered once each, in order. */
static inline void
hear_answer(struct end *e, uint32_t request)
{
	if (e->crude)
		return;
	e->answered++;
	CHECK(request == e->answered);
	CHECK(e->answered <= e->asked);
}

static inline void
hear_pong(struct world *w, struct end *e, const struct message_pong *m)
{
	if (e->crude)
		return;
	CHECK(m->token == e->pongs);
	CHECK(e->pongs < e->pings);
	CHECK(m->accepted.value + m->refused.value ==
	      e->since_ping[e->pongs % 16]);
	CHECK(m->unmatched.value <= m->accepted.value);
	w->accepted += m->accepted.value;
	e->pongs++;
}

static inline void
hear_control(struct world *w, struct end *e, const uint8_t *body, size_t len)
{
	struct message m;

	CHECK(message_decode(body, len, &m) == MESSAGE_OK);
	CHECK(message_ways(m.type) & WAY_TO_CLIENT);
	if (m.type != TYPE_ERROR)
		CHECK(e->greeted == (m.type != TYPE_WELCOME));
	if (m.type == TYPE_WELCOME) {
		e->greeted = true;
		e->session = m.welcome.session;
	} else if (m.type == TYPE_OK) {
		hear_answer(e, m.ok.request);
		e->values = m.ok.n.value;
	} else if (m.type == TYPE_PONG) {
		hear_pong(w, e, &m.pong);
	} else if (m.type == TYPE_GAP) {
		e->n_lost += m.gap.frames;
	} else if (m.type == TYPE_ERROR) {
		CHECK(strcmp(status_name(m.error.code), "unknown") != 0);
		CHECK(!m.error.fatal || m.error.request == 0);
		e->ended = m.error.fatal;
		if (m.error.request != 0)
			hear_answer(e, m.error.request);
	}
}

/* Values that are kept come when they were announced, and only then. */
static inline void
hear_deliver(struct end *e, const uint8_t *body, size_t len)
{
	struct deliver d;
	struct publish p;

	CHECK(deliver_read(body, len, &d));
	CHECK(publish_read(d.publish, d.publish_len, &p) == PUBLISH_OK);
	CHECK(d.retained == (e->values > 0));
	e->values -= d.retained;
}

static inline void
hear_frame(struct world *w, struct end *e, const uint8_t *body, size_t len)
{
	uint32_t type;

	CHECK(!e->ended);
	CHECK(cursor_check_body(body, len, &type));
	if (type == TYPE_GAP)
		e->values = 0; /* they were cut */
	CHECK(e->values == 0 || type == TYPE_DELIVER);
	if (type == TYPE_PUBLISH)
		hear_publish(w, e, body, len);
	else if (type == TYPE_DELIVER)
		hear_deliver(e, body, len);
	else
		hear_control(w, e, body, len);
}

static inline void
hear(struct world *w, struct end *e)
{
	size_t at = 0;

	while (at < e->got.len) {
		uint32_t max = w->config.max_frame + FRAME_BROKER_EXTRA;
		size_t left = e->got.len - at;
		uint32_t len;
		enum frame_result r =
			frame_peek(e->got.at + at, left, max, &len);

		CHECK(r == FRAME_OK || r == FRAME_SHORT);
		if (r == FRAME_SHORT || left < FRAME_PREFIX_SIZE + len)
			break;
		hear_frame(w, e, e->got.at + at + FRAME_PREFIX_SIZE, len);
		at += FRAME_PREFIX_SIZE + len;
	}
	e->got.len -= at;
	if (at > 0)
		memmove(e->got.at, e->got.at + at, e->got.len);
}

/* Up to `max` bytes. False when there were none, or the stream has ended. */
static inline bool
end_reads(struct world *w, struct end *e, size_t max)
{
	uint8_t buf[65536];
	ssize_t n;

	n = recv(e->fd, buf, max < sizeof(buf) ? max : sizeof(buf),
	         MSG_DONTWAIT);
	e->eof |= n == 0;
	if (n <= 0)
		return false;
	put(&e->got, buf, (size_t)n);
	hear(w, e);
	return true;
}

/* Read all that there is, with as many turns of the broker as that takes. */
static inline void
end_reads_all(struct world *w, struct end *e)
{
	while (e->fd >= 0 && end_reads(w, e, SIZE_MAX))
		turn(w);
}

/* ---- what a client does --------------------------------------------------- */

static inline void
end_leaves(struct end *e)
{
	if (e->fd >= 0)
		close(e->fd);
	bytes_free(&e->said);
	bytes_free(&e->got);
	*e = (struct end){ .fd = -1 };
}

static inline void
end_connects(struct world *w, struct end *e)
{
	int fds[2], r;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	                 fds) == 0);
	no_memory_begin();
	r = admission_let_in(&w->broker, conns_carrier(&w->all), fds[0], NULL);
	no_memory_end();
	e->fd = fds[1];
	if (r < 0) {
		close(fds[0]);
		end_leaves(e);
	}
}

/* Send at most `max` bytes of what it wants to say. */
static inline void
end_sends(struct end *e, size_t max)
{
	size_t n = e->said.len < max ? e->said.len : max;
	ssize_t sent;

	if (n == 0)
		return;
	sent = send(e->fd, e->said.at, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0 && errno != EAGAIN) {
		e->said.len = 0;
	} else if (sent > 0) {
		e->said.len -= (size_t)sent;
		memmove(e->said.at, e->said.at + sent, e->said.len);
	}
}

static inline void
say_hello(struct end *e, uint8_t how)
{
	static const char *const options[] = {
		"80",
		"81 a8 6f766572666c6f77 a5 626c6f636b",
		"81 a8 6f766572666c6f77 ab 64726f702d6f6c64657374",
		"81 a8 6f766572666c6f77 aa 646973636f6e6e656374",
		"81 a4 77696c6c c4 13 970301c4080000000000000000a161c0c0c400",
	};
	size_t start = e->said.len;

	/* the last option is a will; another HELLO is out of turn */
	put_hex(&e->said, "94 01");
	put_be(&e->said, how % 16 == 15 ? 0 : 1, 1);
	put_str(&e->said, how % 3 == 0 ? "" : "fuzz");
	put_hex(&e->said, options[how % COUNT(options)]);
	put_prefix_before(&e->said, start);
}

static inline void
say_subscribe(struct end *e, uint8_t how, uint8_t which)
{
	static const char *const filters[] = { "a",       "a.b",       "a.*",
		                               "**",      "a.**",      "*.b",
		                               "$sys.**", "$inbox.**", "a..b" };
	static const char *const options[] = {
		"80",
		"80",
		"81 a7 6d6f6e69746f72 c3",
		"81 a5 67726f7570 a1 67",
		"81 a8 72657461696e6564 c3",
	};
	size_t start = e->said.len;

	put_hex(&e->said, "95 04 ce");
	put_be(&e->said, ++e->asked, 4);
	put_be(&e->said, how % 5, 1);
	put_str(&e->said, filters[which % COUNT(filters)]);
	put_hex(&e->said, options[how / 5 % COUNT(options)]);
	put_prefix_before(&e->said, start);
}

static inline void
say_unsubscribe(struct end *e, uint8_t sub)
{
	size_t start = e->said.len;

	put_hex(&e->said, "93 05 ce");
	put_be(&e->said, ++e->asked, 4);
	put_be(&e->said, sub % 5, 1);
	put_prefix_before(&e->said, start);
}

static inline void
say_publish(struct world *w, struct end *e, uint8_t how, uint32_t len)
{
	static const char *const topics[] = { "a", "a.b", "a.b.c", "c.b",
		                              "$sys.x" };
	static const uint8_t filler[MAX_PAYLOAD];
	const char *topic = topics[how % COUNT(topics)];
	size_t start = e->said.len;
	char reply[64];

	snprintf(reply, sizeof(reply), "%s.%u.r", w->broker.inbox_root,
	         e->session);
	put_hex(&e->said, "97 03");
	put_be(&e->said, how >> 7, 1);
	put_hex(&e->said, "c4 08 ff ff ff ff ff ff ff ff");
	put_str(&e->said, how % 16 == 7 ? reply : topic);
	if (how % 8 == 3)
		put_str(&e->said, how & 64 ? reply : "b");
	else
		put_hex(&e->said, "c0");
	put_hex(&e->said, how % 32 == 9 ? "81 a1 6b 01" : "c0");
	put_hex(&e->said, "c6");
	put_be(&e->said, MAGIC_SIZE + 8 + len, 4);
	put(&e->said, w->magic, MAGIC_SIZE);
	put_be(&e->said, (uint32_t)(e - w->ends), 4);
	put_be(&e->said, ++e->n_published, 4);
	put(&e->said, filler, len);
	put_prefix_before(&e->said, start);
	e->since_ping[e->pings % 16]++;
}

static inline void
say_ping(struct end *e)
{
	size_t start = e->said.len;

	if (e->pings - e->pongs >= 15)
		return;
	put_hex(&e->said, "92 0a ce");
	put_be(&e->said, e->pings++, 4);
	put_prefix_before(&e->said, start);
	e->since_ping[e->pings % 16] = 0;
}

/* ---- afterwards ----------------------------------------------------------- */

/* Whoever is still there reads to the end of what there is, then all go. */
static inline void
all_leave(struct world *w)
{
	for (unsigned i = 0; i < N_ENDS; i++) {
		struct end *e = &w->ends[i];

		end_reads_all(w, e);
		end_leaves(e);
		turn(w);
	}
	/* to linger, to be evicted, to have been refused: all have an end */
	for (int i = 0; i < 8; i++)
		step_time(w, 12000);
	CHECK(w->broker.n_sessions == 0);
	CHECK(!w->broker.settling);
}

/* The next client is served as if nothing had been. */
static inline void
check_service(struct world *w)
{
	struct end *e = &w->ends[0];

	no_memory_at(0, 0);
	end_connects(w, e);
	say_hello(e, 0);
	say_subscribe(e, 0, 0);
	put_publish(&e->said, "a", NULL, "hello", 5);
	say_ping(e);
	end_sends(e, SIZE_MAX);
	e->crude = true; /* that was not of the kind that is counted */
	turn(w);
	CHECK(end_reads(w, e, SIZE_MAX));
	CHECK(e->greeted && !e->ended);
	CHECK(e->got.len == 0);
	end_leaves(e);
	turn(w);
	CHECK(w->broker.n_sessions == 0);
}

#endif
