/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/sys.h"

#include <msgpack.h>
#include <unistd.h>

#include "broker/publish.h"
#include "sessions.h"

/* A payload as text: what follows a word is its value. */
static void
show(const msgpack_object *o, char *out, size_t cap)
{
	FILE *f = fmemopen(out, cap, "w");

	msgpack_object_print(f, *o);
	fclose(f);
}

/* The frame in c->frame is an event on `topic`; what it says, in `out`. */
static void
read_event(struct client *c, size_t body_at, const char *topic, char out[512])
{
	const uint8_t *body = c->frame.at + body_at;
	struct publish p;
	msgpack_unpacked u;
	uint8_t stamp[8] = { 0 };
	size_t off = 0;

	store_be32(stamp + 4, (uint32_t)getuid());
	assert_int_equal(publish_read(body, c->frame.len - body_at, &p),
	                 PUBLISH_OK);
	assert_int_equal(p.topic_len, strlen(topic));
	assert_memory_equal(p.topic, topic, p.topic_len);
	assert_memory_equal(body + p.stamp_offset, stamp, 8);
	assert_memory_equal(p.headers,
	                    "\x81\xac"
	                    "content-type\xa7msgpack",
	                    p.headers_len);
	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, (const char *)p.payload,
	                                     p.payload_len, &off),
	                 MSGPACK_UNPACK_SUCCESS);
	assert_int_equal(off, p.payload_len);
	show(&u.data, out, 512);
	msgpack_unpacked_destroy(&u);
}

static void
expect_event(struct client *c, const char *topic, const char *words)
{
	char said[512];

	publish_posted(&c->rig->broker);
	client_next(c, TYPE_PUBLISH);
	read_event(c, 5, topic, said);
	if (!strstr(said, words))
		fail_msg("%s: nothing of %s", said, words);
}

static void
expect_no_event(struct client *c)
{
	publish_posted(&c->rig->broker);
	client_expect_nothing(c);
}

#define CONNECTED    "$SYS.client.connected"
#define DISCONNECTED "$SYS.client.disconnected"

TEST(who_comes_is_told_after_being_welcomed)
{
	struct client *c, *a, *b;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", CONNECTED);
	b = client_new(&r, 70000);
	expect_no_event(c); /* it has not said HELLO */
	a = client_open(&r, "a", 1000);
	expect_event(c, CONNECTED,
	             "{\"session\"=>3, \"uid\"=>1000, \"pid\"=>77, "
	             "\"command\"=>\"test\", \"name\"=>\"a\"}");
	client_says_hex(b, "94 01 01 a0 80");
	expect_event(c, CONNECTED, "\"uid\"=>70000");
	client_free(a);
	client_free(b);
	expect_no_event(c);
	client_free(c);
	rig_fini(&r);
}

TEST(a_command_that_is_no_text_does_not_break_the_payload)
{
	struct client *c, *a;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", CONNECTED);
	a = client_new(&r, 1);
	strcpy(a->session.peer.command, "a\xff\xc3\xa9\xc3");
	client_says_hex(a, "94 01 01 a0 80");
	expect_event(c, CONNECTED, "\"a?");
	client_free(a);
	client_free(c);
	rig_fini(&r);
}

TEST(nothing_is_written_when_nobody_wants_it)
{
	struct client *c, *a;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "**"); /* never matches $SYS */
	a = client_open(&r, "a", 1);
	session_end(&a->session);
	assert_true(STAILQ_EMPTY(&r.broker.letters));
	client_free(a);
	client_free(c);
	rig_fini(&r);
}

TEST(who_goes_is_told_with_the_reason)
{
	struct client *c, *a;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "$SYS.client.*");
	expect_no_event(c);

	a = client_open(&r, "a", 1);
	expect_event(c, CONNECTED, "\"a\"");
	session_end(&a->session);
	session_end(&a->session);
	expect_event(c, DISCONNECTED,
	             "\"name\"=>\"a\", \"reason\"=>\"closed\"}");
	client_free(a);

	a = client_open(&r, "a", 1);
	expect_event(c, CONNECTED, "\"a\"");
	client_says_hex(a, "93 0c a0 00");
	expect_event(c, DISCONNECTED, "\"reason\"=>\"goodbye\"}");
	client_free(a);

	a = client_open(&r, "a", 1);
	expect_event(c, CONNECTED, "\"a\"");
	client_says_hex(a, "c0");
	expect_event(c, DISCONNECTED, "\"reason\"=>\"bad_frame\"}");
	client_free(a);

	a = client_open_on(&r, "a", "x");
	expect_event(c, CONNECTED, "\"a\"");
	client_publishes(a, "x", 100);
	client_publishes(a, "x", 100);
	session_evict(&a->session, "test");
	expect_event(c, DISCONNECTED,
	             "\"reason\"=>\"evicted\", \"lost_frames\"=>2, "
	             "\"lost_bytes\"=>248}");
	client_free(a);

	a = client_new(&r, 1);
	session_end(&a->session); /* it never was there */
	expect_no_event(c);
	client_free(a);

	a = client_open(&r, "a", 1);
	expect_event(c, CONNECTED, "\"a\"");
	broker_drain(&r.broker);
	client_next(c, TYPE_GOAWAY);
	client_next(c, TYPE_PING);
	session_end(&a->session);
	expect_event(c, DISCONNECTED, "\"reason\"=>\"stopping\"}");
	client_free(a);
	client_free(c);
	rig_fini(&r);
}

TEST(holds_are_told_from_their_notice_to_their_end)
{
	struct client *c, *slow, *pub;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "$SYS.client.held");
	slow = client_open_on(&r, "slow", "x");
	pub = client_open(&r, "pub", 1);
	while (client_publishes(pub, "x", 20000) != COMMAND_WAITS)
		continue;
	expect_no_event(c);
	rig_step(&r, 100);
	expect_event(c, "$SYS.client.held",
	             "{\"held\"=>{\"session\"=>3, \"uid\"=>1,");
	assert_int_equal(pub->session.id, 3);
	client_reads_all(slow);
	expect_event(c, "$SYS.client.held", "\"on\"=>false}");
	rig_turn(&r);

	while (client_publishes(pub, "x", 20000) != COMMAND_WAITS)
		continue;
	rig_step(&r, 100);
	expect_event(c, "$SYS.client.held",
	             "\"name\"=>\"slow\"}, \"topic\"=>\"x\", \"owed\"=>");
	session_end(&pub->session); /* the end of whom it was about is one */
	expect_event(c, "$SYS.client.held", "\"on\"=>false}");
	client_free(c);
	client_free(slow);
	client_free(pub);
	rig_fini(&r);
}

/* ---- who is there ---------------------------------------------------------- */

static void
subscribe_retained(struct client *c, const char *filter)
{
	size_t start = c->said.len;

	put_hex(&c->said, "95 04 01 05");
	put_str(&c->said, filter);
	put_hex(&c->said, "81 a8 72 65 74 61 69 6e 65 64 c3");
	put_prefix_before(&c->said, start);
	client_goes_on(c);
}

static void
expect_listed(struct client *c, uint64_t age, const char *words)
{
	char said[512];

	assert_true(client_next_frame(c));
	assert_int_equal(c->frame.at[6], TYPE_DELIVER);
	assert_int_equal(deliver_sub(c->frame.at), 5);
	assert_true(load_be64(c->frame.at + DELIVER_HEAD_MAX - 8) == age);
	read_event(c, DELIVER_HEAD_MAX, CONNECTED, said);
	if (!strstr(said, words))
		fail_msg("%s: nothing of %s", said, words);
}

TEST(who_is_there_is_listed_before_who_comes_and_nobody_is_in_both)
{
	struct client *first, *c, *a, *b, *gone, *nobody;
	struct rig r;

	rig_init(&r);
	first = client_open_on(&r, "first", CONNECTED);
	nobody = client_new(&r, 1);
	a = client_open(&r, "a", 1);
	gone = client_open(&r, "gone", 1);
	session_end(&gone->session);
	clock_step(700);
	/* all in one turn: what is posted for `first` is not live for c */
	c = client_open(&r, "c", 1);
	subscribe_retained(c, "$SYS.client.**");
	b = client_open(&r, "b", 1);
	assert_int_equal(client_next(c, TYPE_OK).ok.n.value, 3);
	expect_listed(c, 700, "\"first\"");
	expect_listed(c, 700, "\"a\"");
	expect_listed(c, 0, "\"c\"");
	client_expect_nothing(c);
	expect_event(c, CONNECTED, "\"b\"");
	session_end(&a->session);
	expect_event(c, DISCONNECTED, "\"a\"");
	expect_no_event(c);
	expect_event(first, CONNECTED, "\"a\"");
	expect_event(first, CONNECTED, "\"gone\"");
	expect_event(first, CONNECTED, "\"c\"");
	expect_event(first, CONNECTED, "\"b\"");
	expect_no_event(first);
	client_free(first);
	client_free(nobody);
	client_free(c);
	client_free(a);
	client_free(b);
	client_free(gone);
	rig_fini(&r);
}

TEST(other_filters_list_nobody)
{
	static const char *const filters[] = { "**", DISCONNECTED,
		                               "$SYS.client", "*.*.*" };
	struct client *c;
	struct rig r;

	rig_init(&r);
	for (size_t i = 0; i < COUNT(filters); i++) {
		c = client_open(&r, "c", 1);
		subscribe_retained(c, filters[i]);
		assert_int_equal(client_next(c, TYPE_OK).ok.n.value, 0);
		client_expect_nothing(c);
		client_free(c);
	}
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_comes_is_told_after_being_welcomed),
		cmocka_unit_test(
			a_command_that_is_no_text_does_not_break_the_payload),
		cmocka_unit_test(nothing_is_written_when_nobody_wants_it),
		cmocka_unit_test(who_goes_is_told_with_the_reason),
		cmocka_unit_test(holds_are_told_from_their_notice_to_their_end),
		cmocka_unit_test(
			who_is_there_is_listed_before_who_comes_and_nobody_is_in_both),
		cmocka_unit_test(other_filters_list_nobody),
	};

	return RUN(tests);
}
