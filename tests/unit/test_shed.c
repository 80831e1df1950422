/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/shed.h"

#include "capture.h"
#include "sessions.h"

/* The marks of some_config(): full at 80,000, dropped down to 70,000. */
#define HIGH 80000u
#define LOW  70000u

/* A session that has been granted `granted` when it asked for `wanted`. */
static struct client *
open_with(struct rig *r, const char *name, const char *wanted,
          const char *granted)
{
	struct client *c = client_new(r, 1000);
	struct message m;

	put_hex(&c->said, "94 01 01");
	put_str(&c->said, name);
	put_hex(&c->said, "81");
	put_str(&c->said, "overflow");
	put_str(&c->said, wanted);
	put_prefix_before(&c->said, 0);
	assert_int_equal(client_goes_on(c), COMMAND_TAKEN);
	m = client_next(c, TYPE_WELCOME);
	assert_true(text_equals(m.welcome.limits.overflow, granted));
	return c;
}

static struct client *
open_on(struct rig *r, const char *policy, const char *filter)
{
	struct client *c = open_with(r, policy, policy, policy);

	client_subscribes(c, 1, filter);
	client_next(c, TYPE_OK);
	return c;
}

/* What has come for it: messages, and what GAPs tell of. */
struct count {
	uint64_t received;
	uint64_t announced;
	unsigned gaps;
};

static struct count
count_all(struct client *c)
{
	struct count n = { 0 };
	struct message m;

	while (client_next_frame(c)) {
		if (c->frame.at[6] == TYPE_PUBLISH) {
			n.received++;
			continue;
		}
		assert_int_equal(message_decode(c->frame.at + 5,
		                                c->frame.len - 5, &m),
		                 MESSAGE_OK);
		assert_int_equal(m.type, TYPE_GAP);
		n.announced += m.gap.frames;
		n.gaps++;
	}
	return n;
}

static void
publish_taken(struct client *pub, const char *topic, size_t len, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(client_publishes(pub, topic, len),
		                 COMMAND_TAKEN);
}

/* ---- who is granted what -------------------------------------------------- */

TEST(a_session_is_granted_the_policy_that_it_asks_for)
{
	static const char *const same[] = { "block", "drop-oldest",
		                            "disconnect" };
	struct rig r;

	rig_init(&r);
	for (unsigned i = 0; i < COUNT(same); i++)
		client_free(open_with(&r, "c", same[i], same[i]));
	client_free(open_with(&r, "c", "something new", "block"));
	rig_fini(&r);
}

TEST(who_was_evicted_for_stalling_may_not_hold_others_up_for_60_s)
{
	struct client *slow, *pub;
	struct rig r;

	rig_init(&r);
	slow = open_on(&r, "block", "a");
	pub = client_open(&r, "pub", 1000);
	while (client_publishes(pub, "a", 10000) == COMMAND_TAKEN)
		continue;
	rig_step(&r, 2000);
	assert_int_equal(slow->session.state, SESSION_ENDING);
	client_free(slow);

	/* it called itself by its policy */
	client_free(open_with(&r, "block", "block", "drop-oldest"));
	client_free(open_with(&r, "block", "disconnect", "drop-oldest"));
	client_free(open_with(&r, "another", "block", "block"));
	rig_step(&r, 59999);
	client_free(open_with(&r, "block", "block", "drop-oldest"));
	rig_step(&r, 1);
	client_free(open_with(&r, "block", "block", "block"));
	client_free(pub);
	rig_fini(&r);
}

TEST(who_held_one_publisher_for_too_long_may_not_hold_others_up_either)
{
	struct client *slow, *pub;
	struct rig r;

	rig_init(&r);
	slow = open_on(&r, "block", "a");
	pub = client_open(&r, "pub", 1000);
	while (client_publishes(pub, "a", 10000) == COMMAND_TAKEN)
		continue;
	for (int i = 0; i < 11; i++) {
		client_takes(slow, 10);
		rig_step(&r, 1000);
	}
	assert_int_equal(slow->session.state, SESSION_ENDING);
	client_free(slow);
	client_free(open_with(&r, "block", "block", "drop-oldest"));
	client_free(pub);
	rig_fini(&r);
}

/* ---- drop-oldest ---------------------------------------------------------- */

TEST(nobody_is_held_by_one_that_drops)
{
	struct client *slow, *fast, *pub;
	struct rig r;
	struct count n;

	rig_init(&r);
	slow = open_on(&r, "drop-oldest", "a");
	fast = client_open_on(&r, "fast", "a");
	pub = client_open(&r, "pub", 1000);
	for (unsigned i = 0; i < 100; i++) {
		publish_taken(pub, "a", 10000, 1);
		client_next(fast, TYPE_PUBLISH);
		assert_true(slow->session.out.bytes < HIGH + 10100);
	}
	n = count_all(slow);
	assert_int_equal(n.gaps, 1);
	assert_int_equal(n.received + n.announced, 100);
	assert_in_range(n.received, 7, 8);
	assert_int_equal(slow->session.dropped.frames, n.announced);
	assert_int_equal(slow->session.state, SESSION_OPEN);
	client_free(slow);
	client_free(fast);
	client_free(pub);
	rig_fini(&r);
}

TEST(the_kernel_is_asked_before_anything_is_dropped)
{
	struct client *slow, *pub;
	struct rig r;
	struct count n;

	rig_init(&r);
	slow = open_on(&r, "drop-oldest", "a");
	pub = client_open(&r, "pub", 1000);
	for (unsigned i = 0; i < 100; i++) {
		slow->can_take = SIZE_MAX;
		publish_taken(pub, "a", 10000, 1);
	}
	n = count_all(slow);
	assert_int_equal(n.received, 100);
	assert_int_equal(n.gaps, 0);
	client_free(slow);
	client_free(pub);
	rig_fini(&r);
}

TEST(it_may_turn_out_to_have_gone)
{
	struct client *slow, *pub;
	struct rig r;

	rig_init(&r);
	slow = open_on(&r, "drop-oldest", "a");
	pub = client_open(&r, "pub", 1000);
	slow->goes_deaf = true;
	publish_taken(pub, "a", 10000, 20);
	assert_true(slow->session.out.closed);
	assert_int_equal(pub->session.unmatched, 11);
	client_free(slow);
	client_free(pub);
	rig_fini(&r);
}

TEST(a_message_that_is_larger_than_the_mark_is_taken_whole)
{
	struct client *slow, *pub;
	struct rig r;
	struct count n;

	rig_init(&r);
	slow = open_on(&r, "drop-oldest", "a");
	pub = client_open(&r, "pub", 1000);
	publish_taken(pub, "a", 300000, 1);
	publish_taken(pub, "a", 200000, 1);
	publish_taken(pub, "a", 10, 1);
	/* each made room for the next */
	n = count_all(slow);
	assert_int_equal(n.received, 1);
	assert_int_equal(n.announced, 2);

	/* but one that is being written stays, and the new ones are lost */
	publish_taken(pub, "a", 300000, 1);
	client_takes(slow, 10);
	publish_taken(pub, "a", 10, 5);
	n = count_all(slow);
	assert_int_equal(n.received, 1);
	assert_int_equal(n.announced, 5);
	client_free(slow);
	client_free(pub);
	rig_fini(&r);
}

TEST(answers_are_never_dropped_and_keep_their_place_among_gaps)
{
	struct client *slow, *pub;
	struct message m;
	struct rig r;

	rig_init(&r);
	slow = open_on(&r, "drop-oldest", "a");
	pub = client_open(&r, "pub", 1000);
	publish_taken(pub, "a", 30000, 2);
	client_says_hex(slow, "92 0a 01");
	publish_taken(pub, "a", 30000, 4);
	client_says_hex(slow, "92 0a 02");

	m = client_next(slow, TYPE_GAP);
	assert_int_equal(m.gap.frames, 2);
	client_next(slow, TYPE_PONG);
	m = client_next(slow, TYPE_GAP);
	assert_int_equal(m.gap.frames, 1);
	for (int i = 0; i < 3; i++)
		client_next(slow, TYPE_PUBLISH);
	m = client_next(slow, TYPE_PONG);
	assert_int_equal(m.pong.token, 2);
	client_expect_nothing(slow);
	client_free(slow);
	client_free(pub);
	rig_fini(&r);
}

TEST(with_nothing_but_answers_in_it_the_new_message_is_the_one_that_is_lost)
{
	struct capture err;
	struct client *slow, *pub;
	struct message m;
	struct rig r;
	unsigned pings = 0;

	rig_init(&r);
	r.broker.log.level = LOG_WARN;
	slow = open_on(&r, "drop-oldest", "a");
	pub = client_open(&r, "pub", 1000);
	for (; slow->session.out.bytes < HIGH; pings++)
		client_says_hex(slow, "92 0a 01");
	capture_begin(&err, stderr);
	publish_taken(pub, "a", 10, 3);
	assert_non_null(strstr(capture_end(&err), "dropped messages=1 bytes="));
	assert_non_null(strstr(err.text, " limit=80000 of=outbox-high "));
	while (pings-- > 0)
		client_next(slow, TYPE_PONG);
	m = client_next(slow, TYPE_GAP);
	assert_int_equal(m.gap.frames, 3);
	publish_taken(pub, "a", 10, 1);
	client_next(slow, TYPE_PUBLISH);
	client_free(slow);
	client_free(pub);
	rig_fini(&r);
}

/* What it sends to itself, too. */
TEST(messages_that_cannot_wait_make_room_for_themselves_as_well)
{
	struct client *me;
	struct rig r;
	struct count n;

	rig_init(&r);
	me = open_on(&r, "drop-oldest", "a");
	publish_taken(me, "a", 10000, 50);
	assert_true(me->session.out.bytes < HIGH + 10100);
	n = count_all(me);
	assert_int_equal(n.received + n.announced, 50);
	client_free(me);
	rig_fini(&r);
}

/* ---- disconnect ----------------------------------------------------------- */

TEST(who_wants_to_be_disconnected_is_at_the_mark_and_holds_nobody)
{
	struct client *slow, *pub;
	struct message m;
	struct rig r;

	rig_init(&r);
	slow = open_on(&r, "disconnect", "a");
	pub = client_open(&r, "pub", 1000);
	publish_taken(pub, "a", 10000, 8);
	rig_step(&r, 0);
	assert_int_equal(slow->session.state, SESSION_OPEN);
	publish_taken(pub, "a", 10000, 20);
	rig_step(&r, 0);
	assert_int_equal(slow->session.state, SESSION_ENDING);
	m = client_next(slow, TYPE_GAP);
	/* the first for which there was no room is among those that it lost */
	assert_int_equal(m.gap.frames, 9);
	assert_int_equal(pub->session.unmatched, 19);
	client_expect_error(slow, STATUS_SLOW_CONSUMER, true, 0,
	                    "asked to be disconnected");
	client_expect_nothing(slow);
	client_free(slow);

	/* that was its own wish: it has not held anybody up */
	client_free(open_with(&r, "disconnect", "block", "block"));
	client_free(pub);
	rig_fini(&r);
}

TEST(it_is_asked_once_more_before_it_goes)
{
	struct client *slow, *pub;
	struct rig r;

	rig_init(&r);
	slow = open_on(&r, "disconnect", "a");
	pub = client_open(&r, "pub", 1000);
	slow->can_take = 20000;
	publish_taken(pub, "a", 10000, 9);
	rig_step(&r, 0);
	assert_int_equal(slow->session.state, SESSION_OPEN);
	/* and again when it is at the mark again */
	publish_taken(pub, "a", 10000, 5);
	assert_int_equal(slow->session.state, SESSION_ENDING);
	client_free(slow);
	client_free(pub);
	rig_fini(&r);
}

/* Though it could read on now. */
TEST(it_goes_also_when_the_message_could_not_wait)
{
	struct client *slow, *pub;
	struct message m;
	struct rig r;

	rig_init(&r);
	slow = open_on(&r, "disconnect", "a");
	pub = client_open(&r, "pub", 1000);
	publish_taken(pub, "a", 10000, 30);
	slow->can_take = SIZE_MAX;
	rig_step(&r, 0);
	assert_int_equal(slow->session.state, SESSION_ENDING);
	m = client_next(slow, TYPE_GAP);
	assert_int_equal(m.gap.frames + pub->session.unmatched, 30);
	client_expect_error(slow, STATUS_SLOW_CONSUMER, true, 0,
	                    "asked to be disconnected");
	client_expect_nothing(slow);
	client_free(slow);
	client_free(pub);
	rig_fini(&r);
}

TEST(it_may_be_its_own_message_that_finds_it_full)
{
	struct client *me;
	struct message m;
	struct rig r;

	rig_init(&r);
	me = open_on(&r, "disconnect", "a");
	for (int i = 0; i < 8; i++)
		client_publishes(me, "a", 10000);
	assert_int_equal(client_publishes(me, "a", 10000), COMMAND_LAST);
	m = client_next(me, TYPE_GAP);
	assert_int_equal(m.gap.frames, 9);
	client_expect_error(me, STATUS_SLOW_CONSUMER, true, 0,
	                    "asked to be disconnected");
	client_free(me);
	rig_fini(&r);
}

TEST(it_may_end_before_it_is_due)
{
	struct client *slow, *pub;
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 3; i++) {
		slow = open_on(&r, "disconnect", "a");
		pub = client_open(&r, "pub", 1000);
		publish_taken(pub, "a", 10000, 8);
		shed_soon(&slow->session.out);
		if (i == 0)
			session_is_deaf(&slow->session);
		else if (i == 1)
			session_end(&slow->session);
		if (i < 2)
			rig_step(&r, 0);
		client_free(slow);
		client_free(pub);
	}
	rig_fini(&r);
}

/* ---- memory --------------------------------------------------------------- */

/* Ten stopped monitors, and memory for less than they may owe. */
TEST(when_memory_is_short_those_that_drop_do_so_and_publishers_go_on)
{
	struct config config = some_config();
	struct client *slow[10], *pub, *fast;
	struct rig r;

	config.memory_max = 8u << 20;
	config.outbox_high = 4u << 20;
	rig_init_with(&r, config);
	for (unsigned i = 0; i < COUNT(slow); i++) {
		char filter[] = "a.0";

		filter[2] = (char)('0' + i % 5);
		slow[i] = open_on(&r, "drop-oldest", filter);
	}
	fast = client_open_on(&r, "fast", "**");
	pub = client_open(&r, "pub", 1000);
	for (unsigned i = 0; i < 2000; i++) {
		char topic[] = "a.0";

		topic[2] = (char)('0' + i % 5);
		client_publishes(pub, topic, 20000);
		rig_turn(&r); /* it may have waited for what was shed */
		assert_false(session_is_waiting(&pub->session));
		client_next(fast, TYPE_PUBLISH);
		client_expect_nothing(fast);
		assert_true(r.broker.pool.used <= config.memory_max);
	}
	for (unsigned i = 0; i < COUNT(slow); i++) {
		struct count n = count_all(slow[i]);

		assert_int_equal(n.received + n.announced, 2000 / 5);
		assert_int_equal(n.gaps, 1);
		assert_true(n.received > 10); /* no more than was needed */
		client_free(slow[i]);
	}
	client_free(fast);
	client_free(pub);
	rig_fini(&r);
}

TEST(memory_that_others_hold_costs_those_that_drop_everything_and_ends)
{
	struct config config = some_config();
	struct client *slow, *pub, *blocked;
	struct capture err;
	struct rig r;
	struct count n;

	config.memory_max = 4u << 20;
	config.outbox_high = 16u << 20;
	rig_init_with(&r, config);
	slow = open_on(&r, "drop-oldest", "a");
	blocked = open_on(&r, "block", "a");
	pub = client_open(&r, "pub", 1000);
	r.broker.log.level = LOG_WARN;
	capture_begin(&err, stderr);
	for (unsigned i = 0; !session_is_waiting(&pub->session); i++) {
		client_publishes(pub, "a", 20000);
		rig_turn(&r);
		assert_true(i < 1000);
	}
	assert_non_null(
		strstr(capture_end(&err), " limit=4194304 of=memory-max "));
	assert_true(outbox_owes(&slow->session.out) < 200);
	n = count_all(slow);
	assert_int_equal(n.announced, pub->session.accepted);
	client_free(blocked);
	rig_turn(&r);
	assert_false(session_is_waiting(&pub->session));
	client_free(slow);
	client_free(pub);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_session_is_granted_the_policy_that_it_asks_for),
		cmocka_unit_test(
			who_was_evicted_for_stalling_may_not_hold_others_up_for_60_s),
		cmocka_unit_test(
			who_held_one_publisher_for_too_long_may_not_hold_others_up_either),
		cmocka_unit_test(nobody_is_held_by_one_that_drops),
		cmocka_unit_test(
			the_kernel_is_asked_before_anything_is_dropped),
		cmocka_unit_test(it_may_turn_out_to_have_gone),
		cmocka_unit_test(
			a_message_that_is_larger_than_the_mark_is_taken_whole),
		cmocka_unit_test(
			answers_are_never_dropped_and_keep_their_place_among_gaps),
		cmocka_unit_test(
			with_nothing_but_answers_in_it_the_new_message_is_the_one_that_is_lost),
		cmocka_unit_test(
			messages_that_cannot_wait_make_room_for_themselves_as_well),
		cmocka_unit_test(
			who_wants_to_be_disconnected_is_at_the_mark_and_holds_nobody),
		cmocka_unit_test(it_is_asked_once_more_before_it_goes),
		cmocka_unit_test(it_goes_also_when_the_message_could_not_wait),
		cmocka_unit_test(it_may_be_its_own_message_that_finds_it_full),
		cmocka_unit_test(it_may_end_before_it_is_due),
		cmocka_unit_test(
			when_memory_is_short_those_that_drop_do_so_and_publishers_go_on),
		cmocka_unit_test(
			memory_that_others_hold_costs_those_that_drop_everything_and_ends),
	};

	return RUN(tests);
}
