/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/webtalk.h"

#include "gateways.h"
#include "proto/publish.h"
#include "unit.h"

/* The PUBLISH that came. */
static struct publish
next_publish(struct client *c)
{
	struct publish p;

	client_next(c, TYPE_PUBLISH);
	assert_int_equal(publish_read(c->frame.at + 5, c->frame.len - 5, &p),
	                 PUBLISH_OK);
	return p;
}

TEST(a_session_is_called_by_its_first_user_agent)
{
	struct gate t;
	struct end e;

	gate_init(&t);
	e = end_open(&t);
	end_asks(
		&t, &e,
		"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: curl/8.0 (x)\r\n\r\n",
		OK, "");
	assert_string_equal(session_name(TAILQ_FIRST(&t.rig.broker.sessions)),
	                    "http curl/8.0");
	end_close(&e);
	gate_turn(&t);
	e = end_open(&t);
	end_asks(&t, &e, GET("/"), OK, "");
	assert_string_equal(session_name(TAILQ_FIRST(&t.rig.broker.sessions)),
	                    "http");
	end_close(&e);
	gate_fini(&t);
}

TEST(a_message_has_stamp_and_content_type)
{
	struct gate t;
	struct client *c;
	struct publish p;

	gate_init(&t);
	c = client_open_on(&t.rig, "c", "a.*");
	gate_asks(
		&t,
		"POST /topics/a%2eb HTTP/1.1\r\nHost: x\r\nContent-Type: x/y\r\n"
		"Content-Length: 2\r\n\r\nhi",
		OK, "{\"topic\":\"a.b\",\"subscribers\":1}");
	p = next_publish(c);
	assert_int_equal(p.payload_len, 2);
	assert_memory_equal(p.payload, "hi", 2);
	assert_int_equal(load_be32(c->frame.at + 5 + p.stamp_offset), 2);
	assert_int_equal(load_be32(c->frame.at + 5 + p.stamp_offset + 4),
	                 geteuid());
	assert_int_equal(p.headers_len, 18);
	assert_memory_equal(p.headers,
	                    "\x81\xac"
	                    "content-type"
	                    "\xa3x/y",
	                    18);
	client_free(c);
	gate_fini(&t);
}

TEST(a_body_may_be_as_long_as_a_frame)
{
	size_t len = (1u << 20) - 100;
	struct gate t;
	struct client *c;
	struct publish p;
	struct end e;
	char head[100], *body = calloc(1, len);

	gate_init(&t);
	c = client_open_on(&t.rig, "c", "a");
	e = end_open(&t);
	snprintf(
		head, sizeof(head),
		"POST /topics/a HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
		len);
	end_send(&t, &e, head);
	end_send_bytes(&t, &e, body, len);
	end_asks(&t, &e, "", OK, "\"subscribers\":1");
	p = next_publish(c);
	assert_int_equal(p.payload_len, len);
	end_close(&e);
	client_free(c);
	free(body);
	gate_fini(&t);
}

TEST(who_publishes_to_a_full_subscriber_waits_for_its_answer)
{
	struct gate t;
	struct client *slow, *filler;
	struct end e;

	gate_init(&t);
	slow = client_open_on(&t.rig, "slow", "a");
	filler = client_open(&t.rig, "filler", 1000);
	client_publishes(filler, "a", 90000);
	e = end_open(&t);
	end_send(&t, &e, POST("/topics/a"));
	end_read(&t, &e);
	assert_int_equal(e.len, 0);
	assert_int_equal(client_count(slow, TYPE_PUBLISH), 1);
	end_asks(&t, &e, "", OK, "\"subscribers\":1");
	assert_int_equal(client_count(slow, TYPE_PUBLISH), 1);
	end_close(&e);
	client_free(slow);
	client_free(filler);
	gate_fini(&t);
}

TEST(nobody_publishes_while_the_broker_settles)
{
	struct gate t;
	struct end e;

	gate_init(&t);
	broker_start_settling(&t.rig.broker);
	e = end_open(&t);
	end_send(&t, &e, POST("/topics/a"));
	end_read(&t, &e);
	assert_int_equal(e.len, 0);
	gate_step(&t, t.rig.config.settle_ms);
	end_asks(&t, &e, "", OK, "");
	end_close(&e);
	gate_fini(&t);
}

static bool
give_way(struct session *s)
{
	slab_pool_uncharge(&s->broker->pool, SLAB_SIZE);
	return true;
}

TEST(what_has_only_begun_gives_way_to_what_is_sent_by_http)
{
	struct session_ops ops;
	struct slab_pool *pool;
	struct client *begun;
	struct gate t;
	size_t left;

	gate_init(&t);
	begun = client_open(&t.rig, "begun", 1);
	ops = *begun->session.ops;
	ops.squeeze = give_way;
	begun->session.ops = &ops;
	pool = &t.rig.broker.pool;
	left = pool->max - pool->used - SLAB_SIZE / 2;
	slab_pool_charge(pool, left);
	gate_asks(&t,
	          "POST /topics/a HTTP/1.1\r\nHost: x\r\n"
	          "Content-Length: 2\r\n\r\nhi",
	          "HTTP/1.1 2", "");
	slab_pool_uncharge(pool, left - SLAB_SIZE);
	client_free(begun);
	gate_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_has_only_begun_gives_way_to_what_is_sent_by_http),
		cmocka_unit_test(a_session_is_called_by_its_first_user_agent),
		cmocka_unit_test(a_message_has_stamp_and_content_type),
		cmocka_unit_test(a_body_may_be_as_long_as_a_frame),
		cmocka_unit_test(
			who_publishes_to_a_full_subscriber_waits_for_its_answer),
		cmocka_unit_test(nobody_publishes_while_the_broker_settles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
