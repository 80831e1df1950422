/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/webreply.h"

#include "gateways.h"
#include "unit.h"

TEST(head_gets_what_get_would_get_without_the_body)
{
	struct gate t;
	struct end e;
	char *all;

	gate_init(&t);
	e = end_open(&t);
	end_send(&t, &e, "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	all = end_take(&t, &e);
	assert_has(all, "Content-Length: 3\r\n");
	assert_string_equal(strstr(all, "\r\n\r\n"), "\r\n\r\n");
	free(all);
	end_send(&t, &e, "HEAD /sessions HTTP/1.1\r\nHost: x\r\n\r\n");
	all = end_take(&t, &e);
	assert_has(all, "Transfer-Encoding: chunked\r\n");
	assert_string_equal(strstr(all, "\r\n\r\n"), "\r\n\r\n");
	free(all);
	/* and the connection can be used on */
	end_asks(&t, &e, GET("/healthz"), OK, "ok");
	end_close(&e);
	gate_fini(&t);
}

TEST(an_answer_says_when_it_was_made)
{
	struct gate t;
	struct end e;

	gate_init(&t);
	e = end_open(&t);
	end_asks(&t, &e, GET("/healthz"), OK,
	         "\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
	clock_step(999);
	end_asks(&t, &e, GET("/healthz"), OK, " 08:49:37 GMT\r\n");
	clock_step(1);
	end_asks(&t, &e, GET("/topics"), OK, " 08:49:38 GMT\r\n");
	end_close(&e);
	gate_fini(&t);
}

TEST(an_error_is_an_object_that_says_what_is_wrong)
{
	struct gate t;

	gate_init(&t);
	gate_asks(&t, GET("/nowhere"), "HTTP/1.1 404 Not Found\r\n",
	          "\r\n\r\n{\"status\":404,\"error\":\"no such path");
	gate_asks(&t, "PUT /topics/a HTTP/1.1\r\nHost: x\r\n\r\n",
	          "HTTP/1.1 405 Method Not Allowed\r\n",
	          "\r\nAllow: GET, HEAD, POST\r\n");
	gate_fini(&t);
}

TEST(an_old_client_gets_pieces_until_the_stream_ends)
{
	struct gate t;
	struct end e;

	gate_init(&t);
	e = end_open(&t);
	end_asks(&t, &e, "GET /topics HTTP/1.0\r\n\r\n", OK,
	         "\r\n\r\n{\"topics\":[\n]}\n");
	assert_true(e.eof);
	end_close(&e);
	gate_fini(&t);
}

TEST(others_get_chunks_that_say_how_long_they_are)
{
	struct gate t;

	gate_init(&t);
	gate_asks(&t, GET("/topics"), OK,
	          "\r\n\r\n0000000f\r\n{\"topics\":[\n]}\n\r\n0\r\n\r\n");
	gate_fini(&t);
}

TEST(an_old_client_that_wants_to_stay_may)
{
	struct gate t;
	struct end e;

	gate_init(&t);
	e = end_open(&t);
	for (int i = 0; i < 2; i++)
		end_asks(&t, &e,
		         "GET /healthz HTTP/1.0\r\n"
		         "Connection: keep-alive\r\n\r\n",
		         OK, "\r\nConnection: keep-alive\r\n");
	end_close(&e);
	gate_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_gets_what_get_would_get_without_the_body),
		cmocka_unit_test(an_answer_says_when_it_was_made),
		cmocka_unit_test(an_error_is_an_object_that_says_what_is_wrong),
		cmocka_unit_test(
			an_old_client_gets_pieces_until_the_stream_ends),
		cmocka_unit_test(others_get_chunks_that_say_how_long_they_are),
		cmocka_unit_test(an_old_client_that_wants_to_stay_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
