/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/webmessages.h"

#include "gateways.h"
#include "unit.h"

/* Publish this to where the last request wants its reply. */
static void
reply(struct client *c, const char *headers, const char *payload)
{
	struct publish p;
	char topic[256];
	size_t start = c->said.len;

	client_next(c, TYPE_PUBLISH);
	assert_int_equal(publish_read(c->frame.at + 5, c->frame.len - 5, &p),
	                 PUBLISH_OK);
	assert_non_null(p.reply);
	snprintf(topic, sizeof(topic), "%.*s", (int)p.reply_len, p.reply);
	put_hex(&c->said, "97 03 00 c4 08 00 00 00 00 00 00 00 00");
	put_str(&c->said, topic);
	put_hex(&c->said, "c0");
	put_hex(&c->said, headers);
	put_hex(&c->said, "c4");
	put_be(&c->said, strlen(payload), 1);
	put(&c->said, payload, strlen(payload));
	put_prefix_before(&c->said, start);
	client_goes_on(c);
}

TEST(a_retained_value_comes_back_with_its_type_age_and_sender)
{
	struct gate t;

	gate_init(&t);
	gate_asks(&t, GET("/topics/a"), "HTTP/1.1 404 ", "retained");
	gate_asks(
		&t,
		"POST /topics/a?retain=1 HTTP/1.1\r\nHost: x\r\nContent-Type: x/y\r\n"
		"Content-Length: 2\r\n\r\nhi",
		OK, "");
	clock_step(7900);
	gate_asks(&t, GET("/topics/a"), OK, "\r\nContent-Type: x/y\r\n");
	gate_asks(&t, GET("/topics/a"), OK, "\r\nAge: 7\r\n");
	gate_asks(&t, GET("/topics/a"), OK, "\r\nUmbel-Session: 2\r\n");
	gate_asks(&t, GET("/topics/a"), OK, "\r\n\r\nhi");
	gate_asks(&t, "POST /topics/a?retain=1 HTTP/1.1\r\nHost: x\r\n\r\n", OK,
	          "");
	gate_asks(&t, GET("/topics/a"), "HTTP/1.1 404 ", "");
	gate_fini(&t);
}

TEST(what_the_broker_denies_is_forbidden_each_time)
{
	struct gate t;
	struct end e;

	gate_init(&t);
	e = end_open(&t);
	for (int i = 0; i < 3; i++)
		end_asks(&t, &e, POST("/topics/$SYS.x"), "HTTP/1.1 403 ", "");
	end_asks(&t, &e, POST("/topics/a"), OK, "");
	end_close(&e);
	gate_fini(&t);
}

TEST(what_was_denied_before_is_no_answer_to_a_question)
{
	struct gate t;
	struct client *c;
	struct end e;

	gate_init(&t);
	c = client_open_on(&t.rig, "c", "ask");
	e = end_open(&t);
	for (int i = 0; i < 2; i++)
		end_asks(&t, &e, POST("/topics/$SYS.x"), "HTTP/1.1 403 ",
		         "belong to the broker");
	end_send(&t, &e, POST("/requests/ask"));
	gate_step(&t, 1000);
	end_read(&t, &e);
	assert_int_equal(e.len, 0);
	reply(c, "c0", "well");
	end_asks(&t, &e, "", OK, "well");
	end_asks(&t, &e, POST("/topics/$SYS.x"), "HTTP/1.1 403 ", "");
	end_asks(&t, &e, POST("/topics/$SYS.x"), "HTTP/1.1 403 ", "");
	end_asks(&t, &e, GET("/subscribe?filter=a"), OK, "retry");
	gate_step(&t, 1000);
	end_read(&t, &e);
	assert_int_equal(e.len, 0);
	end_close(&e);
	client_free(c);
	gate_fini(&t);
}

TEST(a_value_too_many_is_told)
{
	struct gate t;

	gate_init(&t);
	t.rig.broker.retained.max_n = 1;
	gate_asks(&t, POST("/topics/a?retain=1"), OK, "");
	gate_asks(&t, POST("/topics/b?retain=1"), "HTTP/1.1 507 ",
	          "1 values are retained already");
	gate_fini(&t);
}

TEST(a_request_gets_the_reply_as_its_answer)
{
	struct gate t;
	struct client *c;
	struct end e;

	gate_init(&t);
	c = client_open_on(&t.rig, "c", "ask");
	e = end_open(&t);
	for (int i = 0; i < 3; i++) {
		end_send(&t, &e, POST("/requests/ask"));
		end_read(&t, &e);
		assert_int_equal(e.len, 0);
		reply(c,
		      "81 ac 63 6f 6e 74 65 6e 74 2d 74 79 70 65 a4 74 65 "
		      "78 74",
		      "well");
		end_asks(&t, &e, "", OK, "text/plain; charset=utf-8");
	}
	end_close(&e);
	client_free(c);
	gate_fini(&t);
}

TEST(an_error_reply_is_the_fault_of_who_stands_behind)
{
	struct gate t;
	struct client *c;
	struct end e;

	gate_init(&t);
	c = client_open_on(&t.rig, "c", "ask");
	e = end_open(&t);
	end_send(&t, &e, POST("/requests/ask"));
	reply(c, "81 a5 65 72 72 6f 72 2a", "no \"way\"");
	end_asks(&t, &e, "", "HTTP/1.1 502 ",
	         "{\"status\":502,\"error\":\"no \\\"way\\\"\",\"code\":42}");
	end_close(&e);
	client_free(c);
	gate_fini(&t);
}

TEST(nobody_there_is_told_at_once)
{
	struct gate t;

	gate_init(&t);
	gate_asks(&t, POST("/requests/ask"), "HTTP/1.1 404 ",
	          "nobody listens on ask");
	gate_fini(&t);
}

TEST(a_limit_that_leaves_no_room_for_the_reply_is_told)
{
	struct gate t;

	gate_init(&t);
	t.rig.config.max_subscriptions = 0;
	gate_asks(&t, POST("/requests/ask"), "HTTP/1.1 503 ",
	          "max-subscriptions");
	gate_fini(&t);
}

TEST(a_late_reply_is_nobodys_answer)
{
	struct gate t;
	struct client *c;
	struct end e;

	gate_init(&t);
	c = client_open_on(&t.rig, "c", "ask");
	e = end_open(&t);
	end_send(&t, &e, POST("/requests/ask?timeout=0.001"));
	while (e.len == 0) /* libevent's clock is nobody's to step */
		end_read(&t, &e);
	assert_begins(e.got, "HTTP/1.1 504 ");
	free(end_take(&t, &e));
	end_send(&t, &e, POST("/requests/ask"));
	reply(c, "c0", "late");
	end_read(&t, &e);
	assert_int_equal(e.len, 0);
	reply(c, "c0", "in time");
	end_asks(&t, &e, POST("/topics/a"), OK, "in time");
	end_close(&e);
	client_free(c);
	gate_fini(&t);
}

TEST(the_broker_answers_questions_about_itself)
{
	struct gate t;

	gate_init(&t);
	gate_asks(&t,
	          "POST /requests/$SYS.broker.info HTTP/1.1\r\nHost: x\r\n\r\n",
	          OK, "\r\nContent-Type: application/msgpack\r\n");
	gate_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_retained_value_comes_back_with_its_type_age_and_sender),
		cmocka_unit_test(what_the_broker_denies_is_forbidden_each_time),
		cmocka_unit_test(
			what_was_denied_before_is_no_answer_to_a_question),
		cmocka_unit_test(a_value_too_many_is_told),
		cmocka_unit_test(a_request_gets_the_reply_as_its_answer),
		cmocka_unit_test(
			an_error_reply_is_the_fault_of_who_stands_behind),
		cmocka_unit_test(nobody_there_is_told_at_once),
		cmocka_unit_test(
			a_limit_that_leaves_no_room_for_the_reply_is_told),
		cmocka_unit_test(a_late_reply_is_nobodys_answer),
		cmocka_unit_test(the_broker_answers_questions_about_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
