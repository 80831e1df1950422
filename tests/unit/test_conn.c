/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/conn.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

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

static struct config
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

static void
rig_init(struct rig *r, struct config config)
{
	*r = (struct rig){ .config = config };
	assert_int_equal(broker_init(&r->broker, &r->config), 0);
	r->base = event_base_new();
	assert_non_null(r->base);
	conns_init(&r->all, r->base, &r->broker);
}

static void
rig_fini(struct rig *r)
{
	conns_fini(&r->all);
	assert_int_equal(r->all.n, 0);
	assert_int_equal(r->broker.n_sessions, 0);
	assert_int_equal(r->broker.pool.used, 0);
	assert_int_equal(r->broker.router.trie.n_nodes, 0);
	assert_true(conns_next_deadline(&r->all) == UINT64_MAX);
	broker_fini(&r->broker);
	event_base_free(r->base);
}

/* Some turns of the loop: enough for what has come to have its effect. */
static void
turn(struct rig *r)
{
	for (int i = 0; i < 10; i++) {
		event_base_loop(r->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		conns_end_turn(&r->all);
	}
}

static void
step(struct rig *r, uint64_t ms)
{
	turn(r);
	clock_step(ms);
	broker_run_deadlines(&r->broker, stepped_ms);
	conns_run_deadlines(&r->all, stepped_ms);
	turn(r);
}

static struct end
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

static void
end_free(struct end *e)
{
	if (e->fd >= 0)
		close(e->fd);
	bytes_free(&e->got);
	bytes_free(&e->frame);
}

/* All of it, with as many turns of the broker as that takes. */
static void
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

static void
say(struct rig *r, struct end *e, const char *body)
{
	struct bytes b = { 0 };

	put_frame(&b, body);
	say_bytes(r, e, &b);
	bytes_free(&b);
}

/* Send what the socket takes. How much that was. */
static size_t
say_some(struct end *e, const struct bytes *b, size_t at)
{
	ssize_t n = send(e->fd, b->at + at, b->len - at, MSG_NOSIGNAL);

	return n > 0 ? (size_t)n : 0;
}

static size_t
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

static bool
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

static struct message
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

static void
expect_error_and_end(struct rig *r, struct end *e, enum status status)
{
	struct message m = expect(r, e, TYPE_ERROR);

	assert_int_equal(m.error.code, status);
	assert_true(m.error.fatal);
	assert_false(next_frame(r, e));
	assert_true(e->eof);
}

static void
expect_nothing(struct rig *r, struct end *e)
{
	assert_false(next_frame(r, e));
	assert_false(e->eof);
}

static struct end
open_end(struct rig *r)
{
	struct end e = connect_end(r);

	say(r, &e, "94 01 01 a1 78 80");
	expect(r, &e, TYPE_WELCOME);
	return e;
}

static struct end
open_end_on_all(struct rig *r)
{
	struct end e = open_end(r);

	say(r, &e, "95 04 01 01 a2 2a 2a 80");
	expect(r, &e, TYPE_OK);
	return e;
}

/* ---- in order --------------------------------------------------------------- */

TEST(a_message_goes_from_socket_to_socket_and_nothing_is_held_when_idle)
{
	struct bytes b = { 0 };
	struct end a, c;
	struct rig r;

	rig_init(&r, some_config());
	a = open_end(&r);
	c = open_end_on_all(&r);
	put_publish(&b, "x", NULL, "hi", 2);
	say_bytes(&r, &a, &b);
	expect(&r, &c, TYPE_PUBLISH);
	assert_int_equal(c.frame.len, b.len);
	assert_memory_equal(c.frame.at + c.frame.len - 2, "hi", 2);
	expect_nothing(&r, &a);
	assert_int_equal(r.broker.pool.used, 0);
	bytes_free(&b);
	end_free(&a);
	end_free(&c);
	turn(&r);
	assert_int_equal(r.all.n, 0);
	rig_fini(&r);
}

TEST(any_cutting_of_the_stream_means_the_same)
{
	struct bytes b = { 0 };
	struct rig r;

	put_frame(&b, "94 01 01 a1 78 80");
	put_frame(&b, "95 04 01 01 a2 2a 2a 80");
	put_publish(&b, "x", NULL, "hi", 2);
	put_frame(&b, "92 0a 05");
	rig_init(&r, some_config());
	for (size_t cut = 0; cut <= b.len; cut++) {
		struct end e = connect_end(&r);
		struct bytes first = b, second = b;

		first.len = cut;
		second.at += cut;
		second.len -= cut;
		say_bytes(&r, &e, &first);
		say_bytes(&r, &e, &second);
		expect(&r, &e, TYPE_WELCOME);
		expect(&r, &e, TYPE_OK);
		expect(&r, &e, TYPE_PUBLISH);
		assert_int_equal(expect(&r, &e, TYPE_PONG).pong.token, 5);
		expect_nothing(&r, &e);
		end_free(&e);
	}
	bytes_free(&b);
	rig_fini(&r);
}

TEST(goaway_and_the_end_of_the_stream_end_it_in_order)
{
	struct bytes b = { 0 };
	struct end c, e;
	struct rig r;

	rig_init(&r, some_config());
	c = open_end_on_all(&r);
	e = open_end(&r);
	say(&r, &e, "92 0a 01");
	say(&r, &e, "93 0c a0 00");
	expect(&r, &e, TYPE_PONG);
	assert_false(next_frame(&r, &e));
	assert_true(e.eof);
	end_free(&e);

	/* half a frame at the end is nothing */
	e = open_end(&r);
	put_publish(&b, "x", NULL, "1", 1);
	put_publish(&b, "x", NULL, "2", 1);
	b.len -= 3;
	say_bytes(&r, &e, &b);
	assert_int_equal(shutdown(e.fd, SHUT_WR), 0);
	expect(&r, &c, TYPE_PUBLISH);
	expect_nothing(&r, &c);
	assert_false(next_frame(&r, &e));
	assert_true(e.eof);
	assert_int_equal(r.all.n, 1);
	bytes_free(&b);
	end_free(&e);
	end_free(&c);
	rig_fini(&r);
}

TEST(what_was_sent_is_routed_even_if_its_sender_reads_nothing_and_is_gone)
{
	struct bytes b = { 0 };
	struct end c, e;
	struct rig r;

	rig_init(&r, some_config());
	c = open_end_on_all(&r);
	e = connect_end(&r);
	put_frame(&b, "94 01 01 a1 78 80");
	for (int i = 0; i < 10; i++) {
		put_publish(&b, "x", NULL, "1", 1);
		put_frame(&b, "92 0a 05"); /* answers that nobody reads */
	}
	assert_int_equal(say_some(&e, &b, 0), b.len);
	close(e.fd);
	e.fd = -1;
	for (int i = 0; i < 10; i++)
		expect(&r, &c, TYPE_PUBLISH);
	expect_nothing(&r, &c);
	assert_int_equal(r.all.n, 1);
	bytes_free(&b);
	end_free(&e);
	end_free(&c);
	rig_fini(&r);
}

/* ---- faults --------------------------------------------------------------- */

TEST(a_fault_ends_its_own_connection_with_an_error_and_no_other)
{
	static const struct {
		const char *bytes;
		enum status status;
	} faults[] = {
		{ "47 45 54 20 2f", STATUS_BAD_MAGIC },
		{ "00", STATUS_BAD_MAGIC },
		{ "ce 00 10 00 01", STATUS_FRAME_TOO_BIG },
		{ "ce ff ff ff ff", STATUS_FRAME_TOO_BIG },
		{ "ce 00 00 00 01 c0", STATUS_BAD_FRAME },
		{ "ce 00 00 00 02 91 0e", STATUS_UNKNOWN_TYPE },
	};
	struct end c;
	struct rig r;

	rig_init(&r, some_config());
	c = open_end_on_all(&r);
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct end e = open_end(&r);
		struct bytes b = { 0 };

		put_hex(&b, faults[i].bytes);
		put_publish(&b, "x", NULL, "no", 2);
		say_bytes(&r, &e, &b);
		expect_error_and_end(&r, &e, faults[i].status);
		bytes_free(&b);
		end_free(&e);
	}
	expect_nothing(&r, &c);
	assert_int_equal(r.all.n, 1);
	end_free(&c);
	rig_fini(&r);
}

TEST(before_welcome_a_body_is_at_most_32768_bytes)
{
	struct rig r;
	struct end e;
	struct bytes b = { 0 };

	rig_init(&r, some_config());
	e = connect_end(&r);
	put_hex(&b, "ce 00 00 80 01");
	say_bytes(&r, &e, &b);
	expect_error_and_end(&r, &e, STATUS_FRAME_TOO_BIG);
	end_free(&e);
	/* but what is pipelined behind HELLO may be longer */
	e = connect_end(&r);
	b.len = 0;
	put_frame(&b, "94 01 01 a1 78 80");
	put_hex(&b, "ce 00 00 80 06 92 cc 80 c5 80 00");
	put_fill(&b, 0, 32768);
	say_bytes(&r, &e, &b);
	expect(&r, &e, TYPE_WELCOME);
	expect_nothing(&r, &e);
	bytes_free(&b);
	end_free(&e);
	rig_fini(&r);
}

/* ---- in time ---------------------------------------------------------------- */

TEST(hello_has_10_s_from_the_connection_on)
{
	struct bytes b = { 0 };
	struct end e;
	struct rig r;

	rig_init(&r, some_config());
	e = connect_end(&r);
	step(&r, 9000);
	put_hex(&b, "ce"); /* a byte is not enough */
	say_bytes(&r, &e, &b);
	step(&r, 999);
	expect_nothing(&r, &e);
	step(&r, 1);
	expect_error_and_end(&r, &e, STATUS_TIMEOUT);
	bytes_free(&b);
	end_free(&e);
	rig_fini(&r);
}

TEST(a_frame_that_has_begun_has_30_s_and_an_idle_session_all_the_time)
{
	struct bytes b = { 0 };
	struct end e;
	struct rig r;

	rig_init(&r, some_config());
	e = open_end(&r);
	step(&r, 1000000);
	put_hex(&b, "ce 00 00 00");
	say_bytes(&r, &e, &b);
	step(&r, 29000);
	b.len = 0;
	put_hex(&b, "02 91"); /* more of it is no new frame */
	say_bytes(&r, &e, &b);
	step(&r, 999);
	expect_nothing(&r, &e);
	step(&r, 1);
	expect_error_and_end(&r, &e, STATUS_TIMEOUT);
	end_free(&e);

	/* each frame has its own time */
	e = open_end(&r);
	for (int i = 0; i < 5; i++) {
		b.len = 0;
		put_hex(&b, i == 0 ? "ce 00 00 00 03 92"
		                   : "0a 05 ce 00 00 00 03 92");
		say_bytes(&r, &e, &b);
		step(&r, 20000);
	}
	for (int i = 0; i < 4; i++)
		expect(&r, &e, TYPE_PONG);
	expect_nothing(&r, &e);
	bytes_free(&b);
	end_free(&e);
	rig_fini(&r);
}

TEST(a_session_that_the_broker_does_not_read_is_not_late)
{
	struct bytes b = { 0 };
	struct end e;
	struct rig r;

	rig_init(&r, some_config());
	r.broker.settling = true;
	e = open_end(&r);
	put_publish(&b, "x", NULL, "1", 1);
	say_bytes(&r, &e, &b);
	turn(&r);
	clock_step(100000);
	conns_run_deadlines(&r.all, stepped_ms);
	expect_nothing(&r, &e);
	r.broker.settling = false;
	broker_settle(&r.broker);
	say(&r, &e, "92 0a 05");
	assert_int_equal(expect(&r, &e, TYPE_PONG).pong.accepted, 1);
	bytes_free(&b);
	end_free(&e);
	rig_fini(&r);
}

/* In the middle of its turn another one ends that was to have its own. */
static void
end_next(struct session *s)
{
	s->ops->abandon(TAILQ_NEXT(s, link));
}

static void
wait_and_go_on(struct rig *r, struct end *ends, int n)
{
	struct bytes b = { 0 };

	put_publish(&b, "x", NULL, "1", 1);
	put_frame(&b, "92 0a 05");
	broker_start_settling(&r->broker);
	for (int i = 0; i < n; i++)
		say_bytes(r, &ends[i], &b);
	turn(r);
	assert_true(session_is_waiting(TAILQ_FIRST(&r->broker.sessions)));
	broker_settle(&r->broker);
	bytes_free(&b);
}

TEST(one_whose_turn_it_would_have_been_may_be_freed)
{
	void (*wake)(struct session *);
	struct session *first;
	struct end ends[2];
	struct rig r;

	rig_init(&r, some_config());
	ends[0] = open_end(&r);
	ends[1] = open_end(&r);
	first = TAILQ_FIRST(&r.broker.sessions);
	wait_and_go_on(&r, ends, 2);
	wake = r.all.ops.wake;
	r.all.ops.wake = end_next;
	conns_end_turn(&r.all);
	r.all.ops.wake = wake;
	wake(first);
	expect(&r, &ends[0], TYPE_PONG);
	assert_int_equal(r.all.n, 1);
	/* and others have theirs as ever */
	wait_and_go_on(&r, ends, 1);
	expect(&r, &ends[0], TYPE_PONG);
	end_free(&ends[0]);
	end_free(&ends[1]);
	rig_fini(&r);
}

/* ---- turns ------------------------------------------------------------------ */

/* One client sends all of this at once: so much of it is done in one turn that
   others have theirs soon, and all of it in the end. */
static void
expect_turns(struct rig *r, struct end *e, const struct bytes *flood,
             unsigned n_answers)
{
	uint64_t begun = broker_work(&r->broker), most = 0;
	bool idle = false;

	assert_int_equal(say_some(e, flood, 0), flood->len);
	while (!idle) {
		uint64_t before = broker_work(&r->broker);

		event_base_loop(r->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		idle = conns_end_turn(&r->all);
		if (broker_work(&r->broker) - before > most)
			most = broker_work(&r->broker) - before;
	}
	while (n_answers-- > 0)
		assert_true(next_frame(r, e));
	expect_nothing(r, e);
	/* or the test is too tame */
	assert_true(broker_work(&r->broker) - begun > 10 * TURN_WORK);
	assert_true(most <= 2 * TURN_WORK);
}

TEST(snapshots_are_taken_in_turns)
{
	struct bytes flood = { 0 };
	struct rig r;
	struct end e;

	rig_init(&r, some_config());
	r.broker.retained.max_n = r.broker.retained.max_bytes = 1u << 20;
	for (unsigned i = 0; i < 1000; i++) {
		char topic[16];
		int len = snprintf(topic, sizeof(topic), "a.%u", i);

		assert_int_equal(retained_put(&r.broker.retained, topic,
		                              (size_t)len, (const uint8_t *)"",
		                              0, 0),
		                 RETAINED_KEPT);
	}
	e = open_end(&r);
	for (unsigned i = 0; i < 90; i++) {
		size_t start = flood.len;

		put_hex(&flood, "95 04 01 cc");
		put_be(&flood, i, 1);
		put_str(&flood, "*.zz");
		put_hex(&flood, "81 a8 72 65 74 61 69 6e 65 64 c3");
		put_prefix_before(&flood, start);
	}
	expect_turns(&r, &e, &flood, 90);
	end_free(&e);
	turn(&r);
	bytes_free(&flood);
	retained_fini(&r.broker.retained);
	rig_fini(&r);
}

TEST(questions_are_answered_in_turns)
{
	struct bytes flood = { 0 };
	char reply[64], inbox[INBOX_MAX];
	struct rig r;
	struct end e;

	rig_init(&r, some_config());
	e = open_end(&r);
	session_inbox(TAILQ_FIRST(&r.broker.sessions), inbox);
	snprintf(reply, sizeof(reply), "%s.x", inbox);
	for (unsigned i = 0; i < 1100; i++)
		put_publish(&flood, "$SYS.broker.info", reply, "", 0);
	expect_turns(&r, &e, &flood, 0);
	end_free(&e);
	turn(&r);
	bytes_free(&flood);
	rig_fini(&r);
}

/* Each change of subscriptions makes the broker look at all filters again. */
TEST(messages_that_have_a_long_way_are_routed_in_turns)
{
	struct bytes flood = { 0 };
	struct rig r;
	struct end e;

	rig_init(&r, some_config());
	e = open_end(&r);
	for (unsigned i = 0; i < 64; i++) {
		char filter[] = "a.a.a.a.a.a.b";
		size_t start = flood.len;

		for (unsigned k = 0; k < 6; k++)
			filter[2 * k] = i >> k & 1 ? 'a' : '*';
		filter[0] = i & 1 ? 'a' : '*';
		put_hex(&flood, "95 04 01 cc");
		put_be(&flood, i, 1);
		put_str(&flood, filter);
		put_hex(&flood, "80");
		put_prefix_before(&flood, start);
	}
	say_bytes(&r, &e, &flood);
	for (unsigned i = 0; i < 64; i++)
		expect(&r, &e, TYPE_OK);
	flood.len = 0;
	for (unsigned i = 0; i < 1000; i++) {
		char topic[32];

		snprintf(topic, sizeof(topic), "a.a.a.a.a.a.c%u", i);
		put_publish(&flood, topic, NULL, "", 0);
	}
	expect_turns(&r, &e, &flood, 0);
	end_free(&e);
	turn(&r);
	bytes_free(&flood);
	rig_fini(&r);
}

/* ---- slow ------------------------------------------------------------------- */

TEST(a_slow_reader_slows_its_publisher_and_loses_nothing)
{
	enum { N = 3000, SIZE = 1000 };
	struct bytes b = { 0 };
	struct end slow, pub;
	unsigned got = 0;
	size_t said = 0;
	struct rig r;

	rig_init(&r, some_config());
	slow = open_end_on_all(&r);
	pub = open_end(&r);
	for (uint32_t i = 0; i < N; i++) {
		uint8_t payload[SIZE] = { 0 };

		memcpy(payload, &i, sizeof(i));
		put_publish(&b, "x", NULL, payload, SIZE);
	}
	for (int i = 0; i < 200; i++) {
		said += say_some(&pub, &b, said);
		turn(&r);
	}
	/* outbox, a slab, and the kernel's buffers: then it is held */
	assert_true(said < b.len);
	assert_true(r.broker.pool.used < 3 << 20);
	while (got < N) {
		listen_some(&slow, 20000);
		said += say_some(&pub, &b, said);
		turn(&r);
		while (slow.got.len >= 5) {
			uint32_t size = 5 + 13 + 2 + 2 + 3 + SIZE, number;

			if (slow.got.len < size)
				break;
			memcpy(&number, slow.got.at + size - SIZE, 4);
			assert_int_equal(number, got);
			got++;
			slow.got.len -= size;
			memmove(slow.got.at, slow.got.at + size, slow.got.len);
		}
	}
	assert_int_equal(said, b.len);
	expect_nothing(&r, &slow);
	say(&r, &pub, "92 0a 05");
	assert_int_equal(expect(&r, &pub, TYPE_PONG).pong.accepted, N);
	bytes_free(&b);
	end_free(&slow);
	end_free(&pub);
	rig_fini(&r);
}

TEST(a_stopped_reader_is_evicted_and_gone_after_its_last_words)
{
	struct bytes b = { 0 };
	struct end slow, pub;
	size_t said = 0;
	struct rig r;

	rig_init(&r, some_config());
	slow = open_end_on_all(&r);
	pub = open_end(&r);
	for (int i = 0; i < 80000; i++)
		put_publish(&b, "x", NULL, "0123456789", 10);
	for (int i = 0; i < 100; i++) {
		said += say_some(&pub, &b, said);
		turn(&r);
	}
	assert_true(said < b.len);
	step(&r, 100);
	expect(&r, &pub, TYPE_HOLD);
	step(&r, 1900);
	assert_false(expect(&r, &pub, TYPE_HOLD).hold.on);
	assert_int_equal(r.all.n, 2); /* it may still read its last words */
	while (said < b.len) {
		said += say_some(&pub, &b, said);
		turn(&r);
	}
	step(&r, 4999);
	assert_int_equal(r.all.n, 2);
	step(&r, 1);
	assert_int_equal(r.all.n, 1);
	assert_int_equal(r.broker.pool.used, 0);
	bytes_free(&b);
	end_free(&slow);
	end_free(&pub);
	rig_fini(&r);
}

TEST(what_a_held_publisher_sent_before_it_left_is_routed_when_there_is_room)
{
	enum { N = 40, SIZE = 50000 };
	static const uint8_t payload[SIZE];
	struct bytes b = { 0 };
	struct end slow, pub;
	size_t got = 0, said = 0;
	struct session *s;
	struct rig r;

	rig_init(&r, some_config());
	slow = open_end_on_all(&r);
	for (int i = 0; i < N; i++)
		put_publish(&b, "x", NULL, payload, SIZE);
	pub = open_end(&r);
	do {
		said += say_some(&pub, &b, said);
		turn(&r);
		s = TAILQ_NEXT(TAILQ_FIRST(&r.broker.sessions), link);
	} while (!s->hold);
	said += say_some(&pub, &b, said);
	close(pub.fd);
	pub.fd = -1;
	turn(&r);
	assert_int_equal(r.all.n, 2);
	while (next_frame(&r, &slow))
		got++;
	assert_int_equal(got, said / (b.len / N)); /* all that came whole */
	assert_int_equal(r.all.n, 1);
	bytes_free(&b);
	end_free(&slow);
	end_free(&pub);
	rig_fini(&r);
}

TEST(who_does_not_read_its_answers_is_not_read)
{
	struct bytes b = { 0 };
	struct end e;
	unsigned pongs = 0;
	size_t said = 0;
	struct rig r;

	rig_init(&r, some_config());
	e = open_end(&r);
	for (int i = 0; i < 400000; i++)
		put_hex(&b, "ce 00 00 00 03 92 0a 05");
	for (int i = 0; i < 300; i++) {
		said += say_some(&e, &b, said);
		turn(&r);
	}
	assert_true(said < b.len);
	assert_true(r.broker.pool.used < 4 << 20);
	/* a frame that is not read is not late */
	step(&r, 60000);
	while (pongs < 400000) {
		if (listen_some(&e, SIZE_MAX) == 0)
			assert_false(e.eof);
		said += said < b.len ? say_some(&e, &b, said) : 0;
		turn(&r);
		/* 95 0b 05 and three counts of 0 */
		for (; e.got.len >= 11; pongs++) {
			size_t n = e.got.len / 11;

			for (size_t i = 0; i < n; i++)
				assert_memory_equal(e.got.at + 11 * i,
				                    "\xce\0\0\0\6\x95\x0b\5",
				                    8);
			pongs += (unsigned)n - 1;
			memmove(e.got.at, e.got.at + 11 * n,
			        e.got.len -= 11 * n);
		}
	}
	assert_int_equal(pongs, 400000);
	bytes_free(&b);
	end_free(&e);
	rig_fini(&r);
}

/* ---- memory --------------------------------------------------------------- */

TEST(thousands_of_idle_connections_hold_no_message_memory)
{
	enum { N = 300 };
	struct end e[N];
	struct rig r;

	rig_init(&r, some_config());
	for (int i = 0; i < N; i++)
		e[i] = open_end_on_all(&r);
	assert_int_equal(r.broker.pool.used, 0);
	for (int i = 0; i < N; i++)
		end_free(&e[i]);
	rig_fini(&r);
}

/* All that there may be of it is in use. */
static void
use_up(struct rig *r)
{
	slab_pool_charge(&r->broker.pool, r->config.memory_max);
}

static void
give_back(struct rig *r)
{
	slab_pool_uncharge(&r->broker.pool, r->config.memory_max);
}

/* `n` messages to x, each of so many bytes. */
static struct bytes
messages(unsigned n, size_t size)
{
	static const uint8_t payload[100000];
	struct bytes b = { 0 };

	while (n-- > 0)
		put_publish(&b, "x", NULL, payload, size);
	return b;
}

/* One that has subscribed to x, and is owed more than the kernel takes. */
static struct end
end_behind(struct rig *r)
{
	struct end e = open_end(r), pub = open_end(r);
	struct bytes b = messages(12, 60000);

	say(r, &e, "95 04 01 01 a1 78 80");
	expect(r, &e, TYPE_OK);
	say_bytes(r, &pub, &b);
	say(r, &pub, "92 0a 05");
	expect(r, &pub, TYPE_PONG);
	bytes_free(&b);
	end_free(&pub);
	turn(r);
	return e;
}

TEST(at_the_ceiling_what_is_too_long_to_pass_is_not_read_until_there_is_memory)
{
	struct bytes b = messages(1, 20000);
	struct end c, pub;
	struct rig r;

	rig_init(&r, some_config());
	c = open_end_on_all(&r);
	pub = open_end(&r);
	use_up(&r);
	say_bytes(&r, &pub, &b);
	turn(&r);
	expect_nothing(&r, &c);
	give_back(&r);
	expect(&r, &c, TYPE_PUBLISH);
	bytes_free(&b);
	end_free(&c);
	end_free(&pub);
	rig_fini(&r);
}

TEST(at_the_ceiling_messages_pass_to_those_who_keep_up_and_use_no_memory)
{
	struct bytes b = messages(1000, 100);
	struct end c, pub;
	struct rig r;

	rig_init(&r, some_config());
	c = open_end_on_all(&r);
	pub = open_end(&r);
	use_up(&r);
	say_bytes(&r, &pub, &b);
	for (unsigned i = 0; i < 1000; i++)
		expect(&r, &c, TYPE_PUBLISH);
	expect_nothing(&r, &c);
	say(&r, &pub, "92 0a 05");
	assert_int_equal(expect(&r, &pub, TYPE_PONG).pong.accepted, 1000);
	assert_int_equal(r.broker.pool.used, r.config.memory_max);
	/* who comes and goes does so, too */
	end_free(&c);
	c = open_end_on_all(&r);
	assert_int_equal(r.all.n, 2);
	give_back(&r);
	bytes_free(&b);
	end_free(&c);
	end_free(&pub);
	rig_fini(&r);
}

TEST(at_the_ceiling_nothing_passes_to_those_who_are_behind)
{
	struct end slow, keen, pub, other;
	struct bytes b = { 0 };
	struct rig r;
	size_t owed;

	rig_init(&r, some_config());
	slow = end_behind(&r);
	keen = open_end(&r);
	say(&r, &keen, "95 04 01 01 a1 79 80");
	expect(&r, &keen, TYPE_OK);
	pub = open_end(&r);
	other = open_end(&r);
	use_up(&r);
	owed = r.broker.pool.used;
	/* what comes before it passes; what comes behind it waits with it */
	put_publish(&b, "y", NULL, "1", 1);
	put_publish(&b, "x", NULL, "2", 1);
	put_publish(&b, "y", NULL, "3", 1);
	say_bytes(&r, &pub, &b);
	expect(&r, &keen, TYPE_PUBLISH);
	assert_memory_equal(keen.frame.at + keen.frame.len - 1, "1", 1);
	expect_nothing(&r, &keen);
	/* that is not for others to wait for */
	b.len = 0;
	put_publish(&b, "y", NULL, "4", 1);
	say_bytes(&r, &other, &b);
	expect(&r, &keen, TYPE_PUBLISH);
	assert_memory_equal(keen.frame.at + keen.frame.len - 1, "4", 1);
	assert_int_equal(r.broker.pool.used, owed);
	/* nor does who owes pass anything */
	b.len = 0;
	put_publish(&b, "y", NULL, "5", 1);
	say_bytes(&r, &slow, &b);
	expect_nothing(&r, &keen);
	give_back(&r);
	for (int i = 0; i < 2; i++)
		expect(&r, &keen, TYPE_PUBLISH);
	expect_nothing(&r, &keen);
	for (int i = 0; i < 13; i++)
		expect(&r, &slow, TYPE_PUBLISH);
	assert_memory_equal(slow.frame.at + slow.frame.len - 1, "2", 1);
	bytes_free(&b);
	end_free(&slow);
	end_free(&keen);
	end_free(&pub);
	end_free(&other);
	rig_fini(&r);
}

TEST(at_the_ceiling_a_group_gets_messages_while_one_of_it_keeps_up)
{
	struct end slow, keen, pub;
	struct bytes b = { 0 };
	struct rig r;

	rig_init(&r, some_config());
	slow = end_behind(&r);
	say(&r, &slow, "95 04 02 02 a1 7a 81 a5 67 72 6f 75 70 a1 67");
	pub = open_end(&r);
	use_up(&r);
	put_publish(&b, "z", NULL, "1", 1);
	say_bytes(&r, &pub, &b);
	keen = open_end(&r);
	expect_nothing(&r, &keen);
	give_back(&r);
	turn(&r);
	say(&r, &keen, "95 04 02 02 a1 7a 81 a5 67 72 6f 75 70 a1 67");
	expect(&r, &keen, TYPE_OK);
	use_up(&r);
	say_bytes(&r, &pub, &b);
	assert_true(next_frame(&r, &keen));
	assert_int_equal(keen.frame.at[6], TYPE_DELIVER);
	give_back(&r);
	bytes_free(&b);
	end_free(&slow);
	end_free(&keen);
	end_free(&pub);
	rig_fini(&r);
}

TEST(at_the_ceiling_what_is_to_be_kept_and_half_a_frame_wait_for_memory)
{
	struct bytes b = messages(1, 10), half;
	struct config config = some_config();
	struct end c, keeps, begins;
	struct rig r;

	config.retained_max = 10;
	config.retained_bytes = 1u << 20;
	rig_init(&r, config);
	c = open_end_on_all(&r);
	keeps = open_end(&r);
	begins = open_end(&r);
	half = b;
	half.len = b.len / 2;
	use_up(&r);
	say_bytes(&r, &begins, &half);
	step(&r, 1000);
	half.at = b.at + half.len;
	half.len = b.len - half.len;
	say_bytes(&r, &begins, &half);
	b.at[7] = 1; /* retain */
	say_bytes(&r, &keeps, &b);
	expect_nothing(&r, &c);
	step(&r, 100000); /* and nobody is late */
	expect_nothing(&r, &c);
	give_back(&r);
	expect(&r, &c, TYPE_PUBLISH);
	expect(&r, &c, TYPE_PUBLISH);
	say(&r, &begins, "92 0a 05");
	assert_int_equal(expect(&r, &begins, TYPE_PONG).pong.accepted, 1);
	b.len = 0;
	put_publish(&b, "x", NULL, "", 0);
	b.at[7] = 1; /* keep it no longer */
	say_bytes(&r, &keeps, &b);
	expect(&r, &c, TYPE_PUBLISH);
	bytes_free(&b);
	end_free(&c);
	end_free(&keeps);
	end_free(&begins);
	rig_fini(&r);
}

TEST(at_the_ceiling_faults_limits_and_ends_are_what_they_always_are)
{
	struct bytes b = messages(1, 10);
	struct end c, faulty, gone;
	struct rig r;

	rig_init(&r, some_config());
	c = open_end_on_all(&r);
	faulty = open_end(&r);
	gone = open_end(&r);
	use_up(&r);
	put_hex(&b, "ff");
	say_bytes(&r, &faulty, &b);
	expect(&r, &c, TYPE_PUBLISH);
	expect_error_and_end(&r, &faulty, STATUS_BAD_MAGIC);
	b.len--;
	assert_int_equal(say_some(&gone, &b, 0), b.len);
	close(gone.fd);
	gone.fd = -1;
	expect(&r, &c, TYPE_PUBLISH);
	turn(&r);
	assert_int_equal(r.all.n, 1);
	give_back(&r);
	bytes_free(&b);
	end_free(&c);
	end_free(&faulty);
	end_free(&gone);
	rig_fini(&r);
}

/* How fast one may publish is counted; what was looked at is not remembered. */
TEST(at_the_ceiling_publish_rate_counts)
{
	struct config config = some_config();
	struct bytes b = messages(30, 10);
	struct end c, pub;
	struct message m;
	struct rig r;

	config.publish_rate = 10;
	rig_init(&r, config);
	c = open_end_on_all(&r);
	pub = open_end(&r);
	use_up(&r);
	say_bytes(&r, &pub, &b);
	for (int i = 0; i < 10; i++)
		expect(&r, &c, TYPE_PUBLISH);
	expect_nothing(&r, &c);
	for (int i = 0; i < 40; i++)
		step(&r, 100);
	for (int i = 0; i < 20; i++)
		expect(&r, &c, TYPE_PUBLISH);
	m = expect(&r, &pub, TYPE_HOLD);
	assert_int_equal(m.hold.topic.len, 0);
	give_back(&r);
	bytes_free(&b);
	end_free(&c);
	end_free(&pub);
	rig_fini(&r);
}

/* A byte is no reason to keep others from memory, however often it comes. */
TEST(short_beginnings_of_frames_give_way_to_whole_ones)
{
	enum { N = 30 };
	static const uint8_t first = 0xce;
	struct config config = some_config();
	struct bytes b = { 0 };
	struct end slow[N], c, pub;
	struct rig r;

	config.memory_max = 2u << 20;
	rig_init(&r, config);
	c = open_end_on_all(&r);
	pub = open_end(&r);
	for (int i = 0; i < N; i++) {
		slow[i] = open_end(&r);
		put(&b, &first, 1);
		say_bytes(&r, &slow[i], &b);
		b.len = 0;
	}
	put_publish(&b, "x", NULL, "1", 1);
	say_bytes(&r, &pub, &b);
	expect(&r, &c, TYPE_PUBLISH);
	/* and they may still go on */
	b.len = 0;
	put_hex(&b, "00 00 00 03 92 0a 01");
	for (int i = 0; i < N; i++) {
		say_bytes(&r, &slow[i], &b);
		expect(&r, &slow[i], TYPE_PONG);
		end_free(&slow[i]);
	}
	bytes_free(&b);
	end_free(&c);
	end_free(&pub);
	rig_fini(&r);
}

/* What it has would be enough for what it waits for. */
TEST(one_that_waits_for_memory_may_be_closed)
{
	struct config config = some_config();
	struct bytes large = { 0 }, other = { 0 };
	struct end c, hog;
	struct rig r;

	config.memory_max = 1u << 20;
	rig_init(&r, config);
	put_hex(&large, "ce 00 09 27 c0 92"); /* 600,000 bytes */
	put_fill(&large, 0, 200000);
	put_hex(&other, "ce 00 04 93 e0 92"); /* 300,000 */
	put_fill(&other, 0, 290000);
	c = open_end(&r);
	hog = open_end(&r);
	say_bytes(&r, &hog, &other);
	say_bytes(&r, &c, &large);
	large.len = 100000;
	say_some(&c, &large, 0);
	turn(&r);
	assert_true(session_is_waiting(TAILQ_FIRST(&r.broker.sessions)));
	end_free(&c);
	end_free(&hog);
	bytes_free(&large);
	bytes_free(&other);
	rig_fini(&r);
}

/* Each of them has begun a frame, and together they have all there is. */
TEST(frames_that_are_never_finished_do_not_stop_the_broker)
{
	enum { N = 8 };
	struct config config = some_config();
	struct bytes b = { 0 };
	struct end hog[N], c, pub;
	unsigned gone = 0;
	struct rig r;

	config.memory_max = 2u << 20;
	rig_init(&r, config);
	c = open_end_on_all(&r);
	pub = open_end(&r);
	put_hex(&b, "ce 00 01 00 00 92"); /* and not all of the rest */
	put_fill(&b, 0, SLAB_SIZE / 8);
	for (int i = 0; i < N; i++) {
		hog[i] = open_end(&r);
		say_bytes(&r, &hog[i], &b);
	}
	assert_true(r.broker.pool.used + SLAB_SIZE > config.memory_max);
	bytes_free(&b);
	b = messages(1, 20000);
	say_bytes(&r, &pub, &b);
	expect_nothing(&r, &c);
	step(&r, 2000);
	expect(&r, &c, TYPE_PUBLISH);
	for (int i = 0; i < N; i++) {
		if (!next_frame(&r, &hog[i]))
			continue;
		gone++;
		assert_true(hog[i].eof);
	}
	assert_int_equal(gone, 1);
	for (int i = 0; i < N; i++)
		end_free(&hog[i]);
	bytes_free(&b);
	end_free(&c);
	end_free(&pub);
	rig_fini(&r);
}

TEST(all_can_be_closed_at_once_in_the_middle_of_everything)
{
	struct bytes b = { 0 };
	struct end slow, pub[3], half;
	uint8_t payload[1000] = { 0 };
	struct rig r;

	rig_init(&r, some_config());
	slow = open_end_on_all(&r);
	half = connect_end(&r);
	for (int i = 0; i < 3; i++)
		pub[i] = open_end(&r);
	for (size_t i = 0; i < 1500; i++)
		put_publish(&b, "x", "r", payload, i % sizeof(payload));
	for (int i = 0; i < 300; i++) {
		size_t n = say_some(&pub[i % 3], &b, 0);

		if (n % 7 == 0) /* cut anywhere: some fail, too */
			turn(&r);
	}
	turn(&r);
	rig_fini(&r); /* held, blocked, failed, half open: all of it goes */
	end_free(&slow);
	end_free(&half);
	for (int i = 0; i < 3; i++)
		end_free(&pub[i]);
	bytes_free(&b);
}

TEST(when_the_numbers_of_sessions_are_used_up_nobody_gets_one_twice)
{
	struct end e;
	struct rig r;
	int fds[2];

	rig_init(&r, some_config());
	r.broker.last_session = UINT32_MAX - 2;
	e = connect_end(&r);
	say(&r, &e, "94 01 01 a1 78 80");
	assert_true(expect(&r, &e, TYPE_WELCOME).welcome.session ==
	            UINT32_MAX - 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(admission_let_in(&r.broker, conns_carrier(&r.all),
	                                  fds[0], NULL),
	                 -EOVERFLOW);
	close(fds[0]);
	close(fds[1]);
	end_free(&e);
	rig_fini(&r);
}

TEST(who_is_turned_away_gets_a_fatal_error_and_nobody_waits)
{
	uint8_t got[1024];
	struct carrier to;
	struct message m;
	struct rig r;
	int fds[2];
	ssize_t n;

	rig_init(&r, some_config());
	to = conns_carrier(&r.all);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	to.turn_away(fds[0], "too many");
	n = recv(fds[1], got, sizeof(got), MSG_DONTWAIT);
	assert_true(n > 5);
	assert_int_equal(message_decode(got + 5, (uint32_t)n - 5, &m),
	                 MESSAGE_OK);
	assert_int_equal(m.type, TYPE_ERROR);
	assert_int_equal(m.error.code, STATUS_LIMIT);
	assert_true(m.error.fatal);
	assert_memory_equal(m.error.text.at, "too many", 8);
	close(fds[1]);
	to.turn_away(fds[0], "nobody there");
	close(fds[0]);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_message_goes_from_socket_to_socket_and_nothing_is_held_when_idle),
		cmocka_unit_test(any_cutting_of_the_stream_means_the_same),
		cmocka_unit_test(
			goaway_and_the_end_of_the_stream_end_it_in_order),
		cmocka_unit_test(
			what_was_sent_is_routed_even_if_its_sender_reads_nothing_and_is_gone),
		cmocka_unit_test(
			a_fault_ends_its_own_connection_with_an_error_and_no_other),
		cmocka_unit_test(before_welcome_a_body_is_at_most_32768_bytes),
		cmocka_unit_test(hello_has_10_s_from_the_connection_on),
		cmocka_unit_test(
			a_frame_that_has_begun_has_30_s_and_an_idle_session_all_the_time),
		cmocka_unit_test(
			a_session_that_the_broker_does_not_read_is_not_late),
		cmocka_unit_test(snapshots_are_taken_in_turns),
		cmocka_unit_test(questions_are_answered_in_turns),
		cmocka_unit_test(
			messages_that_have_a_long_way_are_routed_in_turns),
		cmocka_unit_test(
			one_whose_turn_it_would_have_been_may_be_freed),
		cmocka_unit_test(
			a_slow_reader_slows_its_publisher_and_loses_nothing),
		cmocka_unit_test(
			a_stopped_reader_is_evicted_and_gone_after_its_last_words),
		cmocka_unit_test(
			what_a_held_publisher_sent_before_it_left_is_routed_when_there_is_room),
		cmocka_unit_test(who_does_not_read_its_answers_is_not_read),
		cmocka_unit_test(
			thousands_of_idle_connections_hold_no_message_memory),
		cmocka_unit_test(
			at_the_ceiling_what_is_too_long_to_pass_is_not_read_until_there_is_memory),
		cmocka_unit_test(
			at_the_ceiling_messages_pass_to_those_who_keep_up_and_use_no_memory),
		cmocka_unit_test(
			at_the_ceiling_nothing_passes_to_those_who_are_behind),
		cmocka_unit_test(
			at_the_ceiling_a_group_gets_messages_while_one_of_it_keeps_up),
		cmocka_unit_test(
			at_the_ceiling_what_is_to_be_kept_and_half_a_frame_wait_for_memory),
		cmocka_unit_test(
			at_the_ceiling_faults_limits_and_ends_are_what_they_always_are),
		cmocka_unit_test(at_the_ceiling_publish_rate_counts),
		cmocka_unit_test(
			short_beginnings_of_frames_give_way_to_whole_ones),
		cmocka_unit_test(one_that_waits_for_memory_may_be_closed),
		cmocka_unit_test(
			frames_that_are_never_finished_do_not_stop_the_broker),
		cmocka_unit_test(
			all_can_be_closed_at_once_in_the_middle_of_everything),
		cmocka_unit_test(
			when_the_numbers_of_sessions_are_used_up_nobody_gets_one_twice),
		cmocka_unit_test(
			who_is_turned_away_gets_a_fatal_error_and_nobody_waits),
	};

	return RUN(tests);
}
