/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "bytes.h"
#include "client.h"

/* Subscribed to, and acknowledged. */
static struct umbel_sub *
subscribe(struct umbel *c, struct fake *f, const char *filter, umbel_msg_cb *cb,
          void *user)
{
	struct umbel_sub *s;

	assert_int_equal(umbel_subscribe(c, filter, cb, user, NULL, &s), 0);
	turn(c);
	fake_send_ok(f, (uint8_t)fake_read_type(f, FAKE_SUBSCRIBE));
	turn(c);
	return s;
}

static void
note_user(struct umbel *c, const struct umbel_msg *m, void *user)
{
	(void)c;
	(void)m;
	note("%s ", (const char *)user);
}

TEST(each_matching_subscription_is_called_once_for_one_message)
{
	char one[] = "one", two[] = "two", three[] = "three";
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	subscribe(c, &f, "a.*", note_user, one);
	subscribe(c, &f, "a.**", note_user, two);
	subscribe(c, &f, "b", note_user, three);
	fake_send_publish(&f, "a.x", "1", 1);
	await_callback(c);
	assert_non_null(strstr(diary.text, "one "));
	assert_non_null(strstr(diary.text, "two "));
	assert_int_equal(strlen(diary.text), 8);
	diary.text[0] = '\0';
	fake_send_publish(&f, "b", "1", 1);
	fake_send_publish(&f, "c", "1", 1);
	fake_send_publish(&f, "b", "1", 1);
	await_callback(c);
	expect_notes("three three ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(however_the_stream_is_cut_the_messages_are_the_same)
{
	static const uint8_t stream[] = {
		0xce, 0,    0,    0,    20, /* plain */
		0x97, 3,    0,    0xc4, 8,    0,    0,    0,    9,   0,    0,
		0,    8,    0xa1, 'a',  0xc0, 0xc0, 0xc4, 1,    '1', 0xce, 0,
		0,    0,    20, /* the same topic */
		0x97, 3,    1,    0xc4, 8,    0,    0,    0,    9,   0,    0,
		0,    8,    0xa1, 'a',  0xc0, 0xc0, 0xc4, 1,    '2', 0xce, 0,
		0,    0,    3,    0x91, 0xcc, 0x90,          /* an extension */
		0xce, 0,    0,    0,    3,    0x92, 0x0a, 1, /* PING */
		0xce, 0,    0,    0,    32, /* a reply, headers, elements to come */
		0x98, 0xcc, 3,    0,    0xc4, 8,    0,    0,    0,   9,    0,
		0,    0,    8,    0xd9, 1,    'b',  0xa2, 'r',  'e', 0x81, 0xa1,
		'k',  0xa1, 'v',  0xc5, 0,    1,    '3',  0x92, 1,   2,
	};
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	subscribe(c, &f, "**", on_message, NULL);
	diary.text[0] = '\0';
	for (size_t cut = 0; cut < sizeof(stream); cut++) {
		fake_send(&f, stream, cut);
		turn(c);
		fake_send(&f, stream + cut, sizeof(stream) - cut);
		while (strlen(diary.text) < 12)
			await_callback(c);
		expect_notes("a=1 a=2 b=3 ");
	}
	for (size_t i = 0; i < sizeof(stream); i++) {
		fake_send(&f, stream + i, 1);
		turn(c);
	}
	expect_notes("a=1 a=2 b=3 ");
	assert_int_equal(umbel_get_state(c), UMBEL_CONNECTED);
	umbel_free(c);
	fake_stop(&f);
}

/* In one write, so that all of it is there at once. */
static void
send_changing(struct fake *f, unsigned n)
{
	static const char *const topics[] = { "a.1", "b.1", "a.22", "x",
		                              "b.333" };
	struct bytes all = { 0 };

	for (unsigned i = 0; i < n; i++)
		put_publish(&all, topics[i % COUNT(topics)], NULL,
		            &"0123456789"[i % 10], 1);
	fake_send(f, all.at, all.len);
	bytes_free(&all);
}

TEST(messages_on_changing_topics_come_whole_and_in_order)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	subscribe(c, &f, "a.*", on_message, NULL);
	subscribe(c, &f, "b.*", on_message, NULL);
	for (unsigned round = 0; round < 3; round++) { /* unknown, known */
		diary.text[0] = '\0';
		send_changing(&f, 7);
		await_callback(c);
		expect_notes("a.1=0 b.1=1 a.22=2 b.333=4 a.1=5 b.1=6 ");
	}
	umbel_free(c);
	fake_stop(&f);
}

static struct umbel_sub *to_end;

static void
end_the_other(struct umbel *c, const struct umbel_msg *m, void *user)
{
	(void)user;
	note("%s ", umbel_msg_topic(m));
	if (to_end)
		umbel_unsubscribe(c, to_end);
	to_end = NULL;
}

TEST(a_subscription_that_ends_among_changing_topics_gets_no_more_of_them)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	subscribe(c, &f, "a.*", end_the_other, NULL);
	to_end = NULL;
	for (unsigned round = 0; round < 3; round++) {
		struct umbel_sub *s = subscribe(c, &f, "b.*", on_message, NULL);

		send_changing(&f, 5);
		await_callback(c);
		diary.text[0] = '\0';
		to_end = s;
		send_changing(&f, 5);
		await_callback(c);
		expect_notes("a.1 a.22 ");
		fake_send_ok(&f, (uint8_t)fake_read_type(&f, FAKE_UNSUBSCRIBE));
		turn(c);
	}
	umbel_free(c);
	fake_stop(&f);
}

static void
inspect(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct umbel_sender sender = umbel_msg_sender(m);
	struct umbel_msg **kept = user;

	(void)c;
	assert_int_equal(sender.session, 9);
	assert_int_equal(sender.uid, 8);
	assert_true(umbel_msg_retain_flag(m));
	assert_string_equal(umbel_msg_reply(m), "r.1");
	*kept = umbel_msg_ref(m);
}

static void
expect_headers(const struct umbel_msg *m)
{
	struct umbel_header h;

	assert_int_equal(umbel_msg_n_headers(m), 7);
	assert_string_equal(umbel_msg_header_str(m, "t"), "text");
	assert_null(umbel_msg_header_str(m, "i"));
	assert_null(umbel_msg_header_str(m, "none"));
	assert_true(umbel_msg_header(m, "i", &h));
	assert_int_equal(h.type, UMBEL_INT);
	assert_int_equal(h.value.i, -5);
	assert_true(umbel_msg_header(m, "u", &h));
	assert_int_equal(h.type, UMBEL_UINT);
	assert_int_equal(h.value.u, 300);
	assert_true(umbel_msg_header(m, "b", &h));
	assert_true(h.type == UMBEL_BOOL && h.value.b);
	assert_true(umbel_msg_header(m, "n", &h));
	assert_int_equal(h.type, UMBEL_NIL);
	assert_true(umbel_msg_header(m, "f", &h));
	assert_true(h.type == UMBEL_FLOAT && h.value.f == 1.5);
	assert_true(umbel_msg_header_at(m, 6, &h));
	assert_string_equal(h.key, "d");
	assert_int_equal(h.type, UMBEL_BIN);
	assert_int_equal(h.value.bin.len, 2);
	assert_memory_equal(h.value.bin.data, "\1\2", 2);
	assert_true(umbel_msg_header_at(m, 0, &h));
	assert_int_equal(h.value.bin.len, 4);
	assert_false(umbel_msg_header_at(m, 7, &h));
}

TEST(a_kept_message_is_whole_when_its_connection_is_gone)
{
	static const uint8_t body[] = {
		0x97, 3,    1,    0xc4, 8,    0,    0,   0,    9,    0,    0,
		0,    8,    0xa1, 'a',  0xa3, 'r',  '.', '1',  0x87, 0xa1, 't',
		0xa4, 't',  'e',  'x',  't',  0xa1, 'i', 0xfb, 0xa1, 'u',  0xcd,
		1,    44,   0xa1, 'b',  0xc3, 0xa1, 'n', 0xc0, 0xa1, 'f',  0xcb,
		0x3f, 0xf8, 0,    0,    0,    0,    0,   0,    0xa1, 'd',  0xc4,
		2,    1,    2,    0xc4, 3,    'x',  'y', 'z',
	};
	struct umbel_msg *m, *again;
	struct umbel *c;
	struct fake f;
	size_t len;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	subscribe(c, &f, "a", inspect, &m);
	fake_send_body(&f, body, sizeof(body));
	await_callback(c);
	again = umbel_msg_ref(m);
	assert_ptr_equal(again, m);
	umbel_msg_unref(again);
	fake_send_publish(&f, "b", "overwritten", 11);
	turn(c);
	umbel_free(c);
	fake_stop(&f);

	assert_string_equal(umbel_msg_topic(m), "a");
	assert_memory_equal(umbel_msg_data(m, &len), "xyz", 3);
	assert_int_equal(len, 3);
	assert_string_equal(umbel_msg_reply(m), "r.1");
	assert_int_equal(umbel_msg_sender(m).session, 9);
	expect_headers(m);
	umbel_msg_unref(m);
	umbel_msg_unref(NULL);
}

TEST(large_messages_can_be_kept_while_others_arrive)
{
	enum { SIZE = 700000, N = 3 };
	char *data = malloc(SIZE);
	struct umbel_msg *m[N];
	struct umbel *c;
	struct fake f;
	size_t len;

	assert_non_null(data);
	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.next_buffer = 10u << 20));
	subscribe(c, &f, "a", NULL, NULL);
	for (int i = 0; i < N; i++) {
		size_t sent = 0;
		const uint8_t front[] = {
			/* clang-format off */
			0xce, 0, (SIZE + 22) >> 16, ((SIZE + 22) >> 8) & 255,
			(SIZE + 22) & 255,
			0x97, 3, 0, 0xc4, 8, 0, 0, 0, 9, 0, 0, 0, 8,
			0xa1, 'a', 0xc0, 0xc0,
			0xc6, 0, SIZE >> 16, (SIZE >> 8) & 255, SIZE & 255,
			/* clang-format on */
		};

		memset(data, 'a' + i, SIZE);
		fake_send(&f, front, sizeof(front));
		while (sent < SIZE) {
			ssize_t r = send(f.fd, data + sent, SIZE - sent,
			                 MSG_DONTWAIT);

			sent += r > 0 ? (size_t)r : 0;
			turn(c);
		}
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(umbel_next(c, &m[i], 1000), 1);
	umbel_free(c);
	fake_stop(&f);
	for (int i = 0; i < N; i++) {
		memset(data, 'a' + i, SIZE);
		/* memcmp: cmocka's own comparison is not sanitized */
		assert_int_equal(memcmp(umbel_msg_data(m[i], &len), data, SIZE),
		                 0);
		assert_int_equal(len, SIZE);
		umbel_msg_unref(m[i]);
	}
	free(data);
}

/* Of a message of `len` bytes each is this, so that any other shows. */
static int
byte_of(size_t len)
{
	return (int)(len % 251);
}

static void
check_length(struct umbel *c, const struct umbel_msg *m, void *next)
{
	const size_t **due = next;
	size_t len;
	const uint8_t *data = umbel_msg_data(m, &len);

	(void)c;
	assert_int_equal(len, **due);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(data[i], byte_of(len));
	++*due;
}

TEST(whatever_length_the_frame_before_had_the_next_one_comes_whole)
{
	static const size_t lengths[] = { 65536, 65536,  1,  65536, 20000,
		                          16384, 16385,  40, 70000, 70000,
		                          70000, 132000, 3,  65536, 33000,
		                          32,    65536 };
	const size_t *due = lengths;
	struct bytes all = { 0 };
	struct umbel *c;
	struct fake f;
	size_t sent = 0;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	subscribe(c, &f, "a", check_length, &due);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		uint8_t *data = calloc(1, lengths[i]);

		assert_non_null(data);
		memset(data, byte_of(lengths[i]), lengths[i]);
		put_publish(&all, "a", NULL, data, lengths[i]);
		free(data);
	}
	while (due < lengths + COUNT(lengths)) {
		ssize_t r =
			send(f.fd, all.at + sent, all.len - sent, MSG_DONTWAIT);

		sent += r > 0 ? (size_t)r : 0;
		turn(c);
	}
	assert_int_equal(umbel_get_state(c), UMBEL_CONNECTED);
	bytes_free(&all);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_claimed_length_costs_no_memory)
{
	struct umbel_msg *m;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.on_state = on_state));
	/* the longest body that a broker may send, and one byte more */
	fake_send(&f, "\xce\x00\x40\x10\x00", 5);
	turn(c);
	assert_int_equal(umbel_next(c, &m, 0), 0);
	fake_hang_up(&f);
	turn(c);
	assert_int_equal(umbel_get_state(c), UMBEL_DISCONNECTED);
	while (umbel_get_state(c) == UMBEL_DISCONNECTED)
		umbel_dispatch(c, 10);
	fake_welcome(&f);
	while (umbel_get_state(c) != UMBEL_CONNECTED)
		umbel_dispatch(c, 10);
	fake_send(&f, "\xce\x00\x40\x10\x01", 5);
	await_callback(c);
	assert_int_equal(diary.last.error, UMBEL_E_PROTOCOL);
	assert_non_null(strstr(umbel_last_error(c), "too long"));
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_bounded_dispatch_leaves_the_descriptor_readable)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.dispatch_max = 3));
	subscribe(c, &f, "a", on_message, NULL);
	turn(c);
	assert_false(fake_fd_is_readable(umbel_fd(c)));
	for (unsigned i = 0; i < 8; i++)
		fake_send_publish(&f, "a", "x", 1);
	assert_int_equal(umbel_dispatch(c, 0), 3);
	assert_true(fake_fd_is_readable(umbel_fd(c)));
	assert_int_equal(umbel_dispatch(c, 0), 3);
	assert_true(fake_fd_is_readable(umbel_fd(c)));
	assert_int_equal(umbel_dispatch(c, 0), 2);
	turn(c);
	assert_false(fake_fd_is_readable(umbel_fd(c)));
	umbel_free(c);
	fake_stop(&f);
}

/* In one piece: so many small ones would not fit the socket. */
static void
send_many(struct fake *f, unsigned n)
{
	static const uint8_t frame[] = { 0xce, 0,    0, 0,  20,   0x97, 3,
		                         0,    0xc4, 8, 0,  0,    0,    9,
		                         0,    0,    0, 8,  0xa1, 'a',  0xc0,
		                         0xc0, 0xc4, 1, 'x' };
	uint8_t all[400 * sizeof(frame)];

	assert_true(n <= 400);
	for (unsigned i = 0; i < n; i++)
		memcpy(all + i * sizeof(frame), frame, sizeof(frame));
	fake_send(f, all, n * sizeof(frame));
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The first one takes as long as a loop may be kept. */
static void
be_slow(struct umbel *c, const struct umbel_msg *m, void *user)
{
	bool *slow = user;
	int64_t until = now_ms() + 4;

	(void)c;
	(void)m;
	while (*slow && now_ms() < until)
		;
	*slow = false;
}

TEST(a_dispatch_takes_all_that_is_quick_and_no_more_of_what_is_slow)
{
	bool slow = false;
	struct umbel *c;
	struct fake f;
	int n = 0;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	subscribe(c, &f, "a", be_slow, &slow);
	turn(c);
	/* on a busy machine what is quick may take long, but not always */
	for (unsigned i = 0; i < 1000 && n != 400; i++) {
		send_many(&f, 400);
		for (unsigned got = 0; got < 400; got += (unsigned)n)
			n = umbel_dispatch(c, 0);
	}
	assert_int_equal(n, 400);
	send_many(&f, 400);
	slow = true;
	assert_int_equal(umbel_dispatch(c, 0), 256);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_full_queue_for_next_stops_reading_and_goes_on)
{
	struct umbel_msg *m;
	char data[500];
	struct umbel *c;
	struct fake f;
	unsigned n = 0;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.next_buffer = 2000));
	subscribe(c, &f, "a", NULL, NULL);
	for (unsigned i = 0; i < 10; i++) {
		memset(data, (int)('0' + i), sizeof(data));
		fake_send_publish(&f, "a", data, sizeof(data));
	}
	while (umbel_dispatch(c, 0) > 0)
		;
	fake_send_publish(&f, "a", data, 1);
	turn(c);
	/* it pauses, and not by a busy loop */
	while (fake_fd_is_readable(umbel_fd(c)))
		turn(c);
	assert_int_equal(umbel_get_state(c), UMBEL_CONNECTED);
	while (umbel_next(c, &m, n < 11 ? 1000 : 0) == 1) {
		size_t len;
		const char *at = umbel_msg_data(m, &len);

		assert_int_equal(at[0], n < 10 ? (int)('0' + n) : '9');
		umbel_msg_unref(m);
		n++;
		if (n == 11)
			break;
	}
	assert_int_equal(n, 11);
	umbel_free(c);
	fake_stop(&f);
}

TEST(next_takes_a_message_once_and_in_order)
{
	struct umbel_msg *m;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	subscribe(c, &f, "a", NULL, NULL);
	subscribe(c, &f, "**", NULL, NULL);
	fake_send_publish(&f, "a", "1", 1);
	fake_send_publish(&f, "b", "2", 1);
	assert_int_equal(umbel_next(c, &m, 1000), 1);
	assert_string_equal(umbel_msg_topic(m), "a");
	umbel_msg_unref(m);
	assert_int_equal(umbel_next(c, &m, 0), 1);
	assert_string_equal(umbel_msg_topic(m), "b");
	umbel_msg_unref(m);
	assert_int_equal(umbel_next(c, &m, 0), 0);
	fake_send_publish(&f, "a", "left behind", 11);
	turn(c);
	umbel_free(c);
	fake_stop(&f);
}

static struct umbel_sub *subs[2];

static void
on_end(struct umbel *c, struct umbel_sub *s, int error, void *user)
{
	(void)c;
	note("end:%s:%d ", umbel_sub_filter(s), error);
	if (user)
		assert_int_equal(umbel_unsubscribe(c, s), 0);
}

static void
end_both(struct umbel *c, const struct umbel_msg *m, void *user)
{
	(void)m;
	(void)user;
	note("called ");
	umbel_unsubscribe(c, subs[0]);
	umbel_unsubscribe(c, subs[1]);
	umbel_unsubscribe(c, subs[1]);
}

TEST(a_callback_may_end_its_own_subscription_and_others)
{
	const struct umbel_sub_options *o = UMBEL_SUB_OPTIONS(.on_end = on_end);
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_subscribe(c, "a", end_both, NULL, o, &subs[0]);
	umbel_subscribe(c, "*", end_both, NULL, o, &subs[1]);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_send_ok(&f, 1);
	fake_send_ok(&f, 2);
	fake_send_publish(&f, "a", "1", 1);
	fake_send_publish(&f, "a", "2", 1);
	await_callback(c);
	expect_notes("called ");
	assert_int_equal(fake_read_type(&f, FAKE_UNSUBSCRIBE), 3);
	assert_int_equal(fake_read_type(&f, FAKE_UNSUBSCRIBE), 4);
	fake_send_ok(&f, 3);
	fake_send_error(&f, 34, "no such subscription", 4, false, NULL);
	await_callback(c);
	expect_notes("end:a:0 end:*:0 ");
	assert_int_equal(umbel_get_state(c), UMBEL_CONNECTED);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_refused_subscription_ends_with_the_words_of_the_broker)
{
	const struct umbel_sub_options *o = UMBEL_SUB_OPTIONS(.on_end = on_end);
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.on_state = on_state));
	umbel_subscribe(c, "secret.**", on_message, &f, o, NULL);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_send_error(&f, 35, "not for you", 1, false, NULL);
	await_callback(c);
	expect_notes("end:secret.**:-10005 ");
	assert_string_equal(umbel_last_error(c),
	                    "subscribe to secret.**: not for you");
	/* and it is not asked for again */
	fake_hang_up(&f);
	while (umbel_get_state(c) != UMBEL_CONNECTING)
		umbel_dispatch(c, 10);
	fake_accept(&f);
	fake_read_type(&f, FAKE_HELLO);
	fake_expect_silence(&f);
	umbel_free(c);
	fake_stop(&f);
}

TEST(filters_are_checked_and_a_subscription_may_end_before_any_connection)
{
	const struct umbel_sub_options *o = UMBEL_SUB_OPTIONS(.on_end = on_end);
	struct umbel_sub *s;
	struct umbel *c;

	memset(&diary, 0, sizeof(diary));
	umbel_new(&c, UMBEL_OPTIONS(.address = "/nowhere"));
	assert_int_equal(umbel_subscribe(c, "a.**.b", on_message, NULL, o, &s),
	                 UMBEL_E_FILTER);
	assert_non_null(strstr(umbel_last_error(c), "a.**.b"));
	assert_int_equal(umbel_subscribe(c, NULL, on_message, NULL, o, &s),
	                 -EINVAL);
	assert_int_equal(umbel_subscribe(c, "a", on_message, NULL, o, &s), 0);
	assert_string_equal(umbel_sub_filter(s), "a");
	umbel_unsubscribe(c, s);
	assert_true(fake_fd_is_readable(umbel_fd(c)));
	await_callback(c);
	expect_notes("end:a:0 ");
	assert_int_equal(umbel_unsubscribe(c, NULL), -EINVAL);
	umbel_free(c);
}

static void
on_hold(struct umbel *c, const struct umbel_hold_info *info, void *user)
{
	(void)c;
	(void)user;
	note("%s:%u:%s:%s ", info->held ? "held" : "free",
	     (unsigned)info->session, info->name, info->topic);
}

static void
on_loss(struct umbel *c, const struct umbel_loss_info *info, void *user)
{
	(void)c;
	(void)user;
	note("lost:%u:%u:%s ", (unsigned)info->messages, (unsigned)info->bytes,
	     info->reason);
}

TEST(holds_and_losses_are_told)
{
	struct umbel_stats stats;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f,
	              UMBEL_OPTIONS(.on_hold = on_hold, .on_loss = on_loss));
	FAKE_SEND_BODY(&f, 0x95, 13, 0xc3, 3, 0xa2, 'm', 'e', 0xa1, 'a');
	FAKE_SEND_BODY(&f, 0x95, 13, 0xc2, 3, 0xa2, 'm', 'e', 0xa1, 'a');
	FAKE_SEND_BODY(&f, 0x94, 7, 5, 99, 0xa3, 'w', 'h', 'y');
	await_callback(c);
	expect_notes("held:3:me:a free:3:me:a lost:5:99:why ");
	umbel_get_stats(c, &stats, sizeof(stats));
	assert_int_equal(stats.lost, 5);
	umbel_free(c);
	fake_stop(&f);
}

TEST(malformed_messages_end_the_connection_and_nothing_else)
{
	static const struct {
		const char *body;
		size_t n;
	} bad[] = {
#define BODY(s) { s, sizeof(s) - 1 }
		BODY("\x97\3\0\xc4\x08zzzzzzzz\xa1*\xc0\xc0\xc4\0"),
		BODY("\x97\3\0\xc4\x08zzzzzzzz\xa3"
		     "a.\xff\xc0\xc0\xc4\0"),
		BODY("\x97\3\0\xc4\x07zzzzzzz\xa1"
		     "a\xc0\xc0\xc4\0"),
		BODY("\x97\3\0\xc4\x08zzzzzzzz\xa1"
		     "a\xc0\xc0\xc4\1"),
		BODY("\x97\3\0\xc4\x08zzzzzzzz\xa1"
		     "a\xc0\xdf\xff\xff\xff\xff\xc4\0"),
		BODY("\x97\3\0\xc4\x08zzzzzzzz\xa1"
		     "a\xc0\x81\1\1\xc4\0"),
		BODY("\x97\3\0\xc4\x08zzzzzzzz\xa1"
		     "a\xa1 \xc0\xc4\0"),
		BODY("\x97\3\0\xc4\x08zzzzzzzz\xdb\xff\xff\xff\xff"),
		BODY("\x97\3\0"),
		BODY("\x92\x08\x63"),
		BODY("\x92\x08\xa1x"),
		BODY("\x92\4\1"),
		BODY("\x92\x50\1"),
		BODY("\x94\6\1\1\1"),
		BODY("\x95\2\1\1\1\x80"),
		BODY("\x92\x0a\xd9"),
		BODY("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91"),
	};
	struct umbel *c;
	struct fake f;

	for (unsigned i = 0; i < COUNT(bad); i++) {
		fake_start(&f);
		c = connected(&f, UMBEL_OPTIONS(.on_state = on_state));
		subscribe(c, &f, "**", on_message, NULL);
		subscribe(c, &f, "a", NULL, NULL);
		diary.text[0] = '\0';
		fake_send_body(&f, bad[i].body, bad[i].n);
		fake_send_publish(&f, "a", "not read", 8);
		await_callback(c);
		expect_notes("disconnected ");
		assert_int_equal(diary.last.error, UMBEL_E_PROTOCOL);
		umbel_free(c);
		fake_stop(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			each_matching_subscription_is_called_once_for_one_message),
		cmocka_unit_test(
			however_the_stream_is_cut_the_messages_are_the_same),
		cmocka_unit_test(
			messages_on_changing_topics_come_whole_and_in_order),
		cmocka_unit_test(
			a_subscription_that_ends_among_changing_topics_gets_no_more_of_them),
		cmocka_unit_test(
			a_kept_message_is_whole_when_its_connection_is_gone),
		cmocka_unit_test(
			large_messages_can_be_kept_while_others_arrive),
		cmocka_unit_test(
			whatever_length_the_frame_before_had_the_next_one_comes_whole),
		cmocka_unit_test(a_claimed_length_costs_no_memory),
		cmocka_unit_test(
			a_bounded_dispatch_leaves_the_descriptor_readable),
		cmocka_unit_test(
			a_dispatch_takes_all_that_is_quick_and_no_more_of_what_is_slow),
		cmocka_unit_test(
			a_full_queue_for_next_stops_reading_and_goes_on),
		cmocka_unit_test(next_takes_a_message_once_and_in_order),
		cmocka_unit_test(
			a_callback_may_end_its_own_subscription_and_others),
		cmocka_unit_test(
			a_refused_subscription_ends_with_the_words_of_the_broker),
		cmocka_unit_test(
			filters_are_checked_and_a_subscription_may_end_before_any_connection),
		cmocka_unit_test(holds_and_losses_are_told),
		cmocka_unit_test(
			malformed_messages_end_the_connection_and_nothing_else),
	};

	return RUN(tests);
}
