/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/hold.h"

#include "broker/shed.h"
#include "sessions.h"

/* The marks of some_config(): full at 80,000, and again open at 70,000. */
#define HIGH 80000u
#define LOW  70000u

/* Publishers, and a subscriber that is full. */
struct scene {
	struct rig rig;
	struct client *slow;
	struct client *fast; /* subscribes to the same, and reads */
	struct client *pub[4];
};

static void
fill(struct scene *s)
{
	while (s->slow->session.out.bytes < HIGH) {
		assert_int_equal(client_publishes(s->pub[0], "a.b", 10000),
		                 COMMAND_TAKEN);
		client_reads_all(s->fast);
	}
	s->fast->got.len = 0;
}

static void
scene_init(struct scene *s)
{
	rig_init(&s->rig);
	s->slow = client_open_on(&s->rig, "slow", "a.**");
	s->fast = client_open_on(&s->rig, "fast", "**");
	for (int i = 0; i < 4; i++)
		s->pub[i] = client_open(&s->rig, "pub", 1000);
	fill(s);
}

static void
scene_fini(struct scene *s)
{
	client_free(s->slow);
	client_free(s->fast);
	for (int i = 0; i < 4; i++)
		client_free(s->pub[i]);
	rig_fini(&s->rig);
}

static size_t
count_frames(struct client *c)
{
	size_t n = 0;

	while (client_next_frame(c))
		n++;
	return n;
}

TEST(a_full_outbox_holds_the_publisher_and_its_message_goes_to_nobody)
{
	struct scene s;

	scene_init(&s);
	assert_int_equal(client_publishes(s.pub[1], "a.c", 10), COMMAND_WAITS);
	assert_true(session_is_waiting(&s.pub[1]->session));
	client_expect_nothing(s.fast); /* though it has room */
	assert_int_equal(s.pub[1]->session.accepted, 0);

	/* topics that the slow one does not get are not held */
	assert_int_equal(client_publishes(s.pub[2], "b", 10), COMMAND_TAKEN);
	client_next(s.fast, TYPE_PUBLISH);
	scene_fini(&s);
}

TEST(the_publisher_goes_on_at_the_low_mark_and_not_before)
{
	struct scene s;
	size_t owed;

	scene_init(&s);
	client_publishes(s.pub[1], "a.c", 10);
	owed = s.slow->session.out.bytes;
	client_takes(s.slow, owed - LOW - 1);
	rig_turn(&s.rig);
	assert_true(session_is_waiting(&s.pub[1]->session));
	client_takes(s.slow, 1);
	rig_turn(&s.rig);
	assert_false(session_is_waiting(&s.pub[1]->session));
	client_next(s.fast, TYPE_PUBLISH);
	client_expect_nothing(s.fast);
	scene_fini(&s);
}

TEST(who_waits_goes_on_in_the_order_of_waiting_and_newcomers_come_last)
{
	static const char *const topics[] = { "a.1", "a.2", "a.3" };
	static const unsigned turns[] = { 2, 1, 3 };
	struct scene s;

	scene_init(&s);
	for (int i = 0; i < 3; i++) {
		client_publishes(s.pub[turns[i]], topics[i], 10);
		assert_true(session_is_waiting(&s.pub[turns[i]]->session));
	}
	/* there is room again, but others were here before it */
	outbox_sleep(&s.slow->session.out);
	client_takes(s.slow, 5000);
	assert_true(s.slow->session.out.bytes < HIGH);
	assert_int_equal(client_publishes(s.pub[0], "a.0", 10), COMMAND_WAITS);

	client_takes(s.slow, 20000);
	rig_turn(&s.rig);
	for (int i = 0; i < 4; i++) {
		char want = (char)(i < 3 ? '1' + i : '0');

		client_next(s.fast, TYPE_PUBLISH);
		assert_int_equal(s.fast->frame.at[18], 0xa3);
		assert_int_equal(s.fast->frame.at[21], want);
	}
	client_expect_nothing(s.fast);
	scene_fini(&s);
}

TEST(those_for_whom_there_is_no_room_after_all_keep_their_order)
{
	struct scene s;

	scene_init(&s);
	client_publishes(s.pub[1], "a.1", 30000);
	client_publishes(s.pub[2], "a.2", 30000);
	client_publishes(s.pub[3], "a.3", 30000);
	for (unsigned i = 1; i < 4; i++) {
		client_takes(s.slow, s.slow->session.out.bytes - LOW + 1);
		rig_turn(&s.rig);
		for (unsigned k = 1; k < 4; k++)
			assert_int_equal(session_is_waiting(&s.pub[k]->session),
			                 k > i);
	}
	scene_fini(&s);
}

TEST(a_publisher_is_told_after_100_ms_by_whom_it_is_held_and_when_it_ends)
{
	struct message m;
	struct scene s;

	scene_init(&s);
	client_publishes(s.pub[1], "a.c", 10);
	rig_step(&s.rig, 99);
	client_expect_nothing(s.pub[1]);
	rig_step(&s.rig, 1);
	m = client_next(s.pub[1], TYPE_HOLD);
	assert_true(m.hold.on);
	assert_int_equal(m.hold.session, s.slow->session.id);
	assert_true(text_equals(m.hold.name, "slow"));
	assert_true(text_equals(m.hold.topic, "a.c"));
	rig_step(&s.rig, 500);
	client_expect_nothing(s.pub[1]);

	client_reads_all(s.slow);
	rig_turn(&s.rig);
	m = client_next(s.pub[1], TYPE_HOLD);
	assert_false(m.hold.on);
	assert_int_equal(m.hold.session, s.slow->session.id);
	assert_true(text_equals(m.hold.topic, "a.c"));
	client_expect_nothing(s.pub[1]);
	scene_fini(&s);
}

TEST(a_short_hold_is_not_worth_a_word)
{
	struct scene s;

	scene_init(&s);
	client_publishes(s.pub[1], "a.c", 10);
	rig_step(&s.rig, 99);
	client_reads_all(s.slow);
	rig_turn(&s.rig);
	rig_step(&s.rig, 1000);
	client_expect_nothing(s.pub[1]);
	scene_fini(&s);
}

/* What the evicted one gets: the frame in hand, one GAP, the last ERROR. */
static void
expect_evicted(struct scene *s, size_t owed_frames, const char *words)
{
	struct client *c = s->slow;
	struct message m;

	assert_int_equal(c->session.state, SESSION_ENDING);
	assert_int_equal(c->endings, 1);
	assert_int_equal(c->session.subs.n, 0);
	m = client_next(c, TYPE_GAP);
	assert_int_equal(m.gap.frames, owed_frames);
	client_expect_error(c, STATUS_SLOW_CONSUMER, true, 0, words);
	client_expect_nothing(c);
}

TEST(who_takes_no_byte_for_2_s_while_others_wait_is_evicted)
{
	struct scene s;

	scene_init(&s);
	rig_step(&s.rig, 60000); /* nobody waits: no clock runs */
	assert_int_equal(s.slow->session.state, SESSION_OPEN);
	client_publishes(s.pub[1], "a.c", 10);
	rig_step(&s.rig, 1999);
	assert_int_equal(s.slow->session.state, SESSION_OPEN);
	rig_step(&s.rig, 1);
	expect_evicted(&s, 8, "took no byte for 2000 ms");
	rig_turn(&s.rig);
	assert_false(session_is_waiting(&s.pub[1]->session));
	client_next(s.fast, TYPE_PUBLISH); /* and now the others get it */
	scene_fini(&s);
}

TEST(a_byte_is_progress_and_starts_the_2_s_anew)
{
	struct scene s;

	scene_init(&s);
	client_publishes(s.pub[1], "a.c", 10);
	for (int i = 0; i < 4; i++) {
		rig_step(&s.rig, 1999);
		assert_int_equal(client_takes(s.slow, 1), 1);
	}
	assert_int_equal(s.slow->session.state, SESSION_OPEN);
	rig_step(&s.rig, 2000);
	assert_int_equal(s.slow->session.state, SESSION_ENDING);
	scene_fini(&s);
}

/* As full as the slow one, by the same messages. */
static struct client *
open_as_full(struct scene *s)
{
	struct client *c = client_open_on(&s->rig, "too", "a.c");

	client_reads_all(s->slow);
	fill(s);
	while (c->session.out.bytes < HIGH) {
		client_publishes(s->pub[0], "a.c", 10000);
		client_takes(s->slow, 10000);
		client_reads_all(s->fast);
	}
	while (s->slow->session.out.bytes < HIGH)
		client_publishes(s->pub[0], "a.b", 10000);
	client_reads_all(s->fast);
	s->fast->got.len = 0;
	return c;
}

TEST(all_that_are_full_for_a_message_have_the_same_2_s)
{
	struct client *too;
	struct scene s;

	scene_init(&s);
	too = open_as_full(&s);
	assert_int_equal(client_publishes(s.pub[1], "a.c", 10), COMMAND_WAITS);
	rig_step(&s.rig, 1999);
	assert_int_equal(s.slow->session.state, SESSION_OPEN);
	assert_int_equal(too->session.state, SESSION_OPEN);
	rig_step(&s.rig, 1);
	assert_int_equal(s.slow->session.state, SESSION_ENDING);
	assert_int_equal(too->session.state, SESSION_ENDING);
	rig_turn(&s.rig);
	assert_false(session_is_waiting(&s.pub[1]->session));
	client_free(too);
	scene_fini(&s);
}

/* The one that is waited for is relieved. */
TEST(the_2_s_of_another_one_do_not_begin_anew_when_it_is_waited_for_itself)
{
	struct client *first, *other;
	struct scene s;

	scene_init(&s);
	other = open_as_full(&s);
	assert_int_equal(client_publishes(s.pub[1], "a.c", 10), COMMAND_WAITS);
	first = (struct client *)s.pub[1]->session.hold->by;
	other = first == other ? s.slow : other;
	rig_step(&s.rig, 1500);
	client_reads_all(first);
	rig_turn(&s.rig);
	assert_ptr_equal(s.pub[1]->session.hold->by, &other->session);
	rig_step(&s.rig, 499);
	assert_int_equal(other->session.state, SESSION_OPEN);
	rig_step(&s.rig, 1);
	assert_int_equal(other->session.state, SESSION_ENDING);
	client_free(first == s.slow ? other : first);
	scene_fini(&s);
}

TEST(who_made_some_room_and_is_waited_for_again_is_on_the_clock_again)
{
	struct client *first, *too;
	struct scene s;

	scene_init(&s);
	too = open_as_full(&s);
	client_publishes(s.pub[1], "a.c", 10);
	first = (struct client *)s.pub[1]->session.hold->by;
	for (int i = 0; i < 3; i++) {
		struct client *by = (struct client *)s.pub[1]->session.hold->by;

		rig_step(&s.rig, 1000);
		client_takes(by, by->session.out.bytes - LOW);
		while (by->session.out.bytes < HIGH)
			session_refuse(&by->session, STATUS_LIMIT, 1,
			               (struct text){ NULL, 0 }, "%0390d", 0);
		rig_turn(&s.rig);
		assert_true(session_is_waiting(&s.pub[1]->session));
	}
	rig_step(&s.rig, 2000);
	assert_int_equal(first->session.state, SESSION_ENDING);
	assert_int_equal(too->session.state, SESSION_ENDING);
	client_free(too);
	scene_fini(&s);
}

TEST(another_one_that_takes_a_byte_or_is_not_waited_for_any_more_stays)
{
	enum { TAKES, UNSUBSCRIBES, SENDER_GOES, N_WAYS };

	for (int way = 0; way < N_WAYS; way++) {
		struct client *first, *other, *too;
		struct scene s;

		scene_init(&s);
		too = open_as_full(&s);
		client_publishes(s.pub[1], "a.c", 10);
		first = (struct client *)s.pub[1]->session.hold->by;
		other = first == too ? s.slow : too;
		rig_step(&s.rig, 1000);
		if (way == TAKES) {
			assert_int_equal(client_takes(other, 1), 1);
			client_takes(first, 1);
		} else if (way == UNSUBSCRIBES) {
			client_unsubscribes(other, 1);
		} else {
			session_leave(&s.pub[1]->session);
		}
		rig_step(&s.rig, 1000);
		assert_int_equal(other->session.state, SESSION_OPEN);
		rig_step(&s.rig, 1000);
		assert_int_equal(other->session.state,
		                 way == TAKES ? SESSION_ENDING : SESSION_OPEN);
		client_free(too);
		scene_fini(&s);
	}
}

TEST(before_it_evicts_the_broker_offers_a_byte)
{
	struct scene s;

	scene_init(&s);
	client_publishes(s.pub[1], "a.c", 10);
	s.slow->can_take = 1;
	rig_step(&s.rig, 2000);
	assert_int_equal(s.slow->session.state, SESSION_OPEN);
	rig_step(&s.rig, 1999);
	assert_int_equal(s.slow->session.state, SESSION_OPEN);
	rig_step(&s.rig, 1);
	assert_int_equal(s.slow->session.state, SESSION_ENDING);
	scene_fini(&s);
}

/* Its end is seen when it is offered a byte: what it sent is still routed. */
TEST(one_that_has_gone_is_not_evicted_for_being_slow)
{
	struct scene s;

	scene_init(&s);
	client_publishes(s.pub[1], "a.c", 10);
	s.slow->goes_deaf = true;
	rig_step(&s.rig, 2000);
	assert_int_equal(s.slow->session.state, SESSION_OPEN);
	rig_turn(&s.rig);
	assert_false(session_is_waiting(&s.pub[1]->session));
	assert_int_equal(client_publishes(s.slow, "b", 5), COMMAND_TAKEN);
	assert_int_equal(count_frames(s.fast), 2);
	scene_fini(&s);
}

TEST(who_holds_one_publisher_for_10_s_is_evicted_however_steady_it_is)
{
	struct scene s;

	scene_init(&s);
	client_publishes(s.pub[1], "a.c", 10);
	for (int i = 0; i < 99; i++) {
		rig_step(&s.rig, 100);
		client_takes(s.slow, 10);
	}
	rig_step(&s.rig, 99);
	assert_int_equal(s.slow->session.state, SESSION_OPEN);
	rig_step(&s.rig, 1);
	s.slow->got.len = 0;
	assert_int_equal(s.slow->session.state, SESSION_ENDING);
	rig_turn(&s.rig);
	assert_false(session_is_waiting(&s.pub[1]->session));
	scene_fini(&s);
}

TEST(whose_turn_comes_without_room_has_been_held_all_the_time)
{
	static const unsigned order[] = { 1, 2, 3, 0 };
	struct scene s;

	scene_init(&s);
	for (int i = 0; i < 4; i++)
		client_publishes(s.pub[order[i]], "a.c", 30000);
	/* every 4 s there is room for one of them: the last one's turn comes
	   three times in vain */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(s.slow->session.state, SESSION_OPEN);
		for (int k = 0; k < 4; k++) {
			rig_step(&s.rig, 1000);
			client_takes(s.slow, 10);
		}
		client_takes(s.slow, s.slow->session.out.bytes - LOW + 1);
		rig_turn(&s.rig);
		client_reads_all(s.fast);
	}
	rig_step(&s.rig, 0);
	assert_int_equal(s.slow->session.state, SESSION_ENDING);
	rig_turn(&s.rig);
	assert_false(session_is_waiting(&s.pub[0]->session));
	scene_fini(&s);
}

TEST(an_eviction_cuts_behind_the_frame_that_is_being_written)
{
	struct message m;
	struct scene s;
	size_t len;

	scene_init(&s);
	client_publishes(s.pub[1], "a.c", 10);
	client_takes(s.slow, 100);
	rig_step(&s.rig, 2000);
	client_next(s.slow, TYPE_PUBLISH); /* whole */
	len = s.slow->frame.len;
	m = client_next(s.slow, TYPE_GAP);
	assert_int_equal(m.gap.frames, 7);
	assert_int_equal(m.gap.bytes, 7 * len);
	client_expect_error(s.slow, STATUS_SLOW_CONSUMER, true, 0, "");
	scene_fini(&s);
}

/* ---- readers that keep up -------------------------------------------------- */

/* A publisher and a subscriber whose outbox has a soft mark of 512 KiB. */
struct pair {
	struct rig rig;
	struct client *sub, *pub;
};

static size_t
soft_mark(const struct pair *p)
{
	return p->rig.broker.limits.soft;
}

/* Publish until the publisher waits, and say how much that was. */
static size_t
publish_all_you_can(struct pair *p)
{
	while (client_publishes(p->pub, "a.b", 10000) == COMMAND_TAKEN)
		continue;
	return p->sub->session.out.bytes;
}

static void
pair_init(struct pair *p)
{
	struct config config = some_config();

	config.outbox_high = 2u << 20;
	rig_init_with(&p->rig, config);
	p->sub = client_open_on(&p->rig, "sub", "a.**");
	p->pub = client_open(&p->rig, "pub", 1000);
}

static void
pair_fini(struct pair *p)
{
	client_free(p->sub);
	client_free(p->pub);
	rig_fini(&p->rig);
}

TEST(who_keeps_up_is_full_at_the_soft_mark_and_nobody_is_told)
{
	struct pair p;
	size_t owed;

	pair_init(&p);
	owed = publish_all_you_can(&p);
	assert_in_range(owed, soft_mark(&p), soft_mark(&p) + 11000);
	assert_null(p.pub->session.hold);
	rig_step(&p.rig, PACE_MS - 1);
	assert_true(session_is_waiting(&p.pub->session));

	client_takes(p.sub, owed - p.rig.broker.limits.soft_low - 1);
	assert_true(session_is_waiting(&p.pub->session));
	client_takes(p.sub, 1);
	assert_false(session_is_waiting(&p.pub->session));
	rig_turn(&p.rig);
	/* it is as if it had never waited: the clock starts anew */
	publish_all_you_can(&p);
	rig_step(&p.rig, PACE_MS - 1);
	assert_true(session_is_waiting(&p.pub->session));
	client_expect_nothing(p.pub);
	pair_fini(&p);
}

TEST(who_makes_no_room_in_10_ms_is_slow_and_gets_all_the_room_there_is)
{
	struct pair p;
	size_t owed;

	pair_init(&p);
	publish_all_you_can(&p);
	client_takes(p.sub, 1000); /* not enough of it */
	rig_step(&p.rig, PACE_MS);
	assert_false(session_is_waiting(&p.pub->session));
	rig_turn(&p.rig);

	owed = publish_all_you_can(&p);
	assert_in_range(owed, 2u << 20, (2u << 20) + 11000);
	assert_non_null(p.pub->session.hold);
	rig_step(&p.rig, 100);
	client_next(p.pub, TYPE_HOLD);
	pair_fini(&p);
}

TEST(who_was_slow_and_has_caught_up_is_not_slow_any_more)
{
	struct pair p;

	pair_init(&p);
	publish_all_you_can(&p);
	rig_step(&p.rig, PACE_MS);
	rig_turn(&p.rig);
	client_takes(p.sub,
	             publish_all_you_can(&p) - p.rig.broker.limits.soft_low);
	rig_turn(&p.rig);
	assert_in_range(publish_all_you_can(&p), soft_mark(&p),
	                soft_mark(&p) + 11000);
	assert_null(p.pub->session.hold);
	pair_fini(&p);
}

TEST(who_waits_for_moments_may_end_or_lose_what_it_waits_for)
{
	struct pair p;

	pair_init(&p);
	publish_all_you_can(&p);
	client_unsubscribes(p.sub, 1);
	assert_true(session_is_waiting(&p.pub->session));
	rig_step(&p.rig, PACE_MS);
	rig_turn(&p.rig);
	assert_false(session_is_waiting(&p.pub->session));
	pair_fini(&p);

	pair_init(&p);
	publish_all_you_can(&p);
	session_end(&p.pub->session);
	rig_step(&p.rig, PACE_MS);
	assert_false(p.sub->session.out.slow);
	pair_fini(&p);

	pair_init(&p);
	publish_all_you_can(&p);
	session_end(&p.sub->session);
	assert_false(session_is_waiting(&p.pub->session));
	pair_fini(&p);
}

TEST(unsubscribing_frees_those_whose_message_it_does_not_get_any_more)
{
	struct scene s;
	uint64_t due;

	scene_init(&s);
	client_subscribes(s.slow, 2, "a.x");
	client_publishes(s.pub[1], "a.c", 10);
	client_publishes(s.pub[2], "a.x", 10);
	rig_step(&s.rig, 1500);
	due = deadline_queue_next(&s.rig.broker.stalls);
	client_unsubscribes(s.slow, 1); /* a.x it still gets */
	rig_turn(&s.rig);
	assert_false(session_is_waiting(&s.pub[1]->session));
	assert_true(session_is_waiting(&s.pub[2]->session));
	client_next(s.fast, TYPE_PUBLISH);
	client_expect_nothing(s.fast);
	/* and no clock was set back by it */
	assert_true(deadline_queue_next(&s.rig.broker.stalls) == due);
	rig_step(&s.rig, 500);
	assert_int_equal(s.slow->session.state, SESSION_ENDING);
	scene_fini(&s);
}

TEST(a_holder_that_leaves_holds_nobody)
{
	struct scene s;

	scene_init(&s);
	client_publishes(s.pub[1], "a.c", 10);
	rig_step(&s.rig, 200);
	client_next(s.pub[1], TYPE_HOLD);
	client_says_hex(s.slow, "93 0c a0 00");
	assert_int_equal(s.slow->session.state, SESSION_ENDING);
	rig_turn(&s.rig);
	assert_false(client_next(s.pub[1], TYPE_HOLD).hold.on);
	client_next(s.fast, TYPE_PUBLISH);
	/* what it is owed is still sent, in order */
	assert_int_equal(count_frames(s.slow), 8);
	scene_fini(&s);
}

TEST(a_held_session_may_end_in_any_way)
{
	struct scene s;

	scene_init(&s);
	for (int i = 1; i < 4; i++)
		client_publishes(s.pub[i], "a.c", 10);
	rig_step(&s.rig, 200);
	session_fail(&s.pub[1]->session, STATUS_TIMEOUT, "for a test");
	session_evict(&s.pub[2]->session, "for a test");
	session_is_deaf(&s.pub[3]->session);
	assert_false(session_is_waiting(&s.pub[1]->session));
	assert_false(session_is_waiting(&s.pub[2]->session));
	assert_true(session_is_waiting(&s.pub[3]->session));
	client_free(s.pub[3]);
	s.pub[3] = client_new(&s.rig, 1);
	rig_step(&s.rig, 60000);
	assert_int_equal(s.slow->session.state, SESSION_OPEN);
	scene_fini(&s);
}

/* ---- what is not held ------------------------------------------------------ */

TEST(a_session_is_not_held_by_itself_but_beyond_twice_the_mark_it_gets_a_gap)
{
	struct client *c, *other;
	size_t n = 0, lost = 0;
	struct message m;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "a");
	other = client_open_on(&r, "other", "a");
	for (; c->session.out.bytes < 2 * HIGH; n++) {
		assert_int_equal(client_publishes(c, "a", 1000), COMMAND_TAKEN);
		client_takes(other, SIZE_MAX);
	}
	for (; lost < 5; lost++) {
		assert_int_equal(client_publishes(c, "a", 1000), COMMAND_TAKEN);
		client_takes(other, SIZE_MAX);
	}
	for (size_t i = 0; i < n; i++)
		client_next(c, TYPE_PUBLISH);
	m = client_next(c, TYPE_GAP);
	assert_int_equal(m.gap.frames, lost);
	assert_int_equal(m.gap.bytes, lost * (5 + 13 + 2 + 2 + 3 + 1000));
	client_expect_nothing(c);
	assert_int_equal(count_frames(other), n + lost); /* others got all */
	client_free(c);
	client_free(other);
	rig_fini(&r);
}

TEST(a_message_to_an_inbox_is_not_held_but_announced_when_it_is_lost)
{
	char inbox[INBOX_MAX];
	struct client *c, *pub;
	size_t n = 0;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1000);
	pub = client_open(&r, "pub", 1000);
	session_inbox(&c->session, inbox);
	client_subscribes(c, 1, inbox);
	client_next(c, TYPE_OK);
	for (; c->session.out.bytes < 2 * HIGH; n++)
		assert_int_equal(client_publishes(pub, inbox, 1000),
		                 COMMAND_TAKEN);
	assert_int_equal(client_publishes(pub, inbox, 1000), COMMAND_TAKEN);
	for (size_t i = 0; i < n; i++)
		client_next(c, TYPE_PUBLISH);
	assert_int_equal(client_next(c, TYPE_GAP).gap.frames, 1);
	client_expect_nothing(c);
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

/* ---- groups --------------------------------------------------------------- */

/* Three members that are full, "a" the least, and a publisher that waits. */
struct group_scene {
	struct rig rig;
	struct client *m[3];
	struct client *pub;
};

static void
group_scene_init(struct group_scene *s)
{
	static const char *const names[] = { "a", "b", "c" };

	rig_init(&s->rig);
	for (int i = 0; i < 3; i++)
		s->m[i] = client_open_in(&s->rig, names[i], "g", "x.*");
	s->pub = client_open(&s->rig, "pub", 1000);
	/* in turn, so that the first one is left with the smallest */
	client_publishes(s->pub, "x.y", HIGH);
	client_publishes(s->pub, "x.y", HIGH + 10);
	client_publishes(s->pub, "x.y", HIGH + 20);
	for (int i = 0; i < 3; i++)
		assert_true(outbox_is_full(&s->m[i]->session.out));
	assert_int_equal(client_publishes(s->pub, "x.z", 10), COMMAND_WAITS);
	rig_step(&s->rig, 100);
	assert_true(text_equals(client_next(s->pub, TYPE_HOLD).hold.name, "a"));
}

static void
group_scene_fini(struct group_scene *s)
{
	for (int i = 0; i < 3; i++)
		client_free(s->m[i]);
	client_free(s->pub);
	rig_fini(&s->rig);
}

/* The publisher goes on, and `c` has the message behind `before` others. */
static void
expect_goes_on(struct group_scene *s, struct client *c, unsigned before)
{
	assert_false(session_is_waiting(&s->pub->session));
	rig_turn(&s->rig);
	assert_false(session_is_waiting(&s->pub->session));
	assert_false(client_next(s->pub, TYPE_HOLD).hold.on);
	assert_int_equal(client_count(c, TYPE_DELIVER), before + 1);
}

TEST(a_group_holds_when_all_are_full_and_not_before)
{
	struct group_scene s;

	group_scene_init(&s);
	assert_int_equal(s.pub->session.accepted, 3);
	client_takes(s.m[0], s.m[0]->session.out.bytes - LOW);
	expect_goes_on(&s, s.m[0], 1);
	group_scene_fini(&s);
}

TEST(room_at_any_member_ends_a_hold_by_a_group)
{
	struct group_scene s;

	group_scene_init(&s);
	client_takes(s.m[2], 10);
	rig_turn(&s.rig);
	assert_true(session_is_waiting(&s.pub->session)); /* still full */
	client_takes(s.m[2], 200);
	expect_goes_on(&s, s.m[2], 1);
	/* and the next time again */
	assert_true(list_is_empty(&s.m[2]->session.awaited));
	client_publishes(s.pub, "x.y", HIGH + 30);
	client_publishes(s.pub, "x.y", 10);
	assert_true(session_is_waiting(&s.pub->session));
	client_takes(s.m[1], SIZE_MAX);
	assert_false(session_is_waiting(&s.pub->session));
	group_scene_fini(&s);
}

TEST(one_that_joins_a_full_group_gets_what_waits)
{
	struct group_scene s;
	struct client *late;

	group_scene_init(&s);
	late = client_open_in(&s.rig, "late", "h", "x.*"); /* not that one */
	assert_true(session_is_waiting(&s.pub->session));
	client_joins(late, 2, "g", "x.*");
	client_next(late, TYPE_OK);
	rig_turn(&s.rig);
	assert_false(client_next(s.pub, TYPE_HOLD).hold.on);
	assert_int_equal(client_count(late, TYPE_DELIVER),
	                 2); /* both groups' */
	client_free(late);
	group_scene_fini(&s);
}

TEST(one_that_joins_while_it_is_full_gets_what_waits_once_it_is_not)
{
	struct group_scene s;
	struct client *late;

	group_scene_init(&s);
	late = client_open_on(&s.rig, "late", "fill");
	client_publishes(late, "fill", HIGH + 10);
	client_joins(late, 2, "g", "x.*");
	rig_turn(&s.rig);
	assert_true(session_is_waiting(&s.pub->session));
	client_next(late, TYPE_PUBLISH);
	client_next(late, TYPE_OK);
	expect_goes_on(&s, late, 0);
	client_free(late);
	group_scene_fini(&s);
}

TEST(a_member_that_leaves_holds_nobody_but_the_others_may)
{
	struct group_scene s;
	struct message m;

	group_scene_init(&s);
	client_subscribes(s.m[0], 2, "unrelated");
	client_unsubscribes(s.m[0], 1);
	rig_turn(&s.rig);
	assert_true(session_is_waiting(&s.pub->session));
	m = client_next(s.pub, TYPE_HOLD);
	assert_false(m.hold.on);
	assert_true(text_equals(m.hold.name, "a"));
	rig_step(&s.rig, 100);
	/* what waited for the first is one of these now: the other is least */
	m = client_next(s.pub, TYPE_HOLD);
	assert_true(m.hold.on);
	assert_true(text_equals(m.hold.name, "c"));
	client_takes(s.m[2], s.m[2]->session.out.bytes - LOW);
	expect_goes_on(&s, s.m[2], 1);
	group_scene_fini(&s);
}

TEST(a_member_that_takes_no_byte_is_evicted_and_what_waited_for_it_is_not_lost)
{
	struct group_scene s;

	group_scene_init(&s);
	rig_step(&s.rig, 1900);
	assert_int_equal(s.m[0]->session.state, SESSION_ENDING);
	client_expect_error(s.m[0], STATUS_SLOW_CONSUMER, true, 0, "2000 ms");
	client_expect_nothing(s.m[0]); /* no GAP: others have it */
	rig_turn(&s.rig);
	assert_true(session_is_waiting(&s.pub->session));
	client_takes(s.m[2], SIZE_MAX);
	client_takes(s.m[1], SIZE_MAX);
	rig_turn(&s.rig);
	assert_int_equal(client_count(s.m[1], TYPE_DELIVER) +
	                         client_count(s.m[2], TYPE_DELIVER),
	                 4);
	group_scene_fini(&s);
}

TEST(who_else_is_in_the_way_stays_in_the_way_when_a_group_is_relieved)
{
	struct group_scene s;

	group_scene_init(&s);
	/* the one that holds it gets the message plainly, too */
	client_subscribes(s.m[0], 2, "x.z");
	client_takes(s.m[2], SIZE_MAX);
	rig_turn(&s.rig);
	assert_true(session_is_waiting(&s.pub->session));
	client_unsubscribes(s.m[0], 2);
	s.m[2]->got.len = 0;
	expect_goes_on(&s, s.m[2], 0);
	group_scene_fini(&s);
}

TEST(one_full_group_of_two_is_in_the_way_until_it_has_room)
{
	struct group_scene s;
	struct client *other;

	group_scene_init(&s);
	/* a second group with the one that holds, and another one */
	other = client_open_in(&s.rig, "other", "h", "x.z");
	client_subscribes(other, 2, "fill");
	client_publishes(other, "fill", HIGH);
	client_joins(s.m[0], 7, "h", "x.z");
	client_next_frame(other);
	client_publishes(other, "fill", HIGH);
	assert_true(outbox_is_full(&other->session.out));
	/* there is room in the first, but now the second is in the way */
	client_takes(s.m[2], SIZE_MAX);
	rig_turn(&s.rig);
	assert_true(session_is_waiting(&s.pub->session));
	s.m[2]->got.len = 0;
	client_takes(other, SIZE_MAX);
	other->got.len = 0;
	expect_goes_on(&s, s.m[2], 0);
	assert_int_equal(client_count(other, TYPE_DELIVER), 1);
	client_free(other);
	group_scene_fini(&s);
}

TEST(a_publisher_is_not_held_by_itself_as_the_only_member)
{
	struct client *c;
	struct message m;
	struct rig r;
	unsigned n = 0;

	rig_init(&r);
	c = client_open_in(&r, "c", "g", "a");
	for (; c->session.out.bytes < 2 * HIGH; n++)
		assert_int_equal(client_publishes(c, "a", 1000), COMMAND_TAKEN);
	assert_int_equal(client_publishes(c, "a", 1000), COMMAND_TAKEN);
	for (unsigned i = 0; i < n; i++) {
		client_next(c, TYPE_DELIVER);
	}
	m = client_next(c, TYPE_GAP);
	assert_int_equal(m.gap.frames, 1);
	assert_int_equal(m.gap.bytes,
	                 c->frame.len ? 5 + 8 + 13 + 2 + 2 + 3 + 1000 : 0);
	client_expect_nothing(c);
	client_free(c);
	rig_fini(&r);
}

/* Two members that keep up and are full at the soft mark, and a publisher that
   waits for the first of them. */
static void
paced_scene_init(struct group_scene *s)
{
	struct config config = some_config();
	size_t soft;

	config.outbox_high = 8u << 20;
	rig_init_with(&s->rig, config);
	soft = s->rig.broker.limits.soft;
	for (int i = 0; i < 3; i++)
		s->m[i] = client_open(&s->rig, "m", 1000);
	s->pub = client_open(&s->rig, "pub", 1000);
	client_joins(s->m[0], 1, "g", "x");
	client_joins(s->m[1], 1, "g", "x");
	client_next(s->m[0], TYPE_OK);
	client_next(s->m[1], TYPE_OK);
	client_publishes(s->pub, "x", soft);
	client_publishes(s->pub, "x", soft + 10);
	assert_int_equal(client_publishes(s->pub, "x", 10), COMMAND_WAITS);
	assert_null(s->pub->session.hold);
}

TEST(who_is_paced_by_a_group_goes_on_when_the_other_member_has_room)
{
	struct group_scene s;

	paced_scene_init(&s);
	client_takes(s.m[1], 1);
	rig_turn(&s.rig);
	assert_true(session_is_waiting(&s.pub->session));
	client_takes(s.m[1], 5000);
	rig_turn(&s.rig);
	assert_false(session_is_waiting(&s.pub->session));
	group_scene_fini(&s);
}

TEST(who_is_paced_by_one_alone_is_not_helped_by_its_groups)
{
	struct group_scene s;

	paced_scene_init(&s);
	client_subscribes(s.m[0], 2, "y");
	assert_int_equal(client_publishes(s.m[2], "y", 10), COMMAND_WAITS);
	client_takes(s.m[1], 5000);
	rig_turn(&s.rig);
	assert_false(session_is_waiting(&s.pub->session));
	assert_true(session_is_waiting(&s.m[2]->session));
	rig_step(&s.rig, PACE_MS);
	rig_turn(&s.rig);
	assert_false(session_is_waiting(&s.m[2]->session));
	group_scene_fini(&s);
}

TEST(a_group_that_nobody_reads_paces_for_a_moment_and_then_takes_up_to_the_mark)
{
	struct group_scene s;

	paced_scene_init(&s);
	for (int i = 0; i < 3; i++) {
		rig_step(&s.rig, PACE_MS);
		rig_turn(&s.rig);
	}
	assert_false(session_is_waiting(&s.pub->session));
	for (int i = 0; i < 1000 && !s.pub->session.hold; i++) {
		client_publishes(s.pub, "x", 200000);
		rig_step(&s.rig,
		         session_is_waiting(&s.pub->session) ? PACE_MS : 0);
		rig_turn(&s.rig);
	}
	assert_true(session_is_waiting(&s.pub->session));
	assert_non_null(s.pub->session.hold);
	assert_true(s.m[0]->session.out.bytes >= 8u << 20);
	assert_true(s.m[1]->session.out.bytes >= 8u << 20);
	group_scene_fini(&s);
}

/* The first member, of another policy, is at its mark; the others owe more. */
static void
policy_scene_init(struct group_scene *s, enum overflow policy)
{
	group_scene_init(s);
	for (int i = 1; i < 3; i++)
		while (s->m[i]->session.out.bytes < HIGH + 20000)
			session_refuse(&s->m[i]->session, STATUS_LIMIT, 1,
			               (struct text){ NULL, 0 }, "%0390d", 0);
	client_takes(s->m[0], s->m[0]->session.out.bytes - LOW);
	rig_turn(&s->rig);
	s->m[0]->session.out.policy = policy;
	assert_int_equal(client_publishes(s->pub, "x.y", HIGH - LOW),
	                 COMMAND_TAKEN);
	assert_true(outbox_is_full(&s->m[0]->session.out));
}

static unsigned
count_delivers(struct client *c)
{
	unsigned n = 0;

	while (client_next_frame(c))
		n += c->frame.at[6] == TYPE_DELIVER;
	return n;
}

TEST(a_full_group_whose_least_member_rather_loses_messages_holds_nobody)
{
	struct group_scene s;
	struct message m;

	policy_scene_init(&s, OVERFLOW_DROP_OLDEST);
	for (int i = 0; i < 100; i++)
		assert_int_equal(client_publishes(s.pub, "x.y", 5000),
		                 COMMAND_TAKEN);
	client_next(s.m[0], TYPE_DELIVER); /* it was being written */
	m = client_next(s.m[0], TYPE_GAP);
	assert_int_equal(m.gap.frames + count_delivers(s.m[0]), 102);
	/* those that would rather wait got nothing more */
	assert_int_equal(count_delivers(s.m[1]), 1);
	assert_int_equal(count_delivers(s.m[2]), 1);
	group_scene_fini(&s);
}

TEST(a_member_that_is_cut_off_at_its_mark_leaves_the_rest_to_others)
{
	struct group_scene s;

	policy_scene_init(&s, OVERFLOW_DISCONNECT);
	assert_int_equal(client_publishes(s.pub, "x.y", 1000), COMMAND_TAKEN);
	assert_int_equal(s.m[0]->session.state, SESSION_ENDING);
	assert_int_equal(client_publishes(s.pub, "x.y", 1000), COMMAND_WAITS);
	assert_int_equal(count_delivers(s.m[1]) + count_delivers(s.m[2]),
	                 5); /* all but what was being written */
	group_scene_fini(&s);
}

/* Offered what waits for it, it turns out to be gone. */
TEST(a_member_that_ends_while_room_is_made_leaves_the_message_to_another)
{
	struct group_scene s;

	policy_scene_init(&s, OVERFLOW_DROP_OLDEST);
	s.m[0]->goes_deaf = true;
	assert_int_equal(client_publishes(s.pub, "x.y", 10), COMMAND_TAKEN);
	assert_int_equal(count_delivers(s.m[1]) + count_delivers(s.m[2]), 5);
	group_scene_fini(&s);
}

TEST(who_waits_for_a_group_may_end_and_the_group_too)
{
	struct group_scene s;

	group_scene_init(&s);
	client_free(s.pub);
	client_takes(s.m[2], SIZE_MAX); /* nobody waits for it any more */
	s.pub = client_open(&s.rig, "pub", 1000);
	client_publishes(s.pub, "x.y", HIGH);
	assert_int_equal(client_publishes(s.pub, "x.y", 10), COMMAND_WAITS);
	for (int i = 0; i < 3; i++)
		session_is_deaf(&s.m[i]->session);
	rig_turn(&s.rig);
	assert_false(session_is_waiting(&s.pub->session));
	assert_int_equal(s.pub->session.unmatched, 1);
	group_scene_fini(&s);
}

/* ---- room, however it was made ---------------------------------------------- */

/* "by" is full, of messages of a group that has another member by now; so is
   "other"; and one publisher waits for what "by" gets otherwise. */
struct room_scene {
	struct rig rig;
	struct client *by;
	struct client *other;
	struct client *pub;
};

static void
room_scene_init(struct room_scene *s)
{
	rig_init(&s->rig);
	s->by = client_open_in(&s->rig, "by", "g", "x");
	s->other = client_open_on(&s->rig, "other", "fill");
	s->pub = client_open(&s->rig, "pub", 1000);
	while (s->by->session.out.bytes < HIGH)
		client_publishes(s->other, "x", 10000);
	client_joins(s->other, 2, "g", "x");
	client_publishes(s->other, "fill", HIGH);
	assert_true(outbox_is_full(&s->other->session.out));
}

static void
room_scene_fini(struct room_scene *s)
{
	client_free(s->by);
	client_free(s->other);
	client_free(s->pub);
	rig_fini(&s->rig);
}

static void
takes_some(struct client *c)
{
	client_takes(c, c->session.out.bytes - LOW);
}

static void
leaves_its_group(struct client *c)
{
	client_unsubscribes(c, 1);
}

static void
drops_its_oldest(struct client *c)
{
	c->session.out.policy = OVERFLOW_DROP_OLDEST;
	assert_int_equal(shed_admit(&c->session.out, 1, 10), SHED_TAKE);
}

static void
is_deaf(struct client *c)
{
	session_is_deaf(&c->session);
}

static void
is_evicted(struct client *c)
{
	session_evict(&c->session, "for a test");
}

/* Each way in which an outbox comes to owe less. */
static void (*const ways[])(struct client *) = {
	takes_some, leaves_its_group, drops_its_oldest, is_deaf, is_evicted,
};

TEST(who_waits_for_one_goes_on_however_room_was_made)
{
	for (size_t i = 0; i < COUNT(ways); i++) {
		struct room_scene s;

		room_scene_init(&s);
		client_subscribes(s.by, 2, "plain");
		assert_int_equal(client_publishes(s.pub, "plain", 10),
		                 COMMAND_WAITS);
		ways[i](s.by);
		assert_false(session_is_waiting(&s.pub->session));
		room_scene_fini(&s);
	}
}

TEST(who_waits_for_a_group_goes_on_however_a_member_made_room)
{
	for (size_t i = 0; i < COUNT(ways); i++) {
		struct client *least;
		struct room_scene s;

		room_scene_init(&s);
		client_joins(s.by, 2, "h", "y");
		least = client_open_in(&s.rig, "least", "h", "y");
		client_publishes(s.other, "y", HIGH);
		assert_int_equal(client_publishes(s.pub, "y", 10),
		                 COMMAND_WAITS);
		assert_ptr_equal(s.pub->session.hold->by, &least->session);
		ways[i](s.by);
		/* one that has gone made no room */
		assert_int_equal(session_is_waiting(&s.pub->session),
		                 s.by->session.subs.n == 0);
		client_free(least);
		room_scene_fini(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_full_outbox_holds_the_publisher_and_its_message_goes_to_nobody),
		cmocka_unit_test(
			the_publisher_goes_on_at_the_low_mark_and_not_before),
		cmocka_unit_test(
			who_waits_goes_on_in_the_order_of_waiting_and_newcomers_come_last),
		cmocka_unit_test(
			those_for_whom_there_is_no_room_after_all_keep_their_order),
		cmocka_unit_test(
			a_publisher_is_told_after_100_ms_by_whom_it_is_held_and_when_it_ends),
		cmocka_unit_test(a_short_hold_is_not_worth_a_word),
		cmocka_unit_test(
			who_takes_no_byte_for_2_s_while_others_wait_is_evicted),
		cmocka_unit_test(a_byte_is_progress_and_starts_the_2_s_anew),
		cmocka_unit_test(
			all_that_are_full_for_a_message_have_the_same_2_s),
		cmocka_unit_test(
			the_2_s_of_another_one_do_not_begin_anew_when_it_is_waited_for_itself),
		cmocka_unit_test(
			who_made_some_room_and_is_waited_for_again_is_on_the_clock_again),
		cmocka_unit_test(
			another_one_that_takes_a_byte_or_is_not_waited_for_any_more_stays),
		cmocka_unit_test(before_it_evicts_the_broker_offers_a_byte),
		cmocka_unit_test(
			one_that_has_gone_is_not_evicted_for_being_slow),
		cmocka_unit_test(
			who_holds_one_publisher_for_10_s_is_evicted_however_steady_it_is),
		cmocka_unit_test(
			whose_turn_comes_without_room_has_been_held_all_the_time),
		cmocka_unit_test(
			an_eviction_cuts_behind_the_frame_that_is_being_written),
		cmocka_unit_test(
			who_keeps_up_is_full_at_the_soft_mark_and_nobody_is_told),
		cmocka_unit_test(
			who_makes_no_room_in_10_ms_is_slow_and_gets_all_the_room_there_is),
		cmocka_unit_test(
			who_was_slow_and_has_caught_up_is_not_slow_any_more),
		cmocka_unit_test(
			who_waits_for_moments_may_end_or_lose_what_it_waits_for),
		cmocka_unit_test(
			unsubscribing_frees_those_whose_message_it_does_not_get_any_more),
		cmocka_unit_test(a_holder_that_leaves_holds_nobody),
		cmocka_unit_test(a_held_session_may_end_in_any_way),
		cmocka_unit_test(
			a_session_is_not_held_by_itself_but_beyond_twice_the_mark_it_gets_a_gap),
		cmocka_unit_test(
			a_message_to_an_inbox_is_not_held_but_announced_when_it_is_lost),
		cmocka_unit_test(
			a_group_holds_when_all_are_full_and_not_before),
		cmocka_unit_test(room_at_any_member_ends_a_hold_by_a_group),
		cmocka_unit_test(one_that_joins_a_full_group_gets_what_waits),
		cmocka_unit_test(
			one_that_joins_while_it_is_full_gets_what_waits_once_it_is_not),
		cmocka_unit_test(
			a_member_that_leaves_holds_nobody_but_the_others_may),
		cmocka_unit_test(
			a_member_that_takes_no_byte_is_evicted_and_what_waited_for_it_is_not_lost),
		cmocka_unit_test(
			who_else_is_in_the_way_stays_in_the_way_when_a_group_is_relieved),
		cmocka_unit_test(
			one_full_group_of_two_is_in_the_way_until_it_has_room),
		cmocka_unit_test(
			a_publisher_is_not_held_by_itself_as_the_only_member),
		cmocka_unit_test(
			who_is_paced_by_a_group_goes_on_when_the_other_member_has_room),
		cmocka_unit_test(
			who_is_paced_by_one_alone_is_not_helped_by_its_groups),
		cmocka_unit_test(
			a_group_that_nobody_reads_paces_for_a_moment_and_then_takes_up_to_the_mark),
		cmocka_unit_test(
			a_full_group_whose_least_member_rather_loses_messages_holds_nobody),
		cmocka_unit_test(
			a_member_that_is_cut_off_at_its_mark_leaves_the_rest_to_others),
		cmocka_unit_test(
			a_member_that_ends_while_room_is_made_leaves_the_message_to_another),
		cmocka_unit_test(
			who_waits_for_a_group_may_end_and_the_group_too),
		cmocka_unit_test(
			who_waits_for_one_goes_on_however_room_was_made),
		cmocka_unit_test(
			who_waits_for_a_group_goes_on_however_a_member_made_room),
	};

	return RUN(tests);
}
