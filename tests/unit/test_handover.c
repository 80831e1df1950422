/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/handover.h"

#include "capture.h"
#include "sessions.h"

#define HIGH 80000u
#define MOST (2 * (HIGH + SLAB_SIZE))

/* Two members of one group that have `n` messages each, and a publisher. */
struct scene {
	struct rig rig;
	struct client *a;
	struct client *b;
	struct client *pub;
	uint8_t next; /* the number of the next message */
};

static void
publish(struct scene *s, const char *topic, size_t len)
{
	struct bytes b = { 0 };
	uint8_t *payload = calloc(1, len);

	payload[len - 1] = s->next++;
	put_publish(&b, topic, NULL, payload, len);
	client_says(s->pub, &b);
	free(payload);
	bytes_free(&b);
}

static void
scene_init(struct scene *s, unsigned n)
{
	*s = (struct scene){ 0 };
	rig_init(&s->rig);
	s->rig.broker.log.level = LOG_INFO;
	s->a = client_open_in(&s->rig, "a", "g", "x");
	s->b = client_open_in(&s->rig, "b", "g", "x");
	s->pub = client_open(&s->rig, "pub", 1);
	for (unsigned i = 0; i < 2 * n; i++)
		publish(s, "x", i % 8 < 2 ? 2000 : 20); /* short and long */
}

static void
scene_fini(struct scene *s)
{
	client_free(s->a);
	client_free(s->b);
	client_free(s->pub);
	rig_fini(&s->rig);
}

/* The next message of `c` is this one. */
static void
expect_message(struct client *c, unsigned number)
{
	client_next(c, TYPE_DELIVER);
	assert_int_equal(c->frame.at[c->frame.len - 1], number);
}

static void
leave_by_goaway(struct scene *s)
{
	client_says_hex(s->a, "93 0c a0 00");
}

static void
leave_by_end_of_stream(struct scene *s)
{
	session_end(&s->a->session);
}

static void
leave_by_fault(struct scene *s)
{
	client_says_hex(s->a, "91 0e");
}

static void
leave_by_eviction(struct scene *s)
{
	session_evict(&s->a->session, "for a test");
}

static void
leave_by_deafness(struct scene *s)
{
	session_is_deaf(&s->a->session);
}

static void
leave_by_unsubscribing(struct scene *s)
{
	client_unsubscribes(s->a, 1);
}

static void
leave_by_vanishing(struct scene *s)
{
	client_free(s->a);
	s->a = client_new(&s->rig, 1);
}

static void (*const ways[])(struct scene *s) = {
	leave_by_goaway,    leave_by_end_of_stream, leave_by_fault,
	leave_by_eviction,  leave_by_deafness,      leave_by_unsubscribing,
	leave_by_vanishing,
};

TEST(what_waits_for_a_member_goes_to_others_in_order_whichever_way_it_leaves)
{
	for (size_t way = 0; way < COUNT(ways); way++) {
		struct scene s;

		scene_init(&s, 20);
		ways[way](&s);
		for (unsigned i = 1; i < 40; i += 2)
			expect_message(s.b, i);
		for (unsigned i = 0; i < 40; i += 2)
			expect_message(s.b, i);
		client_expect_nothing(s.b);
		while (client_next_frame(s.a)) {
			assert_int_not_equal(s.a->frame.at[6], TYPE_DELIVER);
			assert_int_not_equal(s.a->frame.at[6], TYPE_GAP);
		}
		publish(&s, "x", 5);
		expect_message(s.b, 40);
		scene_fini(&s);
	}
}

TEST(what_the_kernel_has_a_byte_of_is_not_given_to_another)
{
	for (size_t way = 0; way < COUNT(ways); way++) {
		struct scene s;

		scene_init(&s, 10);
		client_takes(s.a, 1);
		ways[way](&s);
		for (unsigned i = 1; i < 20; i += 2)
			expect_message(s.b, i);
		for (unsigned i = 2; i < 20; i += 2)
			expect_message(s.b, i);
		client_expect_nothing(s.b);
		scene_fini(&s);
	}
}

TEST(they_are_chosen_for_anew_one_by_one)
{
	struct client *c;
	struct scene s;

	scene_init(&s, 0);
	c = client_open_in(&s.rig, "c", "g", "x");
	for (unsigned i = 0; i < 30; i++)
		publish(&s, "x", 20);
	leave_by_eviction(&s);
	assert_int_equal(client_count(s.b, TYPE_DELIVER), 15);
	assert_int_equal(client_count(c, TYPE_DELIVER), 15);
	client_free(c);
	scene_fini(&s);
}

TEST(of_one_subscription_that_ends_only_its_own_go)
{
	struct scene s;

	scene_init(&s, 0);
	client_joins(s.a, 2, "h", "y");
	client_subscribes(s.a, 3, "y");
	assert_int_equal(client_count(s.a, TYPE_OK), 2);
	publish(&s, "x", 10);
	publish(&s, "y", 10);
	publish(&s, "x", 10);
	publish(&s, "y", 2000);
	publish(&s, "x", 10);
	client_unsubscribes(s.a, 1);
	/* its plain copies and the other group's stay */
	client_next(s.a, TYPE_PUBLISH);
	expect_message(s.a, 1);
	client_next(s.a, TYPE_PUBLISH);
	expect_message(s.a, 3);
	client_next(s.a, TYPE_OK);
	client_expect_nothing(s.a);
	assert_int_equal(client_count(s.b, TYPE_DELIVER), 3);
	scene_fini(&s);
}

TEST(who_leaves_in_order_and_alone_still_gets_what_waits)
{
	struct scene s;

	scene_init(&s, 0);
	client_unsubscribes(s.b, 1);
	client_next(s.b, TYPE_OK);
	for (unsigned i = 0; i < 10; i++)
		publish(&s, "x", 10);
	leave_by_goaway(&s);
	for (unsigned i = 0; i < 10; i++)
		expect_message(s.a, i);
	client_expect_nothing(s.a);
	client_expect_nothing(s.b);
	scene_fini(&s);
}

TEST(who_is_evicted_alone_is_told_of_all_in_its_gap)
{
	struct message m;
	struct scene s;

	scene_init(&s, 10);
	client_unsubscribes(s.b, 1);
	client_next_frame(s.b);
	leave_by_eviction(&s);
	m = client_next(s.a, TYPE_GAP);
	assert_int_equal(m.gap.frames, 20);
	client_expect_error(s.a, STATUS_SLOW_CONSUMER, true, 0, "for a test");
	scene_fini(&s);
}

TEST(who_unsubscribes_alone_is_told_in_a_gap_and_the_log_has_the_counts)
{
	struct message m;
	struct scene s;
	static struct capture capture;
	const char *log;

	scene_init(&s, 0);
	client_unsubscribes(s.b, 1);
	client_next(s.b, TYPE_OK);
	for (unsigned i = 0; i < 10; i++)
		publish(&s, "x", 10);
	capture_begin(&capture, stderr);
	client_unsubscribes(s.a, 1);
	log = capture_end(&capture);
	m = client_next(s.a, TYPE_GAP);
	assert_int_equal(m.gap.frames, 10);
	assert_int_equal(m.gap.bytes, 10 * (13 + 13 + 2 + 2 + 2 + 10));
	client_next(s.a, TYPE_OK);
	client_expect_nothing(s.a);
	if (!strstr(log, "lost messages=10 bytes=420 for want"))
		fail_msg("%s", log);
	scene_fini(&s);
}

TEST(who_vanishes_alone_leaves_a_line_in_the_log)
{
	struct scene s;
	static struct capture capture;
	const char *log;

	scene_init(&s, 5);
	client_free(s.b);
	s.b = client_new(&s.rig, 1);
	session_end(&s.a->session);
	capture_begin(&capture, stderr);
	session_is_deaf(&s.a->session); /* they could not be sent after all */
	session_is_deaf(&s.a->session);
	log = capture_end(&capture);
	if (!strstr(log, "lost messages=10 bytes=") ||
	    !strstr(log, "name=\"a\""))
		fail_msg("%s", log);
	assert_null(strstr(strstr(log, "lost") + 1, "lost")); /* once */
	scene_fini(&s);
}

TEST(nobody_is_given_more_than_two_full_ones_have)
{
	struct message m;
	struct scene s;
	unsigned n;

	scene_init(&s, 0);
	for (unsigned i = 0; i < 2 * 80; i++)
		publish(&s, "x", 1000);
	/* both are nearly full; now one more fills up for another reason */
	client_subscribes(s.b, 2, "y");
	while (s.b->session.out.bytes < MOST - HIGH / 2)
		session_refuse(&s.b->session, STATUS_LIMIT, 1,
		               (struct text){ NULL, 0 }, "%0390d", 0);
	leave_by_eviction(&s);
	assert_in_range(s.b->session.out.bytes, MOST, MOST + 1100);
	m = client_next(s.a, TYPE_GAP); /* the others are lost with it */
	n = (unsigned)m.gap.frames;
	client_expect_error(s.a, STATUS_SLOW_CONSUMER, true, 0, "");
	while (client_next_frame(s.b))
		n += s.b->frame.at[6] == TYPE_DELIVER;
	assert_int_equal(n, s.pub->session.accepted);
	assert_in_range(m.gap.frames, 10, 70);
	scene_fini(&s);
}

/* Both are nearly full, and the one that stays is of this policy. */
static void
full_scene_init(struct scene *s, enum overflow policy)
{
	scene_init(s, 0);
	for (unsigned i = 0; i < 2 * 70; i++)
		publish(s, "x", 1000);
	s->b->session.out.policy = policy;
	client_takes(s->b, 10); /* of that one it has a byte */
	leave_by_vanishing(s);
}

TEST(one_that_rather_loses_loses_its_oldest_by_what_it_takes_over)
{
	struct message m;
	struct scene s;

	full_scene_init(&s, OVERFLOW_DROP_OLDEST);
	rig_step(&s.rig, 0);
	assert_true(s.b->session.out.bytes < HIGH);
	expect_message(s.b, 1);
	m = client_next(s.b, TYPE_GAP);
	assert_in_range(m.gap.frames, 60, 80);
	assert_int_equal(m.gap.frames, s.b->session.dropped.frames);
	for (unsigned i = (unsigned)m.gap.frames - 69; i < 70; i++)
		expect_message(s.b, 2 * i);
	client_expect_nothing(s.b);
	scene_fini(&s);
}

TEST(one_that_rather_goes_goes_by_what_it_takes_over)
{
	struct message m;
	struct scene s;

	full_scene_init(&s, OVERFLOW_DISCONNECT);
	assert_int_equal(s.b->session.state, SESSION_OPEN);
	rig_step(&s.rig, 0);
	assert_int_equal(s.b->session.state, SESSION_ENDING);
	expect_message(s.b, 1);
	m = client_next(s.b, TYPE_GAP);
	assert_int_equal(m.gap.frames, 139);
	client_expect_error(s.b, STATUS_SLOW_CONSUMER, true, 0, "disconnected");
	scene_fini(&s);
}

TEST(one_that_would_have_senders_wait_loses_nothing_of_what_it_takes_over)
{
	struct scene s;

	full_scene_init(&s, OVERFLOW_BLOCK);
	assert_true(s.b->session.out.bytes > HIGH);
	rig_step(&s.rig, 0);
	assert_int_equal(client_count(s.b, TYPE_DELIVER), 140);
	scene_fini(&s);
}

/* When memory is short, messages pass to nobody who is. */
TEST(who_was_behind_and_has_handed_over_still_is)
{
	struct scene s;

	scene_init(&s, 4);
	client_says_hex(s.a,
	                "92 0a 05"); /* an answer, which nobody else gets */
	assert_false(outbox_is_behind(&s.a->session.out));
	client_takes(s.a, 1);
	assert_true(outbox_is_behind(&s.a->session.out));
	client_unsubscribes(s.a, 1);
	assert_false(outbox_is_empty(&s.a->session.out));
	assert_true(outbox_is_behind(&s.a->session.out));
	scene_fini(&s);
}

TEST(two_members_in_one_session_leave_together)
{
	struct scene s;

	scene_init(&s, 0);
	client_joins(s.a, 2, "g", "x");
	client_next(s.a, TYPE_OK);
	for (unsigned i = 0; i < 30; i++)
		publish(&s, "x", 10);
	leave_by_eviction(&s);
	assert_int_equal(client_count(s.b, TYPE_DELIVER), 30);
	scene_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_waits_for_a_member_goes_to_others_in_order_whichever_way_it_leaves),
		cmocka_unit_test(
			what_the_kernel_has_a_byte_of_is_not_given_to_another),
		cmocka_unit_test(they_are_chosen_for_anew_one_by_one),
		cmocka_unit_test(of_one_subscription_that_ends_only_its_own_go),
		cmocka_unit_test(
			who_leaves_in_order_and_alone_still_gets_what_waits),
		cmocka_unit_test(
			who_is_evicted_alone_is_told_of_all_in_its_gap),
		cmocka_unit_test(
			who_unsubscribes_alone_is_told_in_a_gap_and_the_log_has_the_counts),
		cmocka_unit_test(who_vanishes_alone_leaves_a_line_in_the_log),
		cmocka_unit_test(nobody_is_given_more_than_two_full_ones_have),
		cmocka_unit_test(
			one_that_rather_loses_loses_its_oldest_by_what_it_takes_over),
		cmocka_unit_test(
			one_that_rather_goes_goes_by_what_it_takes_over),
		cmocka_unit_test(
			one_that_would_have_senders_wait_loses_nothing_of_what_it_takes_over),
		cmocka_unit_test(who_was_behind_and_has_handed_over_still_is),
		cmocka_unit_test(two_members_in_one_session_leave_together),
	};

	return RUN(tests);
}
