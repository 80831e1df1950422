/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "conns.h"

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

static uint32_t
number_of(struct rig *r, struct end *e)
{
	say(r, e, "94 01 01 a1 78 80");
	return expect(r, e, TYPE_WELCOME).welcome.session;
}

TEST(when_the_numbers_of_sessions_come_round_none_is_of_two_that_are_there)
{
	struct end first, second, e;
	struct rig r;

	rig_init(&r, some_config());
	first = connect_end(&r);
	assert_int_equal(number_of(&r, &first), 1);
	second = connect_end(&r);
	assert_int_equal(number_of(&r, &second), 2);
	end_free(&second);
	turn(&r);
	r.broker.last_session = UINT32_MAX - 2;
	e = connect_end(&r);
	assert_true(number_of(&r, &e) == UINT32_MAX - 1);
	end_free(&e);
	e = connect_end(&r);
	assert_int_equal(number_of(&r, &e), 2);
	end_free(&e);
	end_free(&first);
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

/* ---- turns --------------------------------------------------------------- */

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			goaway_and_the_end_of_the_stream_end_it_in_order),
		cmocka_unit_test(
			all_can_be_closed_at_once_in_the_middle_of_everything),
		cmocka_unit_test(
			when_the_numbers_of_sessions_come_round_none_is_of_two_that_are_there),
		cmocka_unit_test(
			who_is_turned_away_gets_a_fatal_error_and_nobody_waits),
		cmocka_unit_test(
			thousands_of_idle_connections_hold_no_message_memory),
		cmocka_unit_test(snapshots_are_taken_in_turns),
		cmocka_unit_test(questions_are_answered_in_turns),
		cmocka_unit_test(
			messages_that_have_a_long_way_are_routed_in_turns),
		cmocka_unit_test(
			one_whose_turn_it_would_have_been_may_be_freed),
	};

	return RUN(tests);
}
