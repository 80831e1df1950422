/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/introspect.h"

#include <msgpack.h>
#include <unistd.h>

#include "proto/publish.h"
#include "sessions.h"

/* An answer, and the map that its payload is. */
struct answer {
	msgpack_unpacked unpacked;
	bool is_error;
};

static void
answer_fini(struct answer *a)
{
	msgpack_unpacked_destroy(&a->unpacked);
}

static struct answer
ask(struct client *c, const char *subject, const char *options)
{
	char topic[64], reply[INBOX_MAX + 8];
	struct bytes payload = { 0 };
	struct answer a = { 0 };
	struct publish p;

	snprintf(topic, sizeof(topic), "$SYS.broker.%s", subject);
	strcpy(reply + session_inbox(&c->session, reply), ".r");
	put_hex(&payload, options);
	put_publish(&c->said, topic, reply, payload.at, payload.len);
	bytes_free(&payload);
	assert_int_equal(client_goes_on(c), COMMAND_TAKEN);
	client_next(c, TYPE_PUBLISH);
	assert_int_equal(publish_read(c->frame.at + 5, c->frame.len - 5, &p),
	                 PUBLISH_OK);
	assert_int_equal(p.topic_len, strlen(reply));
	assert_memory_equal(p.topic, reply, strlen(reply));
	a.is_error = p.headers[0] == 0x82;
	msgpack_unpacked_init(&a.unpacked);
	if (!a.is_error) {
		size_t off = 0;

		assert_int_equal(msgpack_unpack_next(&a.unpacked,
		                                     (const char *)p.payload,
		                                     p.payload_len, &off),
		                 MSGPACK_UNPACK_SUCCESS);
		assert_int_equal(off, p.payload_len);
		assert_int_equal(a.unpacked.data.type, MSGPACK_OBJECT_MAP);
	}
	return a;
}

/* NULL when the map has no such key. */
static const msgpack_object *
find(const msgpack_object *map, const char *key)
{
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		const msgpack_object_kv *kv = &map->via.map.ptr[i];

		if (kv->key.via.str.size == strlen(key) &&
		    memcmp(kv->key.via.str.ptr, key, strlen(key)) == 0)
			return &kv->val;
	}
	return NULL;
}

static uint64_t
number(const msgpack_object *map, const char *key)
{
	const msgpack_object *o = find(map, key);

	assert_non_null(o);
	assert_int_equal(o->type, MSGPACK_OBJECT_POSITIVE_INTEGER);
	return o->via.u64;
}

static bool
is_text(const msgpack_object *map, const char *key, const char *text)
{
	const msgpack_object *o = find(map, key);

	assert_non_null(o);
	assert_int_equal(o->type, MSGPACK_OBJECT_STR);
	return o->via.str.size == strlen(text) &&
	       memcmp(o->via.str.ptr, text, strlen(text)) == 0;
}

static const msgpack_object_array *
list(const struct answer *a, const char *key)
{
	const msgpack_object *o = find(&a->unpacked.data, key);

	assert_non_null(o);
	assert_int_equal(o->type, MSGPACK_OBJECT_ARRAY);
	return &o->via.array;
}

/* "uid": 4242 and the like */
#define SESSION_IS(hex) "81 a7 73 65 73 73 69 6f 6e " hex
#define UID_IS(hex)     "81 a3 75 69 64 " hex
#define TOPIC_A_B       "81 a5 74 6f 70 69 63 a3 61 2e 62"

static struct client *
open_asker(struct rig *r)
{
	struct client *c = client_open(r, "asker", 1000);
	char filter[INBOX_MAX + 8];

	strcpy(filter + session_inbox(&c->session, filter), ".*");
	client_subscribes(c, 1, filter);
	client_next(c, TYPE_OK);
	return c;
}

TEST(only_the_six_subjects_are_known)
{
	static const char *const known[] = {
		"$SYS.broker.info",          "$SYS.broker.sessions",
		"$SYS.broker.subscriptions", "$SYS.broker.topics",
		"$SYS.broker.explain",       "$SYS.broker.metrics",
	};

	for (size_t i = 0; i < COUNT(known); i++) {
		assert_true(introspect_knows(known[i], strlen(known[i])));
		assert_false(introspect_knows(known[i], strlen(known[i]) - 1));
	}
	assert_false(introspect_knows("$SYS.broker.infos", 17));
	assert_false(introspect_knows("a", 1));
}

TEST(info_counts_what_happens)
{
	struct client *asker, *reader;
	struct answer a;
	struct rig r;

	rig_init(&r);
	asker = open_asker(&r);
	reader = client_open_on(&r, "reader", "a.*");
	client_publishes(asker, "a.b", 10);
	client_publishes(asker, "c", 10);
	clock_step(1234);
	a = ask(asker, "info", "");
	assert_int_equal(number(&a.unpacked.data, "sessions"), 2);
	assert_int_equal(number(&a.unpacked.data, "subscriptions"), 2);
	assert_int_equal(number(&a.unpacked.data, "uptime_ms"), 1234);
	assert_int_equal(number(&a.unpacked.data, "messages_in"), 2);
	assert_int_equal(number(&a.unpacked.data, "messages_out"), 1);
	assert_int_equal(number(&a.unpacked.data, "unmatched"), 1);
	assert_int_equal(number(&a.unpacked.data, "pid"), (uint64_t)getpid());
	answer_fini(&a);
	client_free(reader);
	a = ask(asker, "info", "");
	assert_int_equal(number(&a.unpacked.data, "sessions"), 1);
	assert_int_equal(number(&a.unpacked.data, "subscriptions"), 1);
	answer_fini(&a);
	client_free(asker);
	rig_fini(&r);
}

TEST(sessions_say_who_they_are_and_who_holds_them)
{
	struct client *asker, *slow, *held, *unborn;
	const msgpack_object_array *all;
	struct answer a;
	struct rig r;

	rig_init(&r);
	asker = open_asker(&r);
	slow = client_open_on(&r, "slow", "a");
	held = client_open(&r, "held", 4242);
	unborn = client_new(&r, 1); /* has not said HELLO */
	while (client_publishes(held, "a", 30000) == COMMAND_TAKEN)
		continue;
	assert_non_null(held->session.hold);
	a = ask(asker, "sessions", "");
	all = list(&a, "sessions");
	assert_int_equal(all->size, 3);
	assert_true(is_text(&all->ptr[1], "name", "slow"));
	assert_true(is_text(&all->ptr[1], "state", "open"));
	assert_int_equal(number(&all->ptr[1], "queued_bytes"),
	                 slow->session.out.bytes);
	assert_int_equal(number(&all->ptr[1], "queued_frames"),
	                 held->session.accepted);
	assert_null(find(&all->ptr[1], "held_by"));
	assert_int_equal(number(&all->ptr[2], "uid"), 4242);
	assert_int_equal(number(&all->ptr[2], "messages_in"),
	                 held->session.accepted);
	assert_int_equal(number(&all->ptr[2], "held_by"), slow->session.id);
	assert_null(find(&a.unpacked.data, "next"));
	answer_fini(&a);

	a = ask(asker, "sessions", UID_IS("cd 10 92"));
	all = list(&a, "sessions");
	assert_int_equal(all->size, 1);
	assert_true(is_text(&all->ptr[0], "name", "held"));
	answer_fini(&a);
	a = ask(asker, "sessions", SESSION_IS("02"));
	all = list(&a, "sessions");
	assert_int_equal(all->size, 1);
	assert_true(is_text(&all->ptr[0], "name", "slow"));
	answer_fini(&a);
	client_free(unborn);
	client_free(held);
	client_free(slow);
	client_free(asker);
	rig_fini(&r);
}

TEST(subscriptions_are_told_of_whom_and_what_is_asked_for)
{
	struct client *asker, *a_one, *two;
	const msgpack_object_array *all;
	struct answer a;
	struct rig r;

	rig_init(&r);
	asker = open_asker(&r);
	a_one = client_open_on(&r, "one", "a.*");
	two = client_open_on(&r, "two", "a.*");
	client_subscribes(two, 9, "b");
	client_next(two, TYPE_OK);

	a = ask(asker, "subscriptions", "");
	assert_int_equal(list(&a, "subscriptions")->size, 4);
	answer_fini(&a);
	a = ask(asker, "subscriptions", SESSION_IS("03"));
	assert_int_equal(list(&a, "subscriptions")->size, 2);
	answer_fini(&a);
	/* filter: "a.*" */
	a = ask(asker, "subscriptions", "81 a6 66 69 6c 74 65 72 a3 61 2e 2a");
	all = list(&a, "subscriptions");
	assert_int_equal(all->size, 2);
	assert_int_equal(number(&all->ptr[0], "session"), a_one->session.id);
	assert_int_equal(number(&all->ptr[1], "session"), two->session.id);
	assert_int_equal(number(&all->ptr[1], "sub"), 1);
	assert_true(is_text(&all->ptr[1], "filter", "a.*"));
	answer_fini(&a);
	client_free(a_one);
	client_free(two);
	client_free(asker);
	rig_fini(&r);
}

/* Stale ones are told with the receivers that they have now. */
TEST(topics_are_told_with_their_receivers_of_now)
{
	struct client *asker, *reader;
	const msgpack_object_array *all;
	struct answer a;
	struct rig r;

	rig_init(&r);
	asker = open_asker(&r);
	client_publishes(asker, "a.b", 1);
	client_publishes(asker, "c", 1);
	reader = client_open_on(&r, "reader", "a.*");
	client_subscribes(reader, 2, "a.b");
	a = ask(asker, "topics", "81 a6 66 69 6c 74 65 72 a3 61 2e 2a");
	all = list(&a, "topics");
	assert_int_equal(all->size, 1);
	assert_true(is_text(&all->ptr[0], "topic", "a.b"));
	assert_int_equal(number(&all->ptr[0], "receivers"), 1);
	answer_fini(&a);
	client_free(reader);
	client_publishes(asker, "a.b", 1); /* they may have been forgotten */
	client_publishes(asker, "c", 1);
	a = ask(asker, "topics", "");
	assert_int_equal(list(&a, "topics")->size, 2); /* and no inbox */
	answer_fini(&a);
	client_free(asker);
	rig_fini(&r);
}

TEST(explain_tells_the_verdict_on_each)
{
	struct client *asker, *one;
	const msgpack_object_array *all;
	struct answer a;
	struct rig r;

	rig_init(&r);
	asker = open_asker(&r);
	one = client_open_on(&r, "one", "a.*");
	client_subscribes(one, 2, "a.c");
	client_next(one, TYPE_OK);

	a = ask(asker, "explain", TOPIC_A_B);
	all = list(&a, "candidates");
	assert_int_equal(number(&a.unpacked.data, "receivers"), 1);
	assert_int_equal(all->size, 1);
	assert_true(is_text(&all->ptr[0], "verdict", "delivered"));
	assert_null(find(&all->ptr[0], "token"));
	answer_fini(&a);

	a = ask(asker, "explain",
	        "82 a7 73 65 73 73 69 6f 6e 02 a5 74 6f 70 69 63 a3 61 2e 62");
	all = list(&a, "candidates");
	assert_int_equal(all->size, 2);
	for (uint32_t i = 0; i < 2; i++) {
		if (number(&all->ptr[i], "sub") != 2)
			continue;
		assert_true(is_text(&all->ptr[i], "verdict", "differs"));
		assert_int_equal(number(&all->ptr[i], "token"), 1);
	}
	assert_int_equal(list(&a, "rights")->size, 1);
	answer_fini(&a);
	a = ask(asker, "explain", "");
	assert_true(a.is_error);
	answer_fini(&a);
	client_free(one);
	client_free(asker);
	rig_fini(&r);
}

/* Six filters at distances 1 to 6, put in in a mixed order. */
TEST(explain_tells_the_five_nearest_filters_the_nearest_first)
{
	static const char *const filters[] = {
		"abcdefghijkl.xxxx12",  "abcdefghijkl.xxxx123456",
		"abcdefghijkl.xxxx1",   "abcdefghijkl.xxxx1234",
		"abcdefghijkl.xxxx123", "abcdefghijkl.xxxx12345",
	};
	struct client *asker, *one;
	const msgpack_object_array *all;
	struct answer a;
	struct rig r;

	rig_init(&r);
	asker = open_asker(&r);
	one = client_open_on(&r, "one", "$SYS.**");
	for (uint32_t i = 0; i < COUNT(filters); i++) {
		client_subscribes(one, 2 + i, filters[i]);
		client_next(one, TYPE_OK);
	}
	/* topic: "abcdefghijkl.xxxx" */
	a = ask(asker, "explain",
	        "81 a5 74 6f 70 69 63 b1 61 62 63 64 65 66 67 68 69 6a 6b 6c "
	        "2e 78 78 78 78");
	all = list(&a, "nearest");
	assert_int_equal(all->size, 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(number(&all->ptr[i], "distance"), i + 1);
	assert_true(is_text(&all->ptr[4], "filter", filters[5]));
	assert_int_equal(number(&a.unpacked.data, "compared"), 7);
	answer_fini(&a);
	client_free(one);
	client_free(asker);
	rig_fini(&r);
}

TEST(who_may_not_introspect_is_refused)
{
	struct acl *acl = acl_new();
	struct client *asker;
	char reply[INBOX_MAX];
	struct rig r;

	assert_non_null(acl);
	rig_init(&r);
	r.broker.acl = acl; /* no rules: nothing is allowed */
	asker = open_asker(&r);
	session_inbox(&asker->session, reply);
	put_publish(&asker->said, "$SYS.broker.info", reply, "", 0);
	client_goes_on(asker);
	client_expect_error(asker, STATUS_DENIED, false, 0, "introspect");
	client_free(asker);
	rig_fini(&r);
	acl_free(acl);
}

/* Its answer may be larger than all that may wait for it: then it is lost. */
TEST(who_does_not_read_its_answers_gets_the_rest_when_it_does)
{
	struct client *asker;
	struct config config = some_config();
	struct rig r;
	char reply[INBOX_MAX + 8];
	unsigned answers = 0;

	config.max_subscriptions = 10000;
	config.outbox_high = 100000;
	rig_init_with(&r, config);
	asker = open_asker(&r);
	for (uint32_t i = 2; i < 3000; i++) {
		client_subscribes(asker, i, "some.filter.that.is.long.enough");
		client_next(asker, TYPE_OK);
	}
	strcpy(reply + session_inbox(&asker->session, reply), ".r");
	for (int i = 0; i < 10; i++)
		put_publish(&asker->said, "$SYS.broker.subscriptions", reply,
		            "", 0);
	assert_int_equal(client_goes_on(asker), COMMAND_WAITS);
	assert_true(asker->session.out.bytes < 100000 + (256u << 10));
	do
		answers += client_count(asker, TYPE_PUBLISH);
	while (client_goes_on(asker) == COMMAND_WAITS ||
	       asker->session.out.bytes > 0);
	assert_int_equal(answers, 10);
	client_free(asker);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_six_subjects_are_known),
		cmocka_unit_test(info_counts_what_happens),
		cmocka_unit_test(sessions_say_who_they_are_and_who_holds_them),
		cmocka_unit_test(
			subscriptions_are_told_of_whom_and_what_is_asked_for),
		cmocka_unit_test(topics_are_told_with_their_receivers_of_now),
		cmocka_unit_test(explain_tells_the_verdict_on_each),
		cmocka_unit_test(
			explain_tells_the_five_nearest_filters_the_nearest_first),
		cmocka_unit_test(who_may_not_introspect_is_refused),
		cmocka_unit_test(
			who_does_not_read_its_answers_gets_the_rest_when_it_does),
	};

	return RUN(tests);
}
