/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/webevents.h"

#include "broker/rights.h"
#include "gateways.h"
#include "unit.h"

TEST(messages_come_as_events)
{
	struct gate t;
	struct client *c;
	struct end e;

	gate_init(&t);
	c = client_open(&t.rig, "c", 1000);
	e = end_open(&t);
	end_asks(&t, &e, GET("/subscribe?filter=a.*&filter=b"), OK,
	         "Content-Type: text/event-stream\r\n");
	put_publish(&c->said, "a.b", NULL, "hi\n", 3);
	put_publish(&c->said, "b", "answer", "\xff", 1);
	put_publish(&c->said, "c", NULL, "not for it", 10);
	client_goes_on(c);
	end_read(&t, &e);
	assert_has(e.got, "\r\ndata: {\"topic\":\"a.b\",\"payload\":\"hi\\n\","
	                  "\"encoding\":\"text\",\"sender\":{\"session\":1,"
	                  "\"uid\":1000},\"headers\":{}}\n\n\r\n");
	assert_has(e.got, "\"payload\":\"/w==\",\"encoding\":\"base64\"");
	assert_has(e.got, "\"reply\":\"answer\"}\n\n");
	assert_null(strstr(e.got, "not for it"));
	end_close(&e);
	client_free(c);
	gate_fini(&t);
}

TEST(retained_values_and_groups_are_had_like_by_any_client)
{
	struct gate t;
	struct end e;
	char *big = calloc(1, 5000);

	gate_init(&t);
	gate_asks(&t, POST("/topics/a?retain=1"), OK, "");
	e = end_open(&t);
	/* too long to be copied behind its head */
	end_send(&t, &e,
	         "POST /topics/b?retain=1 HTTP/1.1\r\nHost: x\r\n"
	         "Content-Length: 4999\r\n\r\n");
	memset(big, 'b', 4999);
	end_asks(&t, &e, big, OK, "");
	clock_step(50);
	end_asks(&t, &e, GET("/subscribe?filter=*&filter=b&retained=1"), OK,
	         "\"retain\":true,\"retained\":true,\"age_ms\":50}");
	end_close(&e);
	e = end_open(&t);
	end_asks(&t, &e, GET("/subscribe?filter=*&group=g"), OK, "retry");
	gate_asks(&t, POST("/topics/c"), OK, "\"subscribers\":1");
	end_asks(&t, &e, "", "00000", "\"topic\":\"c\"");
	end_close(&e);
	free(big);
	gate_fini(&t);
}

TEST(values_that_fill_the_outbox_are_followed_by_those_of_the_next_filter)
{
	struct gate t;
	struct end e;
	char *all, body[4001];

	gate_init(&t);
	t.rig.broker.limits.high = 20000;
	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	e = end_open(&t);
	for (int i = 0; i < 10; i++) {
		char head[80];

		sprintf(head,
		        "POST /topics/a.%d?retain=1 HTTP/1.1\r\nHost: x\r\n"
		        "Content-Length: 4000\r\n\r\n",
		        i);
		end_send(&t, &e, head);
		end_asks(&t, &e, body, OK, "");
	}
	end_asks(&t, &e, POST("/topics/b?retain=1"), OK, "");
	end_send(&t, &e,
	         GET("/subscribe?filter=a.*&filter=b&filter=c&retained=1"));
	all = end_take(&t, &e);
	assert_has(all, "\"topic\":\"a.9\"");
	assert_has(all, "\"topic\":\"b\"");
	free(all);
	gate_asks(&t, POST("/topics/c"), OK, "\"subscribers\":1");
	end_close(&e);
	gate_fini(&t);
}

TEST(a_reader_may_have_a_name_and_is_told_its_policy)
{
	struct gate t;
	struct end e;

	gate_init(&t);
	gate_asks(&t, GET("/subscribe?filter=a"), OK,
	          "\r\nUmbel-Overflow: block\r\n");
	stalled_add(&t.rig.broker.stalled, geteuid(), "caf\xc3\xa9");
	e = end_open(&t);
	end_asks(&t, &e, GET("/subscribe?filter=a&overflow=block&name=other"),
	         OK, "\r\nUmbel-Overflow: block\r\n");
	assert_string_equal(session_name(TAILQ_FIRST(&t.rig.broker.sessions)),
	                    "other");
	end_close(&e);
	gate_asks(&t, GET("/subscribe?filter=a&name=caf%c3%a9"), OK,
	          "\r\nUmbel-Overflow: drop-oldest\r\n");
	e = end_open(&t);
	end_asks(&t, &e, GET("/healthz"), OK, "");
	end_asks(&t, &e, GET("/subscribe?filter=a&name=x"), "HTTP/1.1 409 ",
	         "name");
	end_close(&e);
	gate_asks(&t, GET("/subscribe?filter=a&name="), "HTTP/1.1 400 ",
	          "name");
	gate_asks(&t, GET("/subscribe?filter=a&name=a%0ab"), "HTTP/1.1 400 ",
	          "name");
	gate_fini(&t);
}

TEST(what_cannot_be_subscribed_to_is_told_with_a_status)
{
	struct gate t;

	gate_init(&t);
	gate_asks(&t, GET("/subscribe"), "HTTP/1.1 400 ", "filter=");
	gate_asks(&t, GET("/subscribe?filter=a..b"), "HTTP/1.1 400 ",
	          "(token 1)");
	gate_asks(&t, GET("/subscribe?filter=%"), "HTTP/1.1 400 ",
	          "longer than 255 bytes, or % without");
	gate_asks(&t, GET("/subscribe?filter=a&group=g&retained=1"),
	          "HTTP/1.1 400 ", "group");
	gate_asks(&t, GET("/subscribe?filter=$inbox.x.1"), "HTTP/1.1 403 ",
	          "inbox");
	gate_asks(&t, GET("/subscribe?filter=a&heartbeat=0"), "HTTP/1.1 400 ",
	          "");
	gate_asks(&t, GET("/subscribe?filter=a&overflow=x"), "HTTP/1.1 400 ",
	          "");
	assert_int_equal(t.rig.broker.router.n_subscriptions, 0);
	gate_fini(&t);
}

TEST(heartbeats_are_comments)
{
	struct gate t;
	struct end e;

	gate_init(&t);
	e = end_open(&t);
	end_send(&t, &e, GET("/subscribe?filter=a&heartbeat=0.001"));
	do /* libevent's clock is nobody's to step */
		end_read(&t, &e);
	while (!strstr(e.got, "\r\n: heartbeat\n\n\r\n"));
	end_close(&e);
	gate_fini(&t);
}

static struct session *
last_session(struct gate *t)
{
	struct session *s, *last = NULL;

	TAILQ_FOREACH (s, &t->rig.broker.sessions, link)
		last = s;
	return last;
}

/* Fill what the socket and our text for it take, and the outbox. */
static void
overfill(struct gate *t, struct client *c, struct session *s, size_t most)
{
	while (s->state == SESSION_OPEN && !session_is_waiting(&c->session) &&
	       most-- > 0) {
		client_publishes(c, "a", 20000);
		gate_turn(t);
	}
}

TEST(a_reader_that_stalls_holds_its_publisher_up_and_is_cut_off)
{
	struct gate t;
	struct client *c;
	struct session *s;
	struct end e;

	gate_init(&t);
	c = client_open(&t.rig, "c", 1000);
	e = end_open(&t);
	end_asks(&t, &e, GET("/subscribe?filter=a"), OK, "");
	s = last_session(&t);
	overfill(&t, c, s, 10000);
	assert_true(session_is_waiting(&c->session));
	assert_true(s->out.bytes >= t.rig.config.outbox_high);
	assert_true(t.rig.broker.pool.used < 4u << 20);
	gate_step(&t, 10); /* it is slow */
	gate_step(&t, t.rig.config.stall_ms);
	assert_false(session_is_waiting(&c->session));
	assert_int_equal(t.rig.broker.counts.evicted, 1);
	end_read(&t, &e);
	assert_has(e.got, "event: gap\ndata: {\"frames\":");
	assert_has(e.got, "event: end\ndata: {\"error\":\"slow_consumer\"");
	assert_true(e.eof);
	end_close(&e);
	client_free(c);
	gate_fini(&t);
}

/* Publish bytes whose text takes six times the room. */
static void
publish_controls(struct client *c, const char *topic, size_t len)
{
	char *payload = malloc(len);

	memset(payload, 1, len);
	put_publish(&c->said, topic, NULL, payload, len);
	client_goes_on(c);
	free(payload);
}

TEST(text_that_nobody_reads_is_owed_and_goes_when_memory_is_short)
{
	struct end readers[4], e;
	struct slab_pool *pool;
	struct client *c;
	struct gate t;

	gate_init(&t);
	pool = &t.rig.broker.pool;
	pool->max = 8u << 20;
	c = client_open(&t.rig, "c", 1000);
	for (int i = 0; i < 4; i++) {
		readers[i] = end_open(&t);
		end_asks(&t, &readers[i], GET("/subscribe?filter=a"), OK, "");
	}
	e = end_open(&t);
	end_asks(&t, &e, GET("/subscribe?filter=b"), OK, "");
	publish_controls(c, "a", 600000);
	gate_turn(&t);
	/* two of four have it as text, the others what came */
	assert_true(pool->used > pool->max / 2);
	assert_true(pool->used <= pool->max);
	publish_controls(c, "b", 600000);
	gate_turn(&t);
	for (int i = 0; i < 4 && t.rig.broker.counts.evicted < 3; i++)
		gate_step(&t, t.rig.config.stall_ms);
	assert_true(t.rig.broker.counts.evicted > 0);
	assert_true(t.rig.broker.counts.evicted < 4);
	end_read(&t, &e);
	assert_true(e.len > 6 * 600000u);
	assert_false(e.eof);
	end_close(&e);
	for (int i = 0; i < 4; i++)
		end_close(&readers[i]);
	client_free(c);
	gate_fini(&t);
}

TEST(one_that_rather_loses_is_told_how_much)
{
	struct gate t;
	struct client *c;
	struct session *s;
	struct end e;

	gate_init(&t);
	c = client_open(&t.rig, "c", 1000);
	e = end_open(&t);
	end_asks(&t, &e, GET("/subscribe?filter=a&overflow=drop-oldest"), OK,
	         "");
	s = last_session(&t);
	overfill(&t, c, s, 100);
	assert_false(session_is_waiting(&c->session));
	assert_int_equal(s->state, SESSION_OPEN);
	end_read(&t, &e);
	assert_has(e.got, "event: gap\ndata: {\"frames\":");
	assert_false(e.eof);
	end_close(&e);
	client_free(c);
	gate_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_as_events),
		cmocka_unit_test(
			retained_values_and_groups_are_had_like_by_any_client),
		cmocka_unit_test(
			values_that_fill_the_outbox_are_followed_by_those_of_the_next_filter),
		cmocka_unit_test(
			a_reader_may_have_a_name_and_is_told_its_policy),
		cmocka_unit_test(
			what_cannot_be_subscribed_to_is_told_with_a_status),
		cmocka_unit_test(heartbeats_are_comments),
		cmocka_unit_test(
			a_reader_that_stalls_holds_its_publisher_up_and_is_cut_off),
		cmocka_unit_test(
			text_that_nobody_reads_is_owed_and_goes_when_memory_is_short),
		cmocka_unit_test(one_that_rather_loses_is_told_how_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
