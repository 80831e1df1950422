/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/http.h"

#include <string.h>

#include "unit.h"

static unsigned
read_text(const char *text, struct http_head *out)
{
	size_t len = strlen(text);

	assert_int_equal(http_head_length(text, len), len);
	return http_read_head(text, len, out);
}

static void
expect_text(struct text t, const char *want)
{
	assert_int_equal(t.len, strlen(want));
	assert_memory_equal(t.at, want, t.len);
}

/* ---- where it ends -------------------------------------------------------- */

TEST(a_head_ends_with_its_empty_line_and_not_before)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /";
	size_t end = strlen(text) - 5;

	for (size_t len = 0; len < end; len++)
		assert_int_equal(http_head_length(text, len), 0);
	for (size_t len = end; len < sizeof(text); len++)
		assert_int_equal(http_head_length(text, len), end);
}

TEST(empty_lines_before_a_head_belong_to_it)
{
	struct http_head h;

	assert_int_equal(http_head_length("\r\n\r\n", 4), 0);
	assert_int_equal(read_text("\r\n\nGET /a HTTP/1.0\n\n", &h), 0);
	expect_text(h.path, "/a");
	assert_int_equal(h.minor, 0);
}

/* ---- what is in it -------------------------------------------------------- */

TEST(a_request_has_method_path_query_and_fields)
{
	struct http_head h;

	assert_int_equal(read_text("POST /topics/a.b?retain=1&x HTTP/1.1\r\n"
	                           "Host: umbel\r\n"
	                           "content-TYPE:\t text/plain \r\n"
	                           "Content-Length: 12\r\n\r\n",
	                           &h),
	                 0);
	expect_text(h.method, "POST");
	expect_text(h.path, "/topics/a.b");
	expect_text(h.query, "retain=1&x");
	expect_text(http_field(&h, "Content-Type"), "text/plain");
	assert_null(http_field(&h, "content").at);
	assert_int_equal(h.length, 12);
	assert_true(h.keep_alive);
	assert_false(h.chunked);
	assert_false(h.waits);
}

TEST(an_absolute_target_is_its_path)
{
	struct http_head h;

	assert_int_equal(
		read_text("GET http://any/x?y HTTP/1.1\r\nHost: x\r\n\r\n", &h),
		0);
	expect_text(h.path, "/x");
	expect_text(h.query, "y");
	assert_int_equal(
		read_text("GET http://any HTTP/1.1\r\nHost: x\r\n\r\n", &h), 0);
	expect_text(h.path, "/");
}

TEST(connections_stay_or_end_as_version_and_field_say)
{
	static const struct {
		const char *text;
		bool keep_alive;
	} cases[] = {
		{ "GET / HTTP/1.1\r\nHost: x\r\n\r\n", true },
		{ "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		  false },
		{ "GET / HTTP/1.1\r\nHost: x\r\nConnection: TE , Close\r\n\r\n",
		  false },
		{ "GET / HTTP/1.0\r\n\r\n", false },
		{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_head h;

		assert_int_equal(read_text(cases[i].text, &h), 0);
		assert_int_equal(h.keep_alive, cases[i].keep_alive);
	}
}

TEST(a_client_may_wait_before_it_sends_its_body)
{
	struct http_head h;

	assert_int_equal(
		read_text("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
	                  "Expect: 100-Continue\r\n\r\n",
	                  &h),
		0);
	assert_true(h.waits);
	assert_int_equal(
		read_text("POST / HTTP/1.1\r\nHost: x\r\nExpect: 2\r\n\r\n",
	                  &h),
		417);
}

TEST(what_is_wrong_has_a_status)
{
	static const struct {
		const char *text;
		unsigned status;
	} cases[] = {
		{ "GET /\r\n\r\n", 400 },
		{ "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET / HTTP/1.1 \r\n\r\n", 400 },
		{ "G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET / HTTQ/1.1\r\n\r\n", 400 },
		{ "GET / HTTP/1.x\r\n\r\n", 400 },
		{ "GET / HTTP/2.0\r\n\r\n", 505 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\n: no name\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA : space\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA: x\r\n folded\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\n",
		  400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		  400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\n",
		  400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n",
		  400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000000000"
		  "\r\n\r\n",
		  400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked"
		  "\r\n\r\n",
		  501 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_head h;
		unsigned status = read_text(cases[i].text, &h);

		if (status != cases[i].status)
			fail_msg("%s: %u, not %u", cases[i].text, status,
			         cases[i].status);
	}
}

/* Two readers must never see two ends: that is how requests are smuggled. */
TEST(a_body_has_one_length_or_none)
{
	static const char *const bad[] = {
		"Content-Length: 1\r\nContent-Length: 1\r\n",
		"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
	};
	struct http_head h;
	char text[200];

	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(text, sizeof(text),
		         "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n", bad[i]);
		assert_int_equal(read_text(text, &h), 400);
	}
	assert_int_equal(read_text("POST / HTTP/1.0\r\n"
	                           "Transfer-Encoding: chunked\r\n\r\n",
	                           &h),
	                 400);
	assert_int_equal(read_text("POST / HTTP/1.1\r\nHost: x\r\n"
	                           "Transfer-Encoding: Chunked\r\n\r\n",
	                           &h),
	                 0);
	assert_true(h.chunked);
}

/* Whatever it says: there is one only. */
TEST(a_request_names_one_host_but_in_http_1_0)
{
	struct http_head h;

	assert_int_equal(read_text("GET / HTTP/1.1\r\n\r\n", &h), 400);
	assert_int_equal(read_text("GET / HTTP/1.1\r\nHost:\r\n\r\n", &h), 0);
	assert_int_equal(read_text("GET / HTTP/1.1\r\nHost: a\r\nhost: a"
	                           "\r\n\r\n",
	                           &h),
	                 400);
	assert_int_equal(read_text("GET / HTTP/1.0\r\n\r\n", &h), 0);
}

/* ---- the target ----------------------------------------------------------- */

static int
decode_text(const char *text, char out[16])
{
	return http_decode(text_from(text), out, 16);
}

TEST(percent_signs_stand_for_bytes)
{
	char out[16];

	assert_int_equal(decode_text("a%2eb%C3%a9+", out), 6);
	assert_memory_equal(out, "a.b\xc3\xa9+", 6);
	assert_int_equal(decode_text("", out), 0);
	assert_int_equal(decode_text("%00", out), 1);
	assert_int_equal(out[0], 0);
	assert_int_equal(decode_text("%", out), -1);
	assert_int_equal(decode_text("%2", out), -1);
	assert_int_equal(decode_text("%2g", out), -1);
	assert_int_equal(decode_text("%%41", out), -1);
	assert_int_equal(decode_text("0123456789abcdef", out), 16);
	assert_int_equal(decode_text("0123456789abcdefg", out), -1);
}

static int
query(const char *text, const char *name, unsigned nth, char out[16])
{
	const struct http_head h = { .query = text_from(text) };

	return http_query(&h, name, nth, out, 16);
}

TEST(the_query_has_values_by_name_and_in_order)
{
	char out[16];

	assert_int_equal(
		query("filter=a.%2a&x&filter=b+c&filter", "filter", 0, out), 3);
	assert_memory_equal(out, "a.*", 3);
	assert_int_equal(query("filter=a&x&filter=b+c", "filter", 1, out), 3);
	assert_memory_equal(out, "b c", 3);
	assert_int_equal(query("filter=a&x&filter", "filter", 1, out), 0);
	assert_int_equal(query("filter=a", "filter", 1, out), HTTP_ABSENT);
	assert_int_equal(query("filter=a", "filt", 0, out), HTTP_ABSENT);
	assert_int_equal(query("&&=&", "x", 0, out), HTTP_ABSENT);
	assert_int_equal(query(NULL, "x", 0, out), HTTP_ABSENT);
	assert_int_equal(query("x=%", "x", 0, out), -1);
}

TEST(the_names_in_a_query_are_taken_one_by_one)
{
	struct text rest = text_from("filter=a&&x&=y"), name;

	assert_true(http_query_next(&rest, &name));
	expect_text(name, "filter");
	assert_true(http_query_next(&rest, &name));
	expect_text(name, "");
	assert_true(http_query_next(&rest, &name));
	expect_text(name, "x");
	assert_true(http_query_next(&rest, &name));
	expect_text(name, "");
	assert_false(http_query_next(&rest, &name));
	rest = text_from(NULL);
	assert_false(http_query_next(&rest, &name));
}

/* ---- chunks --------------------------------------------------------------- */

/* Feed `text` in pieces of `step` bytes. The last outcome, and the body. */
static enum http_piece
feed(const char *text, size_t step, size_t most, char body[64])
{
	struct http_chunks c = { 0 };
	enum http_piece piece = HTTP_PIECE_MORE;
	size_t at = 0, end = 0, len = strlen(text), n = 0;

	while (piece == HTTP_PIECE || piece == HTTP_PIECE_MORE) {
		struct text data;
		size_t used;

		if (piece == HTTP_PIECE_MORE && end == len)
			break;
		if (piece == HTTP_PIECE_MORE)
			end = end + step < len ? end + step : len;
		piece = http_next_piece(&c, text + at, end - at, most, &used,
		                        &data);
		assert_true(used <= end - at);
		at += used;
		if (piece == HTTP_PIECE) {
			assert_true(data.len > 0 && data.len <= most);
			memcpy(body + n, data.at, data.len);
			n += data.len;
		}
	}
	body[n] = '\0';
	return piece;
}

TEST(chunks_make_one_body_however_they_come)
{
	static const char text[] = "5\r\nhello\r\n1;x=y\r\n,\r\n"
				   "0006 \r\n world\r\n0\r\nT: 1\r\n\r\n";

	for (size_t step = 1; step < sizeof(text); step++) {
		for (size_t most = 1; most < 8; most++) {
			char body[64];

			assert_int_equal(feed(text, step, most, body),
			                 HTTP_PIECE_LAST);
			assert_string_equal(body, "hello, world");
		}
	}
}

TEST(a_chunk_that_is_none_is_noticed)
{
	static const char *const bad[] = {
		"x\r\n",         "\r\n",
		"-1\r\n",        "5 5\r\nhello\r\n",
		"0x5\r\n",       "1\r\nab\r\n",
		";\r\n",         "1234567890123456\r\n",
		"5,\r\n",        "1\r\na\n0\r\n\r\n",
		"1\r\na\r0\r\n",
	};
	char body[64];

	for (size_t i = 0; i < COUNT(bad); i++) {
		if (feed(bad[i], 1, 64, body) != HTTP_PIECE_BAD)
			fail_msg("taken: %s", bad[i]);
	}
}

TEST(lines_between_chunks_are_bounded)
{
	struct http_chunks c = { 0 };
	char line[300], trailer[64];
	struct text data;
	size_t used;

	memset(line, '0', sizeof(line));
	assert_int_equal(http_next_piece(&c, line, sizeof(line), 1, &used,
	                                 &data),
	                 HTTP_PIECE_BAD);
	c = (struct http_chunks){ .at = HTTP_TRAILER };
	for (unsigned i = 0; i < 1000; i++) {
		enum http_piece piece;

		snprintf(trailer, sizeof(trailer), "a: %u\r\n", i);
		piece = http_next_piece(&c, trailer, strlen(trailer), 1, &used,
		                        &data);
		if (piece == HTTP_PIECE_BAD)
			return;
	}
	fail_msg("a trailer without an end");
}

TEST(a_body_that_is_not_there_yet_is_more_to_come)
{
	char body[64];

	assert_int_equal(feed("5\r\nhel", 3, 64, body), HTTP_PIECE_MORE);
	assert_string_equal(body, "hel");
	assert_int_equal(feed("5\r\nhello\r\n0\r\n", 3, 64, body),
	                 HTTP_PIECE_MORE);
}

TEST(each_status_has_a_phrase)
{
	assert_string_equal(http_phrase(404), "Not Found");
	assert_string_equal(http_phrase(431),
	                    "Request Header Fields Too Large");
	assert_string_equal(http_phrase(299), "Unknown");
}

TEST(a_date_is_in_the_words_of_the_rfc)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} dates[] = {
		{ 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" },
		{ 951782400, "Tue, 29 Feb 2000 00:00:00 GMT" },
		{ 4102444799, "Thu, 31 Dec 2099 23:59:59 GMT" },
	};
	char text[HTTP_DATE_SIZE];

	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		http_date(dates[i].seconds, text);
		assert_string_equal(text, dates[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_head_ends_with_its_empty_line_and_not_before),
		cmocka_unit_test(empty_lines_before_a_head_belong_to_it),
		cmocka_unit_test(a_request_has_method_path_query_and_fields),
		cmocka_unit_test(an_absolute_target_is_its_path),
		cmocka_unit_test(
			connections_stay_or_end_as_version_and_field_say),
		cmocka_unit_test(a_client_may_wait_before_it_sends_its_body),
		cmocka_unit_test(what_is_wrong_has_a_status),
		cmocka_unit_test(a_body_has_one_length_or_none),
		cmocka_unit_test(a_request_names_one_host_but_in_http_1_0),
		cmocka_unit_test(percent_signs_stand_for_bytes),
		cmocka_unit_test(the_query_has_values_by_name_and_in_order),
		cmocka_unit_test(the_names_in_a_query_are_taken_one_by_one),
		cmocka_unit_test(chunks_make_one_body_however_they_come),
		cmocka_unit_test(a_chunk_that_is_none_is_noticed),
		cmocka_unit_test(lines_between_chunks_are_bounded),
		cmocka_unit_test(a_body_that_is_not_there_yet_is_more_to_come),
		cmocka_unit_test(each_status_has_a_phrase),
		cmocka_unit_test(a_date_is_in_the_words_of_the_rfc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
