/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/web.h"

#include "gateways.h"
#include "unit.h"

TEST(requests_that_are_sent_ahead_are_answered_in_their_order)
{
	struct gate t;
	struct end e;
	char *all;

	gate_init(&t);
	e = end_open(&t);
	end_send(&t, &e,
	         POST("/topics/first") GET("/healthz") POST("/topics/last"));
	all = end_take(&t, &e);
	assert_has(strstr(strstr(all, "first"), "ok\n"), "last");
	free(all);
	end_close(&e);
	gate_fini(&t);
}

TEST(who_ends_its_own_stream_still_gets_the_answer)
{
	struct gate t;
	struct end e;

	gate_init(&t);
	e = end_open(&t);
	assert_int_equal(send(e.fd, GET("/healthz"), strlen(GET("/healthz")),
	                      MSG_NOSIGNAL),
	                 strlen(GET("/healthz")));
	shutdown(e.fd, SHUT_WR);
	end_asks(&t, &e, "", OK, "ok");
	assert_true(e.eof);
	assert_int_equal(t.g.n, 0);
	end_close(&e);
	gate_fini(&t);
}

TEST(requests_that_came_whole_before_the_end_are_answered)
{
	struct client *c;
	struct gate t;
	struct end e;
	char *all, *at;

	gate_init(&t);
	c = client_open_on(&t.rig, "c", "a");
	e = end_open(&t);
	for (int i = 0; i < 20; i++)
		assert_true(send(e.fd, POST("/topics/a"),
		                 strlen(POST("/topics/a")), MSG_NOSIGNAL) > 0);
	assert_int_equal(send(e.fd, "GET / HT", 8, MSG_NOSIGNAL), 8);
	shutdown(e.fd, SHUT_WR);
	at = all = end_take(&t, &e);
	for (int i = 0; i < 20; i++) {
		assert_begins(at, OK);
		at = strstr(at, "}\n") + 2;
	}
	assert_string_equal(at, "");
	assert_true(e.eof);
	assert_int_equal(t.g.n, 0);
	assert_int_equal(client_count(c, TYPE_PUBLISH), 20);
	free(all);
	end_close(&e);
	client_free(c);
	gate_fini(&t);
}

TEST(a_message_of_somebody_who_has_gone_is_published)
{
	struct client *c;
	struct gate t;
	struct end e;

	gate_init(&t);
	c = client_open_on(&t.rig, "c", "a");
	e = end_open(&t);
	assert_true(send(e.fd, POST("/topics/a"), strlen(POST("/topics/a")),
	                 MSG_NOSIGNAL) > 0);
	end_close(&e);
	gate_turn(&t);
	client_next(c, TYPE_PUBLISH);
	assert_int_equal(t.g.n, 0);
	client_free(c);
	gate_fini(&t);
}

TEST(messages_behind_a_question_of_somebody_who_has_gone_are_published)
{
	static const char text[] =
		POST("/requests/q") POST("/requests/q") POST("/topics/a");
	struct client *c, *q;
	struct gate t;
	struct end e;

	gate_init(&t);
	c = client_open_on(&t.rig, "c", "a");
	q = client_open_on(&t.rig, "q", "q");
	e = end_open(&t);
	assert_int_equal(send(e.fd, text, sizeof(text) - 1, MSG_NOSIGNAL),
	                 sizeof(text) - 1);
	end_close(&e);
	gate_turn(&t);
	assert_int_equal(client_count(q, TYPE_PUBLISH), 2);
	assert_int_equal(client_count(c, TYPE_PUBLISH), 1);
	assert_int_equal(t.g.n, 0);
	client_free(c);
	client_free(q);
	gate_fini(&t);
}

/* It asks, ends its stream, or sends more than is read ahead, and closes. */
static void
assert_is_noticed(struct gate *t, const char *request, size_t behind)
{
	char *more = calloc(1, behind + 1);
	struct end e = end_open(t);

	end_send(t, &e, request);
	end_send_bytes(t, &e, more, behind);
	if (behind == 0)
		shutdown(e.fd, SHUT_WR);
	gate_step(t, 1000);
	assert_int_equal(t->g.n, 1);
	end_close(&e);
	gate_step(t, 1000);
	assert_int_equal(t->g.n, 0);
	free(more);
}

TEST(who_closes_while_nothing_is_read_is_noticed)
{
	struct client *c;
	struct gate t;

	gate_init(&t);
	c = client_open_on(&t.rig, "c", "q");
	assert_is_noticed(&t, GET("/subscribe?filter=a"), 0);
	assert_is_noticed(&t, GET("/subscribe?filter=a"), 100000);
	assert_is_noticed(&t, POST("/requests/q"), 0);
	client_free(c);
	gate_fini(&t);
}

TEST(who_hangs_up_is_announced_as_gone)
{
	struct client *c;
	struct gate t;
	struct end e;

	gate_init(&t);
	c = client_open_on(&t.rig, "c", "$SYS.client.*");
	gate_turn(&t);
	client_reads_all(c);
	c->got.len = 0;
	e = end_open(&t);
	end_asks(&t, &e, GET("/subscribe?filter=a"), OK, "retry");
	client_next(c, TYPE_PUBLISH);
	assert_non_null(memmem(c->frame.at, c->frame.len, ".connected", 10));
	end_close(&e);
	gate_turn(&t);
	client_next(c, TYPE_PUBLISH);
	assert_non_null(memmem(c->frame.at, c->frame.len, ".disconnected", 13));
	client_expect_nothing(c);
	client_free(c);
	gate_fini(&t);
}

TEST(an_idle_connection_holds_no_memory_of_messages)
{
	struct gate t;
	struct end e;

	gate_init(&t);
	e = end_open(&t);
	end_asks(&t, &e, POST("/topics/a"), OK, "");
	end_asks(&t, &e, GET("/metrics"), OK, "");
	assert_int_equal(t.rig.broker.pool.used, 0);
	end_close(&e);
	gate_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			requests_that_are_sent_ahead_are_answered_in_their_order),
		cmocka_unit_test(who_ends_its_own_stream_still_gets_the_answer),
		cmocka_unit_test(
			requests_that_came_whole_before_the_end_are_answered),
		cmocka_unit_test(
			a_message_of_somebody_who_has_gone_is_published),
		cmocka_unit_test(
			messages_behind_a_question_of_somebody_who_has_gone_are_published),
		cmocka_unit_test(who_closes_while_nothing_is_read_is_noticed),
		cmocka_unit_test(who_hangs_up_is_announced_as_gone),
		cmocka_unit_test(
			an_idle_connection_holds_no_memory_of_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
