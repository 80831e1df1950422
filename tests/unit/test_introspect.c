/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/introspect.h"

#include <unistd.h>

#include "answers.h"

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
		cmocka_unit_test(who_may_not_introspect_is_refused),
		cmocka_unit_test(
			who_does_not_read_its_answers_gets_the_rest_when_it_does),
	};

	return RUN(tests);
}
