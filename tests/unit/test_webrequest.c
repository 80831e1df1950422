/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/webrequest.h"

#include "capture.h"
#include "gateways.h"
#include "unit.h"

#define CHUNKED                                                            \
	"POST /topics/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked" \
	"\r\n\r\n"

TEST(a_request_may_come_byte_by_byte)
{
	static const char text[] = POST("/topics/a");
	struct gate t;
	struct end e;

	gate_init(&t);
	e = end_open(&t);
	for (size_t i = 0; i + 1 < sizeof(text); i++)
		end_send_bytes(&t, &e, text + i, 1);
	end_asks(&t, &e, "", OK, "{\"topic\":\"a\",\"subscribers\":0}");
	end_close(&e);
	gate_fini(&t);
}

TEST(a_body_in_chunks_is_one_message)
{
	struct client *c;
	struct gate t;

	gate_init(&t);
	c = client_open_on(&t.rig, "c", "a");
	gate_asks(&t, CHUNKED "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", OK,
	          "\"subscribers\":1");
	client_next(c, TYPE_PUBLISH);
	assert_memory_equal(c->frame.at + c->frame.len - 5, "hello", 5);
	gate_asks(&t, CHUNKED "3\r\nhelp\r\n", "HTTP/1.1 400 ", "chunk");
	client_expect_nothing(c);
	client_free(c);
	gate_fini(&t);
}

TEST(what_is_too_long_is_told_before_it_has_come)
{
	struct capture err;
	struct gate t;
	struct end e;
	char *head, *answer;

	gate_init(&t);
	gate_asks(
		&t,
		"POST /topics/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n",
		"HTTP/1.1 413 ",
		"1048577 bytes are too many for a message (limit 1048576, "
		"max-frame");
	e = end_open(&t);
	head = calloc(1, WEB_HEAD_MAX + 2);
	memset(head, 'a', WEB_HEAD_MAX + 1);
	t.rig.broker.log.level = LOG_WARN;
	capture_begin(&err, stderr);
	end_send(&t, &e, head);
	answer = end_take(&t, &e);
	assert_begins(answer, "HTTP/1.1 431 ");
	assert_has(answer, "Connection: close");
	assert_has(answer,
	           "\"a head of 16385 bytes at least (limit 16384); pid=");
	free(answer);
	assert_non_null(strstr(capture_end(&err),
	                       "refused an HTTP request status=431: a head of "
	                       "16385 bytes at least (limit 16384) session="));
	free(head);
	end_close(&e);
	gate_fini(&t);
}

/* A POST in chunks, each as long as a slab, that make this frame and more. */
static void
assert_chunks_are_too_long(uint32_t max_frame, size_t more)
{
	size_t left = max_frame + more;
	char *piece = calloc(1, SLAB_SIZE);
	char head[32], *answer;
	struct gate t;
	struct end e;

	gate_init(&t);
	t.rig.config.max_frame = max_frame;
	e = end_open(&t);
	end_send(&t, &e, CHUNKED);
	while (left > 0) {
		size_t len = left < SLAB_SIZE ? left : SLAB_SIZE;

		end_send_bytes(&t, &e, head,
		               (size_t)sprintf(head, "%zx\r\n", len));
		end_send_bytes(&t, &e, piece, len);
		end_send(&t, &e, "\r\n");
		left -= len;
	}
	end_send(&t, &e, "0\r\n\r\n");
	answer = end_take(&t, &e);
	assert_begins(answer, "HTTP/1.1 413 ");
	free(answer);
	free(piece);
	end_close(&e);
	gate_fini(&t);
}

TEST(chunks_that_no_frame_can_hold_are_too_long)
{
	/* in a plain slab, in all of one, and in a large one */
	assert_chunks_are_too_long(65536, 1);
	assert_chunks_are_too_long(SLAB_SIZE - FRAME_PREFIX_SIZE, 1);
	assert_chunks_are_too_long(SLAB_SIZE, SLAB_SIZE);
	assert_chunks_are_too_long(1u << 20, 1);
	assert_chunks_are_too_long(1u << 20, 1u << 20);
}

TEST(what_follows_a_request_that_was_refused_early_is_no_request)
{
	struct gate t;
	struct end e;
	char *all;

	gate_init(&t);
	e = end_open(&t);
	end_send(
		&t, &e,
		"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\n" GET(
			"/healthz"));
	all = end_take(&t, &e);
	assert_begins(all, "HTTP/1.1 404 ");
	assert_null(strstr(all, "ok\n"));
	assert_true(e.eof);
	free(all);
	end_close(&e);
	gate_fini(&t);
}

TEST(who_waits_for_it_is_told_to_go_on)
{
	struct gate t;
	struct end e;

	gate_init(&t);
	e = end_open(&t);
	end_asks(&t, &e,
	         "POST /topics/a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
	         "Expect: 100-continue\r\n\r\n",
	         "HTTP/1.1 100 Continue\r\n\r\n", "");
	end_asks(&t, &e, "hi", OK, "subscribers");
	end_close(&e);
	gate_asks(
		&t,
		"POST /topics/a..b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
		"Expect: 100-continue\r\n\r\n",
		"HTTP/1.1 400 ", "");
	gate_fini(&t);
}

TEST(a_body_that_ends_too_early_is_told)
{
	struct gate t;
	struct end e;

	gate_init(&t);
	e = end_open(&t);
	end_send(
		&t, &e,
		"POST /topics/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel");
	shutdown(e.fd, SHUT_WR);
	end_asks(&t, &e, "", "HTTP/1.1 400 ", "too early");
	assert_true(e.eof);
	end_close(&e);
	gate_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_may_come_byte_by_byte),
		cmocka_unit_test(a_body_in_chunks_is_one_message),
		cmocka_unit_test(what_is_too_long_is_told_before_it_has_come),
		cmocka_unit_test(chunks_that_no_frame_can_hold_are_too_long),
		cmocka_unit_test(
			what_follows_a_request_that_was_refused_early_is_no_request),
		cmocka_unit_test(who_waits_for_it_is_told_to_go_on),
		cmocka_unit_test(a_body_that_ends_too_early_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
