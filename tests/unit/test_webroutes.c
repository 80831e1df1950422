/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/webroutes.h"

#include "gateways.h"
#include "unit.h"

TEST(the_index_is_for_people_and_for_browsers)
{
	struct gate t;

	gate_init(&t);
	gate_asks(&t, GET("/"), OK, "POST /topics/NAME ");
	gate_asks(
		&t,
		"GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html,*/*;q=0.1\r\n\r\n",
		OK, "<a href=\"/metrics\">/metrics</a>");
	gate_fini(&t);
}

TEST(it_is_at_work_or_it_starts_or_it_stops)
{
	struct gate t;
	struct end e;

	gate_init(&t);
	gate_asks(&t, GET("/healthz"), OK, "\r\n\r\nok\n");
	broker_start_settling(&t.rig.broker);
	gate_asks(&t, GET("/healthz"), "HTTP/1.1 503 ", "starting");
	broker_settle(&t.rig.broker);
	e = end_open(&t);
	t.rig.broker.draining = true;
	end_asks(&t, &e, GET("/healthz"), "HTTP/1.1 503 ", "stopping");
	end_close(&e);
	gate_step(&t, 200);
	gate_fini(&t);
}

TEST(metrics_are_those_of_the_broker)
{
	struct gate t;

	gate_init(&t);
	gate_asks(&t, GET("/metrics"), OK, "\numbel_sessions 1\n");
	gate_asks(&t, GET("/metrics"), OK,
	          "Content-Type: text/plain; version=0.0.4; charset=utf-8");
	gate_fini(&t);
}

TEST(what_has_no_options_refuses_any)
{
	struct gate t;

	gate_init(&t);
	gate_asks(&t, GET("/?x"), "HTTP/1.1 400 ", "no options here");
	gate_asks(&t, GET("/healthz?verbose=1"), "HTTP/1.1 400 ", "");
	gate_asks(&t, GET("/metrics?name=x"), "HTTP/1.1 400 ", "");
	gate_asks(&t, GET("/healthz?"), OK, "ok");
	gate_fini(&t);
}

/* /subscribe with so many options, more than there may be filters. */
static const char *
with_options(unsigned n, char request[4096])
{
	size_t at = (size_t)sprintf(request, "GET /subscribe?overflow=block");

	for (unsigned i = 1; i < n; i++)
		at += (size_t)sprintf(request + at, "&filter=a");
	strcpy(request + at, " HTTP/1.1\r\nHost: x\r\n\r\n");
	return request;
}

TEST(an_option_is_said_once_or_as_often_as_there_is_room)
{
	struct gate t;
	char request[4096];

	gate_init(&t);
	gate_asks(&t, GET("/topics?uid=1&uid=1"), "HTTP/1.1 400 ", "each once");
	gate_asks(&t, GET("/topics?uid=1&&filter=a&"), OK, "");
	gate_asks(&t, with_options(200, request), "HTTP/1.1 400 ", "of them");
	gate_asks(&t, with_options(201, request), "HTTP/1.1 400 ",
	          "or as often");
	gate_fini(&t);
}

TEST(paths_and_topics_that_are_none_are_refused)
{
	static const struct {
		const char *request, *status;
	} cases[] = {
		{ GET("*"), "HTTP/1.1 404 " },
		{ GET("/topicss"), "HTTP/1.1 404 " },
		{ GET("/healthz/"), "HTTP/1.1 404 " },
		{ GET("/topics/"), "HTTP/1.1 404 " },
		{ GET("/topics/a..b"), "HTTP/1.1 400 " },
		{ GET("/topics/a.%2a"), "HTTP/1.1 400 " },
		{ GET("/topics/a%00"), "HTTP/1.1 400 " },
		{ GET("/topics/a%ff"), "HTTP/1.1 400 " },
		{ GET("/topics/a%2"), "HTTP/1.1 400 " },
		{ GET("/requests/a"), "HTTP/1.1 405 " },
		{ POST("/sessions"), "HTTP/1.1 405 " },
		{ POST("/topics/a?retain=2"), "HTTP/1.1 400 " },
		{ POST("/topics/a?retain"), "HTTP/1.1 400 " },
		{ POST("/topics/a?retain="), "HTTP/1.1 400 " },
		{ POST("/topics/a?retain=1&retain=0"), "HTTP/1.1 400 " },
		{ POST("/topics/a?retian=1"), "HTTP/1.1 400 " },
		{ POST("/topics/a?filter=1"), "HTTP/1.1 400 " },
		{ GET("/subscribe?filter=a&filters=b"), "HTTP/1.1 400 " },
		{ GET("/subscribe?filter=a&group=a&group=b"), "HTTP/1.1 400 " },
		{ GET("/sessions?name=a"), "HTTP/1.1 400 " },
		{ POST("/requests/a?timeout=0"), "HTTP/1.1 400 " },
		{ POST("/requests/a?timeout=-1"), "HTTP/1.1 400 " },
		{ POST("/requests/a?timeout=nan"), "HTTP/1.1 400 " },
		{ POST("/requests/a?timeout=1x"), "HTTP/1.1 400 " },
		{ POST("/requests/a?timeout=99999"), "HTTP/1.1 400 " },
		{ POST("/requests/a?timeout"), "HTTP/1.1 400 " },
	};
	struct gate t;

	gate_init(&t);
	for (size_t i = 0; i < COUNT(cases); i++)
		gate_asks(&t, cases[i].request, cases[i].status, "error");
	gate_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_index_is_for_people_and_for_browsers),
		cmocka_unit_test(it_is_at_work_or_it_starts_or_it_stops),
		cmocka_unit_test(metrics_are_those_of_the_broker),
		cmocka_unit_test(what_has_no_options_refuses_any),
		cmocka_unit_test(
			an_option_is_said_once_or_as_often_as_there_is_room),
		cmocka_unit_test(paths_and_topics_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
