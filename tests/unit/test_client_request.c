/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <time.h>

#include "client.h"

static void
on_reply(struct umbel *c, const struct umbel_reply_info *info, void *user)
{
	size_t len = 0;
	const char *data = info->msg ? umbel_msg_data(info->msg, &len) : "";

	(void)c;
	note("%s%d%s", user ? (const char *)user : "", info->error,
	     info->more ? "+" : "");
	if (info->msg)
		note("=%.*s", (int)len, data);
	if (info->code)
		note("(%d: %s)", (int)info->code, info->text);
	note(" ");
}

/* The first request of a connection: its SUBSCRIBE comes before it. */
static struct fake_request
read_first(struct fake *f)
{
	fake_send_ok(f, (uint8_t)fake_read_type(f, FAKE_SUBSCRIBE));
	return fake_read_request(f);
}

static void
reply_to(struct fake *f, const struct fake_request *r, const char *text)
{
	fake_send_publish(f, r->reply, text, strlen(text));
}

/* With one header: its key and the msgpack of its value, both short. */
static void
reply_with(struct fake *f, const struct fake_request *r, const char *text,
           const char *key, const void *value, size_t value_len)
{
	uint8_t body[300] = { 0x97, 3, 0, 0xc4, 8, 0, 0, 0, 9, 0, 0, 0, 8 };
	size_t n = 13, len = strlen(r->reply);

	body[n++] = (uint8_t)(0xa0 | len);
	memcpy(body + n, r->reply, len);
	n += len;
	body[n++] = 0xc0;
	body[n++] = 0x81;
	body[n++] = (uint8_t)(0xa0 | strlen(key));
	memcpy(body + n, key, strlen(key));
	n += strlen(key);
	memcpy(body + n, value, value_len);
	n += value_len;
	body[n++] = 0xc4;
	body[n++] = (uint8_t)strlen(text);
	memcpy(body + n, text, strlen(text));
	fake_send_body(f, body, n + strlen(text));
}

static void
reply_more(struct fake *f, const struct fake_request *r, const char *text)
{
	reply_with(f, r, text, "more", "\xc3", 1);
}

static void
ask_opts(struct umbel *c, int timeout_ms, const char *name,
         const struct umbel_request_options *options)
{
	struct umbel_request_options o = *options;

	o.timeout_ms = timeout_ms;
	assert_int_equal(umbel_request_opts(c, "price", "apples", 6, on_reply,
	                                    (void *)(uintptr_t)name, &o),
	                 0);
}

static void
ask(struct umbel *c, int timeout_ms, const char *name)
{
	ask_opts(c, timeout_ms, name, UMBEL_REQUEST_OPTIONS(.id = NULL));
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- one reply ---------------------------------------------------------------- */

TEST(a_reply_comes_to_the_request_it_is_for)
{
	struct umbel *c;
	struct fake f;
	struct fake_request one, two;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	ask(c, 5000, "one");
	ask(c, 5000, "two");
	one = read_first(&f);
	assert_string_equal(one.topic, "price");
	assert_string_equal(one.payload, "apples");
	assert_int_equal(strncmp(one.reply, "$inbox.t.7.", 11), 0);
	two = fake_read_request(&f);
	assert_string_not_equal(one.reply, two.reply);
	reply_to(&f, &two, "2");
	reply_to(&f, &one, "1");
	turn(c);
	expect_notes("two0=2 one0=1 ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(one_subscription_serves_all_requests_of_a_connection)
{
	uint8_t body[256];
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	fake_expect_silence(&f);
	ask(c, 5000, "");
	fake_read(&f, body, sizeof(body));
	assert_int_equal(body[1], FAKE_SUBSCRIBE);
	assert_memory_equal(body + 4, "\xac$inbox.t.7.*", 13);
	fake_read_request(&f);
	ask(c, 5000, "");
	fake_read_request(&f);
	umbel_free(c);
	fake_stop(&f);
}

TEST(of_several_replies_only_the_first_is_wanted)
{
	struct umbel *c;
	struct fake f;
	struct fake_request r;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	ask(c, 5000, "");
	r = read_first(&f);
	reply_more(&f, &r, "1");
	reply_to(&f, &r, "2");
	turn(c);
	expect_notes("0=1 ");
	turn(c);
	expect_notes("");
	assert_int_equal(umbel_get_state(c), UMBEL_CONNECTED);
	umbel_free(c);
	fake_stop(&f);
}

TEST(an_error_reply_has_its_code_and_its_words)
{
	struct umbel *c;
	struct fake f;
	struct fake_request r;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	ask(c, 5000, "");
	r = read_first(&f);
	reply_with(&f, &r, "no apples", "error", "\xcd\x01\x94", 3);
	turn(c);
	expect_notes("-10013=no apples(404: no apples) ");
	ask(c, 5000, "");
	r = fake_read_request(&f);
	reply_with(&f, &r, "", "error", "\xff", 1);
	turn(c);
	expect_notes("-10013=(-1: the reply says that it failed) ");
	ask(c, 5000, "");
	r = fake_read_request(&f);
	reply_with(&f, &r, "fine", "error", "\0", 1);
	turn(c);
	expect_notes("0=fine ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(nobody_listens_is_told_at_once)
{
	struct umbel *c;
	struct fake f;
	struct fake_request r;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	ask(c, -1, "");
	r = read_first(&f);
	fake_send_error(&f, 37, "nobody listens", 0, false, r.reply);
	turn(c);
	expect_notes("-10012 ");
	ask(c, -1, "");
	r = fake_read_request(&f);
	fake_send_error(&f, 35, "not allowed", 0, false, r.reply);
	/* about one that is over, and never to on_error */
	fake_send_error(&f, 35, "not allowed", 0, false, r.reply);
	turn(c);
	expect_notes("-10005 ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_request_ends_when_its_time_is_over_and_a_late_reply_is_nothing)
{
	struct umbel *c;
	struct fake f;
	struct fake_request r;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	ask(c, 150, "b");
	ask(c, 20, "a");
	ask(c, -1, "never");
	r = read_first(&f);
	while (strlen(diary.text) < 12)
		await_callback(c);
	expect_notes("a-110 b-110 ");
	reply_to(&f, &r, "late");
	turn(c);
	expect_notes("");
	assert_int_equal(umbel_get_state(c), UMBEL_CONNECTED);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_reply_that_has_come_in_time_counts_however_late_it_is_read)
{
	struct umbel *c;
	struct fake f;
	struct fake_request r;
	int64_t asked;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	asked = now_ms();
	ask(c, 200, "");
	r = read_first(&f);
	reply_to(&f, &r, "1");
	while (now_ms() <= asked + 200)
		;
	ask(c, 2, "second ");
	await_callback(c);
	expect_notes("0=1 ");
	await_callback(c);
	expect_notes("second -110 ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_cancelled_request_is_called_back_once_more)
{
	uint64_t id = 0;
	struct umbel *c;
	struct fake f;
	struct fake_request r;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	ask_opts(c, -1, "", UMBEL_REQUEST_OPTIONS(.id = &id));
	r = read_first(&f);
	assert_int_equal(umbel_cancel(c, id), 0);
	assert_int_equal(umbel_cancel(c, id), -ENOENT);
	reply_to(&f, &r, "1");
	turn(c);
	expect_notes("-125 ");
	turn(c);
	expect_notes("");
	assert_int_equal(umbel_cancel(c, id + 1), -ENOENT);
	umbel_free(c);
	fake_stop(&f);
}

/* ---- several ------------------------------------------------------------------- */

TEST(a_stream_of_replies_ends_with_the_one_that_says_so)
{
	struct umbel *c;
	struct fake f;
	struct fake_request r;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	ask_opts(c, 5000, "", UMBEL_REQUEST_OPTIONS(.max_replies = UINT_MAX));
	r = read_first(&f);
	reply_more(&f, &r, "1");
	reply_more(&f, &r, "2");
	reply_to(&f, &r, "3");
	reply_to(&f, &r, "4");
	turn(c);
	expect_notes("0+=1 0+=2 0=3 ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_stream_ends_at_max_replies_and_when_the_next_takes_too_long)
{
	struct umbel *c;
	struct fake f;
	struct fake_request r;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	ask_opts(c, 5000, "", UMBEL_REQUEST_OPTIONS(.max_replies = 2));
	r = read_first(&f);
	reply_more(&f, &r, "1");
	reply_more(&f, &r, "2");
	reply_more(&f, &r, "3");
	turn(c);
	expect_notes("0+=1 0=2 ");
	ask_opts(c, 20, "", UMBEL_REQUEST_OPTIONS(.max_replies = 9));
	r = fake_read_request(&f);
	reply_more(&f, &r, "1");
	await_callback(c);
	expect_notes("0+=1 ");
	await_callback(c);
	expect_notes("-110 ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(gathered_replies_need_not_say_that_others_follow)
{
	struct umbel *c;
	struct fake f;
	struct fake_request r;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	ask_opts(c, 5000, "",
	         UMBEL_REQUEST_OPTIONS(.gather = true, .max_replies = 3));
	r = read_first(&f);
	reply_to(&f, &r, "1");
	reply_to(&f, &r, "2");
	reply_to(&f, &r, "3");
	turn(c);
	expect_notes("0+=1 0+=2 0=3 ");
	umbel_free(c);
	fake_stop(&f);
}

static void
lose_messages(struct fake *f)
{
	FAKE_SEND_BODY(f, 0x94, 7, 5, 99, 0xa3, 'w', 'h', 'y');
}

TEST(a_stream_of_replies_ends_at_once_where_messages_were_lost)
{
	struct umbel *c;
	struct fake f;
	struct fake_request one, stream;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	ask(c, 5000, "one:");
	one = read_first(&f);
	ask_opts(c, 5000,
	         "all:", UMBEL_REQUEST_OPTIONS(.max_replies = UINT_MAX));
	stream = fake_read_request(&f);
	reply_more(&f, &stream, "1");
	lose_messages(&f);
	reply_more(&f, &stream, "3");
	reply_to(&f, &one, "1");
	turn(c);
	/* the one reply that a request waits for has come, or may still come */
	expect_notes("all:0+=1 all:-10014 one:0=1 ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(gathering_goes_on_where_messages_were_lost_and_says_so_in_the_end)
{
	struct umbel *c;
	struct fake f;
	struct fake_request r;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	ask_opts(c, 20, "", UMBEL_REQUEST_OPTIONS(.gather = true));
	r = read_first(&f);
	lose_messages(&f);
	reply_to(&f, &r, "1");
	while (!strstr(diary.text, "-10014"))
		await_callback(c);
	expect_notes("0+=1 -10014 ");
	ask_opts(c, 5000, "",
	         UMBEL_REQUEST_OPTIONS(.gather = true, .max_replies = 1));
	r = fake_read_request(&f);
	lose_messages(&f);
	reply_to(&f, &r, "all there is");
	turn(c);
	expect_notes("0=all there is ");
	umbel_free(c);
	fake_stop(&f);
}

/* ---- the connection -------------------------------------------------------------- */

TEST(what_was_sent_ends_with_the_connection_and_is_not_sent_again)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.retry_first_ms = 1));
	ask(c, -1, "");
	read_first(&f);
	fake_hang_up(&f);
	await_callback(c);
	expect_notes("-104 ");
	while (umbel_get_state(c) != UMBEL_CONNECTING)
		umbel_dispatch(c, 10);
	fake_welcome(&f);
	while (umbel_get_state(c) != UMBEL_CONNECTED)
		umbel_dispatch(c, 10);
	fake_expect_silence(&f);
	expect_notes("");
	umbel_free(c);
	fake_stop(&f);
}

TEST(what_was_asked_without_a_connection_waits_for_it_in_its_place)
{
	struct umbel *c;
	struct fake f;
	struct fake_request r;

	memset(&diary, 0, sizeof(diary));
	fake_start(&f);
	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.address = f.path)), 0);
	ask_nothing(c);
	assert_int_equal(umbel_publish(c, "before", "1", 1), 0);
	ask(c, 5000, "");
	assert_int_equal(umbel_publish(c, "after", "2", 1), 0);
	assert_int_equal(umbel_connect(c, 0), 0);
	turn(c);
	fake_accept(&f);
	fake_read_type(&f, FAKE_HELLO);
	fake_send_welcome_to(&f, "$inbox.a-long-random-part.1234567");
	turn(c);
	fake_send_ok(&f, (uint8_t)fake_read_type(&f, FAKE_SUBSCRIBE));
	turn(c);
	assert_string_equal(fake_read_publish(&f), "1");
	r = fake_read_request(&f);
	assert_string_equal(r.reply, "$inbox.a-long-random-part.1234567.1");
	assert_string_equal(r.payload, "apples");
	assert_string_equal(fake_read_publish(&f), "2");
	fake_send_publish(&f, "$inbox.t.7.1", "not ours", 8);
	turn(c);
	expect_notes("");
	umbel_free(c);
	fake_stop(&f);
}

TEST(what_nobody_waits_for_any_more_is_not_sent)
{
	struct umbel_stats stats;
	uint64_t id;
	struct umbel *c;
	struct fake f;

	memset(&diary, 0, sizeof(diary));
	fake_start(&f);
	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.address = f.path)), 0);
	ask_nothing(c);
	assert_int_equal(umbel_publish(c, "a", "1", 1), 0);
	assert_int_equal(umbel_publish(c, "a", "2", 1), 0);
	ask(c, 1, "");
	await_callback(c);
	expect_notes("-110 ");
	ask_opts(c, -1, "", UMBEL_REQUEST_OPTIONS(.id = &id));
	assert_int_equal(umbel_cancel(c, id), 0);
	umbel_get_stats(c, &stats, sizeof(stats));
	assert_int_equal(stats.published, 4);
	assert_int_equal(stats.refused, 2);
	assert_int_equal(umbel_connect(c, 0), 0);
	while (umbel_get_state(c) != UMBEL_CONNECTING)
		umbel_dispatch(c, 10);
	expect_notes("-125 ");
	fake_welcome(&f);
	while (umbel_get_state(c) != UMBEL_CONNECTED)
		umbel_dispatch(c, 10);
	assert_string_equal(fake_read_publish(&f), "1");
	assert_string_equal(fake_read_publish(&f), "2");
	fake_expect_silence(&f);
	umbel_free(c);
	fake_stop(&f);
}

TEST(dead_requests_do_not_fill_the_buffer)
{
	char large[40000] = { 0 };
	struct umbel *c;
	struct fake f;

	memset(&diary, 0, sizeof(diary));
	fake_start(&f);
	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.address = f.path,
	                                             .buffer = 100000)),
	                 0);
	ask_nothing(c);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(umbel_request(c, "a", large, sizeof(large), 1,
		                               on_reply, NULL),
		                 0);
		await_callback(c);
		expect_notes("-110 ");
	}
	umbel_free(c);
	fake_stop(&f);
}

TEST(what_the_kernel_had_not_taken_goes_over_the_next_connection)
{
	enum { N = 400 };
	char large[9000];
	struct umbel *c;
	struct fake f;
	unsigned n_sent = 0;
	char *at;

	memset(large, 'x', sizeof(large));
	fake_start(&f);
	c = connected(&f,
	              UMBEL_OPTIONS(.buffer = 16u << 20, .retry_first_ms = 1));
	for (int i = 0; i < N; i++)
		assert_int_equal(umbel_request(c, "a", large, sizeof(large), -1,
		                               on_reply, NULL),
		                 0);
	fake_hang_up(&f);
	while (umbel_get_state(c) != UMBEL_CONNECTING)
		umbel_dispatch(c, 10);
	for (at = diary.text; (at = strstr(at, "-104 ")); at++)
		n_sent++;
	assert_true(n_sent > 0);
	assert_true(n_sent < N);
	fake_accept(&f);
	fake_read_type(&f, FAKE_HELLO);
	fake_send_welcome_to(&f, "$inbox.u.18");
	turn(c);
	fake_send_ok(&f, (uint8_t)fake_read_type(&f, FAKE_SUBSCRIBE));
	for (unsigned i = n_sent; i < N; i++) {
		static uint8_t body[10000];
		char reply[40];

		turn(c);
		fake_read(&f, body, sizeof(body));
		snprintf(reply, sizeof(reply), "$inbox.u.18.%x", i + 1);
		assert_memory_equal(body + 16, reply, strlen(reply));
	}
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_broker_that_wants_no_replies_is_told_so_of)
{
	struct umbel *c;
	struct fake f;

	memset(&diary, 0, sizeof(diary));
	fake_start(&f);
	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.address = f.path)), 0);
	ask_nothing(c);
	ask(c, 5000, "");
	umbel_connect(c, 0);
	turn(c);
	fake_accept(&f);
	fake_read_type(&f, FAKE_HELLO);
	/* WELCOME without an inbox */
	FAKE_SEND_BODY(&f, 0x95, 2, 1, 7, 5, 0x80);
	await_callback(c);
	expect_notes("-10010 ");
	assert_int_equal(umbel_request(c, "a", "", 0, 1, on_reply, NULL),
	                 UMBEL_E_UNSUPPORTED);
	fake_expect_silence(&f);
	umbel_free(c);
	fake_stop(&f);
}

TEST(when_the_broker_takes_no_subscription_to_the_inbox_requests_end)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	ask(c, -1, "");
	fake_send_error(&f, 36, "too many",
	                (uint8_t)fake_read_type(&f, FAKE_SUBSCRIBE), false,
	                NULL);
	turn(c);
	expect_notes("-10006 ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(replies_during_umbel_close_call_nobody)
{
	struct umbel *c;
	struct fake f;
	struct fake_request r;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	ask(c, -1, "");
	r = read_first(&f);
	reply_to(&f, &r, "1");
	umbel_close(c, 20);
	expect_notes("");
	fake_stop(&f);
}

static void
free_handle(struct umbel *c, const struct umbel_reply_info *info, void *user)
{
	(void)info;
	(void)user;
	note("freed ");
	umbel_free(c);
}

TEST(a_handle_may_be_freed_in_the_callback)
{
	struct umbel *c;
	struct fake f;
	struct fake_request r;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	ask(c, 1, "");
	assert_int_equal(umbel_request(c, "a", "", 0, -1, free_handle, NULL),
	                 0);
	ask(c, -1, "");
	read_first(&f);
	r = fake_read_request(&f);
	reply_to(&f, &r, "1");
	while (!strstr(diary.text, "freed"))
		umbel_dispatch(c, 10);
	fake_read_request(&f);
	fake_expect_end(&f);
	fake_stop(&f);
}

TEST(a_hundred_thousand_may_end_at_once_but_a_dispatch_is_bounded)
{
	enum { N = 20000 };
	struct umbel *c;
	struct fake f;
	int64_t made;
	int n = 0;

	memset(&diary, 0, sizeof(diary));
	fake_start(&f);
	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.address = f.path,
	                                             .buffer = 64u << 20)),
	                 0);
	ask_nothing(c);
	for (int i = 0; i < N; i++)
		assert_int_equal(
			umbel_request(c, "a", "", 0, 10, free_handle, NULL), 0);
	umbel_free(c);

	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.address = f.path,
	                                             .buffer = 64u << 20)),
	                 0);
	ask_nothing(c);
	for (int i = 0; i < N; i++)
		assert_int_equal(
			umbel_request(c, "a", "", 0, 10, on_reply, NULL), 0);
	made = now_ms();
	while (now_ms() < made + 12)
		continue; /* until the last of them is late, too */
	while (n < N) {
		int r = umbel_dispatch(c, 1000);

		assert_true(r > 0 && r <= 3 * 256);
		n += r;
		diary.text[0] = '\0';
		if (n < N)
			assert_true(fake_fd_is_readable(umbel_fd(c)));
	}
	umbel_free(c);
	fake_stop(&f);
}

/* ---- waiting --------------------------------------------------------------------- */

TEST(a_wait_without_a_broker_ends_in_time)
{
	struct umbel_msg *reply = (struct umbel_msg *)&diary;
	struct umbel *c;
	struct fake f;

	fake_prepare(&f);
	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.address = f.path)), 0);
	ask_nothing(c);
	assert_int_equal(umbel_request_wait(c, "a", "", 0, NULL, 10, &reply),
	                 -ETIMEDOUT);
	assert_null(reply);
	assert_non_null(strstr(umbel_last_error(c), "no reply in time"));
	assert_int_equal(umbel_request_wait(c, "a..b", "", 0, NULL, 10, &reply),
	                 UMBEL_E_TOPIC);
	umbel_free(c);
	fake_stop(&f);
}

static void
wait_inside(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct umbel_msg *reply;

	(void)user;
	assert_int_equal(umbel_request_wait(c, "a", "", 0, NULL, 10, &reply),
	                 -EDEADLK);
	assert_int_equal(umbel_reply(c, m, "", 0), -EINVAL);
	note("refused ");
}

TEST(waiting_inside_a_callback_is_refused)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_subscribe(c, "a", wait_inside, NULL, NULL, NULL);
	fake_send_ok(&f, (uint8_t)fake_read_type(&f, FAKE_SUBSCRIBE));
	fake_send_publish(&f, "a", "", 0);
	await_callback(c);
	expect_notes("refused ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(nonsense_is_refused_and_nothing_is_sent)
{
	const struct umbel_header bad = { .key = "\xff" };
	struct umbel_msg *reply;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	assert_int_equal(umbel_request(c, "a", "", 0, 0, on_reply, NULL),
	                 -EINVAL);
	assert_int_equal(umbel_request(c, "a", "", 0, 1, NULL, NULL), -EINVAL);
	assert_int_equal(umbel_request(c, NULL, "", 0, 1, on_reply, NULL),
	                 -EINVAL);
	assert_int_equal(umbel_request(c, "a", NULL, 1, 1, on_reply, NULL),
	                 -EINVAL);
	assert_int_equal(
		umbel_request_opts(c, "a", "", 0, on_reply, NULL,
	                           UMBEL_REQUEST_OPTIONS(.headers = &bad,
	                                                 .n_headers = 1)),
		-EINVAL);
	assert_int_equal(
		umbel_request_wait(c, "a", "", 0,
	                           UMBEL_REQUEST_OPTIONS(.max_replies = 2), 1,
	                           &reply),
		-EINVAL);
	fake_expect_silence(&f);
	assert_int_equal(umbel_request(c, "a*", "", 0, 1, on_reply, NULL),
	                 UMBEL_E_TOPIC);
	turn(c);
	expect_notes("");
	umbel_free(c);
	fake_stop(&f);
}

/* ---- replying ---------------------------------------------------------------------- */

static void
answer(struct umbel *c, const struct umbel_msg *m, void *user)
{
	(void)user;
	assert_string_equal(umbel_msg_reply(m), "$inbox.t.9.1");
	assert_int_equal(umbel_reply_opts(c, m, "1", 1,
	                                  UMBEL_PUB_OPTIONS(.more = true)),
	                 0);
	assert_int_equal(umbel_reply_error(c, m, 0, "no error"), -EINVAL);
	assert_int_equal(umbel_reply_error(c, m, -5, "too late"), 0);
	assert_int_equal(umbel_reply(c, m, "2", 1), 0);
}

TEST(an_answer_goes_to_the_topic_that_was_asked_for)
{
	/* clang-format off */
	static const uint8_t request[] = {
		0x97, 3, 0, 0xc4, 8, 0, 0, 0, 9, 0, 0, 0, 8, 0xa1, 'a',
		0xac, '$', 'i', 'n', 'b', 'o', 'x', '.', 't', '.', '9', '.', '1',
		0xc0, 0xc4, 0,
	};
	static const uint8_t answers[] = {
		0xce, 0, 0, 0, 37,
		0x97, 3, 0, 0xc4, 8, 0, 0, 0, 0, 0, 0, 0, 0,
		0xac, '$', 'i', 'n', 'b', 'o', 'x', '.', 't', '.', '9', '.', '1',
		0xc0, 0x81, 0xa4, 'm', 'o', 'r', 'e', 0xc3, 0xc4, 1, '1',
	};
	/* clang-format on */
	uint8_t body[100];
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_subscribe(c, "a", answer, NULL, NULL, NULL);
	fake_send_ok(&f, (uint8_t)fake_read_type(&f, FAKE_SUBSCRIBE));
	fake_send_body(&f, request, sizeof(request));
	await_callback(c);
	fake_expect(&f, answers, sizeof(answers));
	fake_read(&f, body, sizeof(body));
	assert_memory_equal(body + 27,
	                    "\x82\xac"
	                    "content-type\xa4"
	                    "text"
	                    "\xa5"
	                    "error\xfb\xc4\x08too late",
	                    37);
	assert_int_equal(fake_read(&f, body, sizeof(body)), 31);
	umbel_free(c);
	fake_stop(&f);
}

static void
cancel_two(struct umbel *c, const struct umbel_msg *m, void *user)
{
	(void)m;
	(void)user;
	for (uint64_t id = 1; id <= 2; id++)
		assert_int_equal(umbel_cancel(c, id), 0);
}

/* The sanitizer looks for what nobody frees. */
TEST(a_wait_that_was_given_up_before_its_end_is_told_goes_with_the_handle)
{
	struct umbel_msg *m;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.dispatch_max = 1));
	umbel_subscribe(c, "a", cancel_two, NULL, NULL, NULL);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_send_ok(&f, 1);
	turn(c);
	umbel_request(c, "ask", "", 0, 60000, on_reply, NULL);
	fake_send_publish(&f, "a", "x", 1);
	assert_int_equal(umbel_request_wait(c, "ask", "", 0, NULL, 0, &m),
	                 -ETIMEDOUT);
	umbel_free(c);
	fake_stop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_wait_that_was_given_up_before_its_end_is_told_goes_with_the_handle),
		cmocka_unit_test(a_reply_comes_to_the_request_it_is_for),
		cmocka_unit_test(
			one_subscription_serves_all_requests_of_a_connection),
		cmocka_unit_test(of_several_replies_only_the_first_is_wanted),
		cmocka_unit_test(an_error_reply_has_its_code_and_its_words),
		cmocka_unit_test(nobody_listens_is_told_at_once),
		cmocka_unit_test(
			a_request_ends_when_its_time_is_over_and_a_late_reply_is_nothing),
		cmocka_unit_test(
			a_reply_that_has_come_in_time_counts_however_late_it_is_read),
		cmocka_unit_test(a_cancelled_request_is_called_back_once_more),
		cmocka_unit_test(
			a_stream_of_replies_ends_with_the_one_that_says_so),
		cmocka_unit_test(
			a_stream_ends_at_max_replies_and_when_the_next_takes_too_long),
		cmocka_unit_test(
			gathered_replies_need_not_say_that_others_follow),
		cmocka_unit_test(
			a_stream_of_replies_ends_at_once_where_messages_were_lost),
		cmocka_unit_test(
			gathering_goes_on_where_messages_were_lost_and_says_so_in_the_end),
		cmocka_unit_test(
			what_was_sent_ends_with_the_connection_and_is_not_sent_again),
		cmocka_unit_test(
			what_was_asked_without_a_connection_waits_for_it_in_its_place),
		cmocka_unit_test(what_nobody_waits_for_any_more_is_not_sent),
		cmocka_unit_test(dead_requests_do_not_fill_the_buffer),
		cmocka_unit_test(
			what_the_kernel_had_not_taken_goes_over_the_next_connection),
		cmocka_unit_test(a_broker_that_wants_no_replies_is_told_so_of),
		cmocka_unit_test(
			when_the_broker_takes_no_subscription_to_the_inbox_requests_end),
		cmocka_unit_test(replies_during_umbel_close_call_nobody),
		cmocka_unit_test(a_handle_may_be_freed_in_the_callback),
		cmocka_unit_test(
			a_hundred_thousand_may_end_at_once_but_a_dispatch_is_bounded),
		cmocka_unit_test(a_wait_without_a_broker_ends_in_time),
		cmocka_unit_test(waiting_inside_a_callback_is_refused),
		cmocka_unit_test(nonsense_is_refused_and_nothing_is_sent),
		cmocka_unit_test(
			an_answer_goes_to_the_topic_that_was_asked_for),
	};

	return RUN(tests);
}
