/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "gateways.h"

#include "unit.h"

TEST(each_connection_is_a_session_of_the_peer_and_goes_with_it)
{
	struct gate t;
	struct end a, b;

	gate_init(&t);
	a = end_open(&t);
	b = end_open(&t);
	assert_int_equal(t.rig.broker.n_sessions, 2);
	assert_int_equal(TAILQ_FIRST(&t.rig.broker.sessions)->peer.uid,
	                 geteuid());
	end_asks(&t, &a, GET("/healthz"), OK, "ok");
	end_asks(&t, &a, GET("/healthz"), OK, "ok");
	end_close(&a);
	gate_turn(&t);
	assert_int_equal(t.rig.broker.n_sessions, 1);
	end_close(&b);
	gate_turn(&t);
	assert_int_equal(t.g.n, 0);
	gate_fini(&t);
}

TEST(who_says_nothing_or_only_begins_is_let_go_in_time)
{
	struct gate t;
	struct end silent, slow;

	gate_init(&t);
	silent = end_open(&t);
	slow = end_open(&t);
	end_send(&t, &slow, "GET / HT");
	gate_step(&t, t.rig.config.handshake_ms);
	end_read(&t, &silent);
	assert_true(silent.eof);
	assert_int_equal(silent.len, 0);
	end_read(&t, &slow);
	assert_begins(slow.got, "HTTP/1.1 408 ");
	assert_true(slow.eof);
	end_close(&silent);
	end_close(&slow);
	gate_turn(&t);
	assert_int_equal(t.g.n, 0);
	gate_fini(&t);
}

TEST(a_body_has_its_time_too_and_a_connection_without_requests)
{
	struct gate t;
	struct end body, idle;

	gate_init(&t);
	body = end_open(&t);
	idle = end_open(&t);
	end_send(&t, &body,
	         "POST /topics/a HTTP/1.1\r\nHost: x\r\n"
	         "Content-Length: 5\r\n\r\nhel");
	end_asks(&t, &idle, GET("/healthz"), OK, "ok");
	gate_step(&t, t.rig.config.frame_ms);
	end_read(&t, &body);
	assert_begins(body.got, "HTTP/1.1 408 ");
	gate_step(&t, 60000 - t.rig.config.frame_ms);
	end_read(&t, &idle);
	assert_true(idle.eof);
	end_close(&body);
	end_close(&idle);
	gate_fini(&t);
}

TEST(who_does_not_end_its_own_stream_is_cut_off)
{
	struct gate t;
	struct end e;

	gate_init(&t);
	e = end_open(&t);
	end_asks(&t, &e, "GET / HTTP/1.0\r\n\r\n", OK, "Connection: close");
	assert_true(e.eof);
	assert_int_equal(t.g.n, 1);
	gate_step(&t, t.rig.config.linger_ms);
	assert_int_equal(t.g.n, 0);
	end_close(&e);
	gate_fini(&t);
}

TEST(goaway_ends_those_who_are_idle_and_lets_others_finish)
{
	struct gate t;
	struct end idle, asking, reading;
	struct client *c;

	gate_init(&t);
	c = client_open_on(&t.rig, "c", "question");
	idle = end_open(&t);
	asking = end_open(&t);
	reading = end_open(&t);
	end_asks(&t, &idle, GET("/healthz"), OK, "ok");
	end_send(&t, &asking, POST("/requests/question"));
	end_asks(&t, &reading, GET("/subscribe?filter=a"), OK, "retry");
	broker_drain(&t.rig.broker);
	end_read(&t, &idle);
	assert_true(idle.eof);
	end_read(&t, &reading);
	assert_has(reading.got, "event: end\ndata: {\"error\":\"goaway\"");
	assert_true(reading.eof);
	end_read(&t, &asking);
	assert_false(asking.eof);
	assert_int_equal(t.rig.broker.n_undrained, 2);
	end_close(&idle);
	end_close(&reading);
	end_close(&asking);
	client_free(c);
	gate_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			each_connection_is_a_session_of_the_peer_and_goes_with_it),
		cmocka_unit_test(
			who_says_nothing_or_only_begins_is_let_go_in_time),
		cmocka_unit_test(
			a_body_has_its_time_too_and_a_connection_without_requests),
		cmocka_unit_test(who_does_not_end_its_own_stream_is_cut_off),
		cmocka_unit_test(
			goaway_ends_those_who_are_idle_and_lets_others_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
