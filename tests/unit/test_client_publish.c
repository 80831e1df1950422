/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "client/conn.h"

static void
on_writable(struct umbel *c, void *user)
{
	(void)c;
	(void)user;
	note("writable ");
}

static void
on_error(struct umbel *c, const struct umbel_error_info *info, void *user)
{
	(void)c;
	(void)user;
	note("error:%d:%u:%s:%s ", info->error, info->code, info->text,
	     info->about);
}

/* More than the kernel holds, so that it takes a part of it. */
#define LARGE (3u << 20)

static char large[LARGE];

/* Read a large PUBLISH on "a", written out here; all its bytes must be `byte`. */
static void
expect_large(struct fake *f, size_t len, char byte)
{
	const uint8_t front[] = {
		0xce,
		(uint8_t)((len + 22) >> 24),
		(uint8_t)((len + 22) >> 16),
		(uint8_t)((len + 22) >> 8),
		(uint8_t)(len + 22),
		0x97,
		3,
		0,
		0xc4,
		8,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0xa1,
		'a',
		0xc0,
		0xc0,
		0xc6,
		(uint8_t)(len >> 24),
		(uint8_t)(len >> 16),
		(uint8_t)(len >> 8),
		(uint8_t)len,
	};
	char *expected = malloc(len);

	assert_non_null(expected);
	memset(expected, byte, len);
	fake_expect(f, front, sizeof(front));
	fake_expect(f, expected, len);
	free(expected);
}

/* Read some of what waits, without asking for more. */
static void
swallow(struct fake *f, size_t n)
{
	char buf[4096];

	while (n > 0) {
		ssize_t r = read(f->fd, buf, n < sizeof(buf) ? n : sizeof(buf));

		assert_true(r > 0);
		n -= (size_t)r;
	}
}

/* Read `len` large bytes while the handle goes on writing. */
static void
expect_large_with(struct umbel *c, struct fake *f, size_t len, char byte)
{
	size_t total = len + 27, at = 0;
	char *got = malloc(total);

	assert_non_null(got);
	while (at < total) {
		ssize_t r = recv(f->fd, got + at, total - at, MSG_DONTWAIT);

		if (r > 0)
			at += (size_t)r;
		else
			assert_int_equal(errno, EAGAIN);
		turn(c);
	}
	assert_int_equal((uint8_t)got[0], 0xce);
	for (at = 27; at < total; at++)
		assert_int_equal(got[at], byte);
	free(got);
}

TEST(a_plain_message_is_these_bytes)
{
	static const uint8_t expected[] = {
		0xce,
		0,
		0,
		0,
		27,
		0x97,
		3,
		0,
		0xc4,
		8,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0xa6,
		'd',
		'o',
		'o',
		'r',
		'.',
		'a',
		0xc0,
		0xc0,
		0xc4,
		3,
		'h',
		'e',
		'y',
		/* the same topic again, nothing in it */
		0xce,
		0,
		0,
		0,
		24,
		0x97,
		3,
		0,
		0xc4,
		8,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0xa6,
		'd',
		'o',
		'o',
		'r',
		'.',
		'a',
		0xc0,
		0xc0,
		0xc4,
		0,
	};
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	assert_int_equal(umbel_publish(c, "door.a", "hey", 3), 0);
	assert_int_equal(umbel_publish(c, "door.a", NULL, 0), 0);
	fake_expect(&f, expected, sizeof(expected));
	fake_expect_silence(&f);
	umbel_free(c);
	fake_stop(&f);
}

/* A plain message with a short topic and a short payload. */
static void
expect_plain(struct fake *f, const char *topic, const char *data)
{
	static const uint8_t front[] = { 0x97, 3, 0, 0xc4, 8, 0, 0,
		                         0,    0, 0, 0,    0, 0 };
	uint8_t topic_len = (uint8_t)strlen(topic);
	uint8_t len = (uint8_t)strlen(data);
	const uint8_t prefix[] = { 0xce, 0, 0, 0,
		                   (uint8_t)(18 + topic_len + len) };
	const uint8_t text = (uint8_t)(0xa0 | topic_len);
	const uint8_t behind[] = { 0xc0, 0xc0, 0xc4, len };

	fake_expect(f, prefix, sizeof(prefix));
	fake_expect(f, front, sizeof(front));
	fake_expect(f, &text, 1);
	fake_expect(f, topic, topic_len);
	fake_expect(f, behind, sizeof(behind));
	fake_expect(f, data, len);
}

static void
take_turns(bool corked)
{
	static const struct {
		const char *topic, *data;
	} sent[] = {
		{ "a.1", "x" },   { "a.2", "x" },      { "b.3", "long" },
		{ "b.3.c", "y" }, { "d.4.e", "long" }, { "a.1", "x" },
		{ "a.2", "" },    { "a.1", "" },
	};
	const size_t n = sizeof(sent) / sizeof(sent[0]);
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	if (corked)
		umbel_cork(c);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(umbel_publish(c, sent[i].topic, sent[i].data,
		                               strlen(sent[i].data)),
		                 0);
	assert_int_equal(umbel_publish(c, "a.*", "", 0), UMBEL_E_TOPIC);
	assert_int_equal(umbel_publish(c, "a.1", "z", 1), 0);
	if (corked)
		umbel_uncork(c);
	for (size_t i = 0; i < n; i++)
		expect_plain(&f, sent[i].topic, sent[i].data);
	expect_plain(&f, "a.1", "z");
	fake_expect_silence(&f);
	umbel_free(c);
	fake_stop(&f);
}

TEST(topics_take_turns_and_so_do_lengths)
{
	take_turns(false);
	take_turns(true);
}

TEST(longer_topics_and_payloads_have_longer_heads)
{
	uint8_t expected[5 + 13 + 2 + 40 + 2 + 3] = {
		0xce,
		0,
		0,
		(60 + 300) >> 8,
		(60 + 300) & 255,
		0x97,
		3,
		0,
		0xc4,
		8,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0xd9,
		40,
	};
	char topic[41] = { 0 };
	char data[300] = { 0 };
	struct umbel *c;
	struct fake f;

	memset(topic, 't', 40);
	memset(expected + 20, 't', 40);
	memcpy(expected + 60, "\xc0\xc0\xc5\x01\x2c", 5);
	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_publish(c, topic, data, sizeof(data));
	fake_expect(&f, expected, sizeof(expected));
	fake_expect(&f, data, sizeof(data));
	umbel_free(c);
	fake_stop(&f);
}

TEST(options_are_these_bytes)
{
	static const uint8_t expected[] = {
		0xce, 0,    0,    0,    92,   0x97, 3,    1,    0xc4, 8,
		0,    0,    0,    0,    0,    0,    0,    0,    0xa1, 'a',
		0xa3, 'r',  '.',  'x',  0x8a, 0xac, 'c',  'o',  'n',  't',
		'e',  'n',  't',  '-',  't',  'y',  'p',  'e',  0xa4, 'j',
		's',  'o',  'n',  0xa1, 'n',  0xc0, 0xa1, 'b',  0xc3, 0xa1,
		'i',  0xd1, 0xfe, 0xd4, 0xa1, 'u',  0xcf, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xa1, 'f',  0xcb, 0x3f, 0xf8,
		0,    0,    0,    0,    0,    0,    0xa1, 's',  0xa2, 0xc3,
		0xa9, 0xa1, 'd',  0xc4, 2,    0,    1,    0xa1, 'm',  0xe0,
		0xa1, 'k',  0xd0, 0xdf, 0xc4, 1,    'x',
	};
	const struct umbel_header headers[] = {
		{ .key = "n", .type = UMBEL_NIL },
		{ .key = "b", .type = UMBEL_BOOL, .value.b = true },
		{ .key = "i", .type = UMBEL_INT, .value.i = -300 },
		{ .key = "u", .type = UMBEL_UINT, .value.u = UINT64_MAX },
		{ .key = "f", .type = UMBEL_FLOAT, .value.f = 1.5 },
		{ .key = "s", .type = UMBEL_STR, .value.str = "\xc3\xa9" },
		{ .key = "d", .type = UMBEL_BIN, .value.bin = { "\0\1", 2 } },
		{ .key = "m", .type = UMBEL_INT, .value.i = -32 },
		{ .key = "k", .type = UMBEL_INT, .value.i = -33 },
	};
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	assert_int_equal(
		umbel_publish_opts(
			c, "a", "x", 1,
			UMBEL_PUB_OPTIONS(.reply = "r.x", .retain = true,
	                                  .content_type = "json",
	                                  .headers = headers, .n_headers = 9)),
		0);
	fake_expect(&f, expected, sizeof(expected));
	umbel_free(c);
	fake_stop(&f);
}

TEST(what_no_broker_would_take_is_refused_at_once)
{
	const struct umbel_header bad[] = {
		{ .key = NULL, .type = UMBEL_NIL },
		{ .key = "\xff", .type = UMBEL_NIL },
		{ .key = "k", .type = UMBEL_STR, .value.str = "\xff" },
		{ .key = "k", .type = UMBEL_STR, .value.str = NULL },
		{ .key = "k", .type = UMBEL_BIN, .value.bin = { NULL, 1 } },
		{ .key = "k", .type = (enum umbel_type)99 },
	};
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	assert_int_equal(umbel_publish(c, "", "x", 1), UMBEL_E_TOPIC);
	assert_int_equal(umbel_publish(c, "a..b", "x", 1), UMBEL_E_TOPIC);
	assert_int_equal(umbel_publish(c, "a.*", "x", 1), UMBEL_E_TOPIC);
	assert_non_null(strstr(umbel_last_error(c), "\"a.*\""));
	assert_int_equal(umbel_publish(c, NULL, "x", 1), -EINVAL);
	assert_int_equal(umbel_publish(c, "a", NULL, 1), -EINVAL);
	assert_int_equal(umbel_publish_opts(c, "a", "x", 1,
	                                    UMBEL_PUB_OPTIONS(.reply = "b ")),
	                 UMBEL_E_TOPIC);
	for (unsigned i = 0; i < COUNT(bad); i++)
		assert_int_equal(
			umbel_publish_opts(c, "a", "x", 1,
		                           UMBEL_PUB_OPTIONS(.headers = &bad[i],
		                                             .n_headers = 1)),
			-EINVAL);
	fake_expect_silence(&f);
	/* and the one before is not forgotten for it */
	umbel_publish(c, "a", "1", 1);
	umbel_publish(c, "b..", "x", 1);
	umbel_publish(c, "a", "2", 1);
	assert_string_equal(fake_read_publish(&f), "1");
	assert_string_equal(fake_read_publish(&f), "2");
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_header_that_a_shorthand_has_said_is_refused)
{
	struct umbel_header h = { .key = "content-type",
		                  .type = UMBEL_STR,
		                  .value.str = "json" };
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	assert_int_equal(
		umbel_publish_opts(c, "a", "x", 1,
	                           UMBEL_PUB_OPTIONS(.headers = &h,
	                                             .n_headers = 1,
	                                             .content_type = "text")),
		-EINVAL);
	assert_int_equal(umbel_publish_opts(c, "a", "x", 1,
	                                    UMBEL_PUB_OPTIONS(.headers = &h,
	                                                      .n_headers = 1,
	                                                      .more = true)),
	                 0);
	h.key = "more";
	assert_int_equal(umbel_publish_opts(c, "a", "x", 1,
	                                    UMBEL_PUB_OPTIONS(.headers = &h,
	                                                      .n_headers = 1,
	                                                      .more = true)),
	                 -EINVAL);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_first_message_without_topic_and_data_repeats_nothing)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	assert_int_equal(umbel_publish(c, "", NULL, 0), UMBEL_E_TOPIC);
	umbel_cork(c); /* there is a buffer, and a brink */
	assert_int_equal(umbel_publish_opts(c, "a", "x", 1,
	                                    UMBEL_PUB_OPTIONS(.retain = true)),
	                 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(umbel_publish(c, "", NULL, 0), UMBEL_E_TOPIC);
	assert_int_equal(umbel_publish(c, "b", NULL, 0), 0);
	umbel_uncork(c);
	assert_string_equal(fake_read_publish(&f), "x");
	assert_string_equal(fake_read_publish(&f), "");
	fake_expect_silence(&f);
	umbel_free(c);
	fake_stop(&f);
}

TEST(the_longest_frame_goes_and_a_byte_more_does_not)
{
	struct umbel *c;
	struct fake f;
	char *data = calloc(1, 5u << 20);
	size_t most = (4u << 20) - 22;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	assert_int_equal(umbel_max_frame(c), 4u << 20);
	assert_int_equal(umbel_publish(c, "a", data, most + 1), -EMSGSIZE);
	assert_int_equal(umbel_publish(c, "a", data, 5u << 20), -EMSGSIZE);
	assert_int_equal(umbel_publish(c, "a", data, most), 0);
	expect_large_with(c, &f, most, 0);
	umbel_free(c);
	fake_stop(&f);
	free(data);
}

TEST(corked_messages_wait_for_company)
{
	struct umbel_stats stats;
	struct umbel *c;
	struct fake f;
	char data[1003] = { 0 }; /* 255 frames fit into a batch just so */

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_cork(c);
	umbel_cork(c);
	umbel_publish(c, "a", "1", 1);
	fake_expect_silence(&f);
	assert_int_equal(umbel_uncork(c), 0);
	fake_expect_silence(&f);
	umbel_publish(c, "a", "2", 1);
	assert_int_equal(umbel_uncork(c), 0);
	assert_string_equal(fake_read_publish(&f), "1");
	assert_string_equal(fake_read_publish(&f), "2");
	assert_int_equal(umbel_uncork(c), -EINVAL);

	umbel_cork(c);
	for (unsigned i = 0; i < 255; i++)
		umbel_publish(c, "a", data, sizeof(data));
	fake_expect_silence(&f);
	for (unsigned i = 0; i < 3; i++)
		umbel_publish(c, "a", data, sizeof(data));
	umbel_get_stats(c, &stats, sizeof(stats));
	assert_int_equal(stats.buffered, 2 * 1028);
	umbel_uncork(c);
	for (unsigned i = 0; i < 258; i++)
		fake_read_publish(&f);
	fake_expect_silence(&f);

	/* it may be a longer topic that makes it enough */
	umbel_cork(c);
	for (unsigned i = 0; i < 254; i++)
		umbel_publish(c, i % 2 ? "a" : "b", data, sizeof(data));
	fake_expect_silence(&f);
	umbel_publish(c, "a.longer.topic", data, sizeof(data));
	umbel_get_stats(c, &stats, sizeof(stats));
	assert_int_equal(stats.buffered, 0);
	umbel_uncork(c);
	for (unsigned i = 0; i < 255; i++)
		fake_read_publish(&f);
	fake_expect_silence(&f);
	umbel_free(c);
	fake_stop(&f);
}

/* What makes the next message one that does not merely repeat the last. */
static void
come_between(struct umbel *c, unsigned what)
{
	switch (what) {
	case 0:
		umbel_publish(c, "ab", "x", 1);
		break;
	case 1:
		umbel_publish(c, "a", "long", 4);
		break;
	case 2:
		umbel_publish_opts(c, "a", "x", 1,
		                   UMBEL_PUB_OPTIONS(.retain = true));
		break;
	case 3:
		umbel_uncork(c);
		umbel_publish(c, "a", "x", 1);
		umbel_cork(c);
		break;
	case 4:
		assert_int_equal(umbel_publish(c, "a ", "x", 1), UMBEL_E_TOPIC);
		umbel_publish(c, "a", "x", 1);
		break;
	case 5:
		umbel_publish(c, "a", large, 128u << 10);
		break;
	default:
		umbel_publish(c, "", "x", 1);
		umbel_publish(c, "a", "x", 1);
	}
}

TEST(whatever_comes_between_messages_that_repeat_they_stay_in_order)
{
	static const char *const between[] = { "x", "long", "x", "x",
		                               "x", large,  "x" };
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_cork(c);
	for (unsigned what = 0; what < 7; what++) {
		umbel_publish(c, "a", "1", 1);
		umbel_publish(c, "a", "2", 1);
		come_between(c, what);
		umbel_publish(c, "a", "3", 1);
		umbel_publish(c, "a", "4", 1);
		umbel_uncork(c);
		umbel_cork(c);
		assert_string_equal(fake_read_publish(&f), "1");
		assert_string_equal(fake_read_publish(&f), "2");
		if (what == 5)
			expect_large(&f, 128u << 10, 0);
		else
			assert_string_equal(fake_read_publish(&f),
			                    between[what]);
		assert_string_equal(fake_read_publish(&f), "3");
		assert_string_equal(fake_read_publish(&f), "4");
	}
	umbel_publish(c, "a", "5", 1);
	fake_expect_silence(&f);
	umbel_uncork(c);
	umbel_publish(c, "a", "6", 1);
	assert_string_equal(fake_read_publish(&f), "5");
	assert_string_equal(fake_read_publish(&f), "6");
	fake_expect_silence(&f);
	umbel_free(c);
	fake_stop(&f);
}

static void
publish_two(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct fake *f = user;

	(void)m;
	umbel_publish(c, "a", "1", 1);
	umbel_publish(c, "a", "2", 1);
	fake_expect_silence(f);
}

TEST(what_callbacks_publish_goes_out_at_the_end_of_the_dispatch)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_subscribe(c, "q", publish_two, &f, NULL, NULL);
	assert_int_equal(fake_read_type(&f, FAKE_SUBSCRIBE), 1);
	fake_send_ok(&f, 1);
	fake_send_publish(&f, "q", "?", 1);
	await_callback(c);
	assert_string_equal(fake_read_publish(&f), "1");
	assert_string_equal(fake_read_publish(&f), "2");
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_full_buffer_says_so_and_tells_when_there_is_room)
{
	unsigned taken = 0, next = 0;
	char text[16];
	struct umbel *c;
	struct fake f;
	int r;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.buffer = 20000,
	                                .on_writable = on_writable));
	do {
		snprintf(text, sizeof(text), "%u", taken);
		r = umbel_publish(c, "a", text, strlen(text));
		taken += r == 0;
	} while (r == 0);
	assert_int_equal(r, -EAGAIN);
	turn(c);
	expect_notes("");
	assert_false(fake_fd_is_readable(umbel_fd(c)));
	for (; next < taken; next++) {
		if (next % 500 == 0)
			turn(c);
		snprintf(text, sizeof(text), "%u", next);
		assert_string_equal(fake_read_publish(&f), text);
	}
	expect_notes("writable ");
	assert_int_equal(umbel_publish(c, "a", "x", 1), 0);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_dispatch_that_waits_ends_when_there_is_room)
{
	struct umbel *c;
	struct fake f;
	unsigned n = 0;
	int r;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.buffer = 1000));
	while ((r = umbel_publish(c, "a", large, 900)) == 0)
		n++;
	assert_int_equal(r, -EAGAIN);
	swallow(&f, (n - 2) * 900);
	assert_int_equal(umbel_dispatch(c, 5000), 1);
	assert_int_equal(umbel_publish(c, "a", large, 900), 0);
	assert_int_equal(umbel_dispatch(c, 0), 0);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_message_larger_than_the_buffer_is_taken_when_the_buffer_is_empty)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	memset(large, 'x', sizeof(large));
	c = connected(&f, UMBEL_OPTIONS(.buffer = 1000));
	assert_int_equal(umbel_publish(c, "a", large, LARGE), 0);
	assert_int_equal(umbel_publish(c, "a", "x", 1), -EAGAIN);
	assert_int_equal(umbel_publish_wait(c, "a", "x", 1, NULL, 10),
	                 -ETIMEDOUT);
	expect_large_with(c, &f, LARGE, 'x');
	assert_int_equal(umbel_publish(c, "a", "x", 1), 0);
	assert_string_equal(fake_read_publish(&f), "x");
	umbel_free(c);
	fake_stop(&f);
}

static void
on_hold(struct umbel *c, const struct umbel_hold_info *info, void *user)
{
	(void)c;
	(void)user;
	note("held by %s ", info->name);
}

TEST(who_never_has_to_wait_hears_what_the_broker_says)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.on_hold = on_hold));
	/* what a callback is for, and behind it what must not wait for that */
	FAKE_SEND_BODY(&f, 0x95, 13, 0xc3, 9, 0xa1, 'n', 0xa1, 't');
	fake_send_goaway(&f, 0);
	for (int n = 0; n < 100000 && diary.text[0] == '\0'; n++) {
		assert_int_equal(umbel_publish_wait(c, "a", "x", 1, NULL, 5000),
		                 0);
		assert_string_equal(fake_read_publish(&f), "x");
	}
	expect_notes("held by n ");
	fake_read_type(&f, FAKE_PING); /* the answer to GOAWAY */
	umbel_free(c);
	fake_stop(&f);
}

/* From a connection that broke to the next one. */
static void
reconnect(struct umbel *c, struct fake *f)
{
	fake_hang_up(f);
	while (umbel_get_state(c) != UMBEL_CONNECTING)
		umbel_dispatch(c, 10);
	fake_welcome(f);
	while (umbel_get_state(c) != UMBEL_CONNECTED)
		umbel_dispatch(c, 10);
}

TEST(a_half_written_message_is_sent_again_whole_and_a_whole_one_never)
{
	struct umbel_stats stats;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	memset(large, 'y', sizeof(large));
	c = connected(&f,
	              UMBEL_OPTIONS(.on_state = on_state, .buffer = 4u << 20));
	umbel_publish(c, "a", "taken whole", 11);
	assert_int_equal(umbel_publish(c, "a", large, LARGE), 0);
	assert_int_equal(umbel_publish(c, "a", "behind it", 9), 0);
	swallow(&f, 10000);
	reconnect(c, &f);
	assert_int_equal(diary.last.unconfirmed, 1);
	assert_int_equal(diary.last.reconnects, 1);
	expect_large_with(c, &f, LARGE, 'y');
	assert_string_equal(fake_read_publish(&f), "behind it");
	umbel_get_stats(c, &stats, sizeof(stats));
	assert_int_equal(stats.published, 3);
	assert_int_equal(stats.unconfirmed, 3); /* 1 for ever, 2 so far */
	assert_int_equal(stats.buffered, 0);
	umbel_free(c);
	fake_stop(&f);
}

TEST(the_message_in_hand_that_was_at_fault_is_not_sent_again)
{
	struct umbel_stats stats;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f,
	              UMBEL_OPTIONS(.on_state = on_state, .buffer = 4u << 20));
	assert_int_equal(umbel_publish(c, "a", large, LARGE), 0);
	assert_int_equal(umbel_publish(c, "a", "innocent", 8), 0);
	fake_send_error(&f, 2, "frame too big", 0, true, "a");
	while (umbel_get_state(c) != UMBEL_DISCONNECTED)
		umbel_dispatch(c, 10);
	assert_int_equal(diary.last.error, UMBEL_E_REFUSED);
	assert_non_null(strstr(umbel_last_error(c), "frame too big"));
	reconnect(c, &f);
	assert_string_equal(fake_read_publish(&f), "innocent");
	umbel_get_stats(c, &stats, sizeof(stats));
	assert_int_equal(stats.refused, 1);
	umbel_free(c);
	fake_stop(&f);
}

TEST(what_the_next_broker_finds_too_long_is_reported)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	memset(&diary, 0, sizeof(diary));
	umbel_new(&c, UMBEL_OPTIONS(.address = f.path, .on_error = on_error));
	ask_nothing(c);
	umbel_publish(c, "a", large, 1000);
	umbel_publish(c, "a", "short", 5);
	umbel_connect(c, 0);
	turn(c);
	fake_accept(&f);
	fake_read_type(&f, FAKE_HELLO);
	FAKE_SEND_BODY(&f, 0x95, 2, 1, 7, 5, 0x81, 0xa9, 'm', 'a', 'x', '_',
	               'f', 'r', 'a', 'm', 'e', 0xcd, 0x02, 0x00);
	await_callback(c);
	assert_non_null(strstr(diary.text, "1 waiting messages"));
	assert_string_equal(fake_read_publish(&f), "short");
	assert_int_equal(umbel_publish(c, "a", large, 1000), -EMSGSIZE);
	/* nor does a longer topic make it any shorter, in bulk either */
	umbel_cork(c);
	assert_int_equal(umbel_publish(c, "a", large, 492), 0);
	assert_int_equal(umbel_publish(c, "b", large, 492), 0);
	assert_int_equal(umbel_publish(c, "ab", large, 492), -EMSGSIZE);
	umbel_uncork(c);
	fake_read_publish(&f);
	fake_read_publish(&f);
	fake_expect_silence(&f);
	umbel_free(c);
	fake_stop(&f);
}

TEST(refusals_of_the_broker_come_as_errors_with_its_words)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.on_error = on_error));
	umbel_publish(c, "$sys.x", "1", 1);
	fake_send_error(&f, 35, "not\nyours", 0, false, "$sys.x");
	await_callback(c);
	expect_notes("error:-10005:35:not?yours:$sys.x ");
	fake_send_error(&f, 99, "", 0, false, NULL);
	await_callback(c);
	expect_notes("error:-10009:99:: ");
	assert_int_equal(umbel_get_state(c), UMBEL_CONNECTED);
	umbel_free(c);
	fake_stop(&f);
}

TEST(the_broker_is_heard_to_its_last_word_when_it_takes_nothing_more)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.on_state = on_state));
	fake_send_error(&f, 10, "too slow", 0, true, NULL);
	fake_hang_up(&f);
	assert_int_equal(umbel_publish(c, "a", "x", 1), 0); /* EPIPE */
	await_callback(c);
	assert_int_equal(diary.last.error, UMBEL_E_SLOW);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_program_without_a_loop_survives_the_end_of_its_broker)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	memset(&diary, 0, sizeof(diary));
	umbel_new(&c, UMBEL_OPTIONS(.address = f.path, .retry_first_ms = 1,
	                            .retry_last_ms = 1));
	ask_nothing(c);
	umbel_connect(c, 0);
	for (unsigned i = 0; i < 2; i++) {
		/* nothing but publishes, as often as it takes */
		while (!fake_fd_is_readable(f.listener))
			umbel_publish(c, "tick", "t", 1);
		fake_welcome(&f);
		while (!fake_fd_is_readable(f.fd))
			umbel_publish(c, "tick", "t", 1);
		assert_string_equal(fake_read_publish(&f), "t");
		fake_hang_up(&f);
	}
	umbel_free(c);
	fake_stop(&f);
}

/* A program without a loop: publishes until it has come back. */
static void
publish_until_it_is_back(struct umbel *c, struct fake *f)
{
	while (!fake_fd_is_readable(f->listener))
		umbel_publish(c, "tick", "t", 1);
	fake_welcome(f);
	while (!fake_fd_is_readable(f->fd))
		umbel_publish(c, "tick", "t", 1);
}

TEST(so_it_does_with_callbacks_that_nobody_calls)
{
	char about[2] = "a";
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f,
	              UMBEL_OPTIONS(.on_hold = on_hold, .on_error = on_error,
	                            .retry_first_ms = 1));
	for (; about[0] <= 'j'; about[0]++)
		fake_send_error(&f, 35, "no", 0, false, about);
	FAKE_SEND_BODY(&f, 0x95, 13, 0xc3, 9, 0xa1, 'n', 0xa1, 't');
	fake_hang_up(&f);
	publish_until_it_is_back(c, &f);
	turn(c);
	/* what is new, and no hold by the broker that is gone */
	expect_notes("error:-10005:35:no:d error:-10005:35:no:e "
	             "error:-10005:35:no:f error:-10005:35:no:g "
	             "error:-10005:35:no:h error:-10005:35:no:i "
	             "error:-10005:35:no:j ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(so_it_does_with_a_message_that_nobody_takes)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.retry_first_ms = 1));
	umbel_subscribe(c, "a", on_message, NULL, NULL, NULL);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_send_ok(&f, 1);
	turn(c);
	fake_send_publish(&f, "a", "x", 1);
	fake_hang_up(&f);
	while (!c->write_ended)
		umbel_publish(c, "tick", "t", 1);
	/* it might still be dispatched; but not for ever */
	assert_int_equal(umbel_get_state(c), UMBEL_CONNECTED);
	c->at.give_up = 0;
	publish_until_it_is_back(c, &f);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	umbel_free(c);
	fake_stop(&f);
}

TEST(publish_wait_waits_for_room)
{
	struct umbel *c;
	struct fake f;
	unsigned n = 0;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.buffer = 1000));
	while (umbel_publish_wait(c, "a", large, 900, NULL, 0) == 0)
		n++;
	swallow(&f, n * 930 / 2);
	assert_int_equal(umbel_publish_wait(c, "a", "x", 1, NULL, -1), 0);
	assert_int_equal(umbel_publish_wait(c, "a b", "x", 1, NULL, -1),
	                 UMBEL_E_TOPIC);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_large_payload_is_these_bytes)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	memset(large, 'z', sizeof(large));
	assert_int_equal(umbel_publish(c, "a", large, 100000), 0);
	expect_large(&f, 100000, 'z');
	umbel_cork(c);
	umbel_publish(c, "a", large, 100000);
	fake_expect_silence(&f);
	umbel_publish(c, "a", "before", 6);
	umbel_publish(c, "a", large, 150000);
	umbel_publish(c, "a", "after", 5);
	expect_large(&f, 100000, 'z');
	assert_string_equal(fake_read_publish(&f), "before");
	expect_large(&f, 150000, 'z');
	umbel_uncork(c);
	assert_string_equal(fake_read_publish(&f), "after");
	umbel_free(c);
	fake_stop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_that_a_shorthand_has_said_is_refused),
		cmocka_unit_test(
			a_first_message_without_topic_and_data_repeats_nothing),
		cmocka_unit_test(a_plain_message_is_these_bytes),
		cmocka_unit_test(topics_take_turns_and_so_do_lengths),
		cmocka_unit_test(longer_topics_and_payloads_have_longer_heads),
		cmocka_unit_test(options_are_these_bytes),
		cmocka_unit_test(what_no_broker_would_take_is_refused_at_once),
		cmocka_unit_test(
			the_longest_frame_goes_and_a_byte_more_does_not),
		cmocka_unit_test(corked_messages_wait_for_company),
		cmocka_unit_test(
			whatever_comes_between_messages_that_repeat_they_stay_in_order),
		cmocka_unit_test(
			what_callbacks_publish_goes_out_at_the_end_of_the_dispatch),
		cmocka_unit_test(
			a_full_buffer_says_so_and_tells_when_there_is_room),
		cmocka_unit_test(a_dispatch_that_waits_ends_when_there_is_room),
		cmocka_unit_test(
			a_message_larger_than_the_buffer_is_taken_when_the_buffer_is_empty),
		cmocka_unit_test(
			who_never_has_to_wait_hears_what_the_broker_says),
		cmocka_unit_test(
			a_half_written_message_is_sent_again_whole_and_a_whole_one_never),
		cmocka_unit_test(
			the_message_in_hand_that_was_at_fault_is_not_sent_again),
		cmocka_unit_test(
			what_the_next_broker_finds_too_long_is_reported),
		cmocka_unit_test(
			refusals_of_the_broker_come_as_errors_with_its_words),
		cmocka_unit_test(
			the_broker_is_heard_to_its_last_word_when_it_takes_nothing_more),
		cmocka_unit_test(
			a_program_without_a_loop_survives_the_end_of_its_broker),
		cmocka_unit_test(so_it_does_with_callbacks_that_nobody_calls),
		cmocka_unit_test(so_it_does_with_a_message_that_nobody_takes),
		cmocka_unit_test(publish_wait_waits_for_room),
		cmocka_unit_test(a_large_payload_is_these_bytes),
	};

	return RUN(tests);
}
