/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/shortage.h"

#include "broker/publish.h"
#include "capture.h"
#include "sessions.h"

TEST(at_the_ceiling_the_session_that_owes_most_of_the_uid_that_owes_most_goes)
{
	struct config config = some_config();
	struct client *a, *b1, *b2, *pub, *waits;
	struct rig r;

	config.outbox_high = 2u << 20;
	config.memory_max = 8u << 20;
	rig_init_with(&r, config);
	a = client_open(&r, "a", 10);
	b1 = client_open(&r, "b1", 20);
	b2 = client_open(&r, "b2", 20);
	pub = client_open(&r, "pub", 30);
	waits = client_open(&r, "waits", 40);
	client_subscribes(a, 1, "a");
	client_subscribes(b1, 1, "b.one");
	client_subscribes(b2, 1, "b.*");
	for (int i = 0; i < 6; i++)
		client_publishes(pub, "a", 100000);
	for (int i = 0; i < 2; i++)
		client_publishes(pub, "b.one", 150000);
	client_publishes(pub, "b.two", 100000);
	assert_false(session_is_waiting(&pub->session));
	/* a owes most, but the uid of b1 and b2 more, and b2 most of that */
	assert_true(a->session.out.bytes > b2->session.out.bytes);
	while (r.broker.pool.used + SLAB_SIZE <= r.broker.pool.max)
		slab_pool_charge(&r.broker.pool, 4096);
	client_publishes(waits, "x", 10);
	assert_true(session_is_waiting(&waits->session));
	rig_step(&r, 1999);
	assert_int_equal(b2->session.state, SESSION_OPEN);
	rig_step(&r, 1);
	assert_int_equal(b2->session.state, SESSION_ENDING);
	assert_int_equal(b1->session.state, SESSION_OPEN);
	assert_int_equal(a->session.state, SESSION_OPEN);
	if (session_is_waiting(&waits->session)) {
		rig_step(&r, 2000); /* and so on */
		assert_int_equal(a->session.state, SESSION_ENDING);
		assert_int_equal(b1->session.state, SESSION_OPEN);
	}
	client_free(a);
	client_free(b1);
	client_free(b2);
	client_free(pub);
	client_free(waits);
	slab_pool_uncharge(&r.broker.pool, r.broker.pool.used);
	rig_fini(&r);
}

/* Their data makes room for others, what tells of its loss does not. */
TEST(who_takes_leave_when_memory_is_short_is_still_told_of_what_it_lost)
{
	struct config config = some_config();
	struct client *leaves, *owes, *pub;
	struct rig r;
	size_t charged;

	config.outbox_high = 1u << 20;
	config.memory_max = 4u << 20;
	rig_init_with(&r, config);
	leaves = client_open_on(&r, "leaves", "a");
	owes = client_open_on(&r, "owes", "b");
	pub = client_open(&r, "pub", 1);
	for (int i = 0; i < 4; i++) {
		client_publishes(pub, "a", 100000);
		client_publishes(pub, "b", 100000);
	}
	client_takes(leaves, 10); /* the first is being written */
	client_says_hex(leaves, "91 0e");
	charged = r.broker.pool.max - SLAB_SIZE + 1;
	charged += leaves->session.out.bytes + owes->session.out.bytes;
	slab_pool_charge(&r.broker.pool, charged);
	client_publishes(pub, "c", 100000);
	client_publishes(pub, "c", 200000);
	assert_true(session_is_waiting(&pub->session));
	rig_step(&r, config.stall_ms);
	assert_int_equal(owes->session.state, SESSION_ENDING);
	assert_int_equal(leaves->abandons, 0);
	assert_true(leaves->session.out.bytes < 101000);

	/* it is a courtesy, when nobody else can be asked */
	rig_step(&r, config.stall_ms);
	assert_int_equal(leaves->abandons, 1);
	assert_int_equal(owes->abandons, 1);

	client_next(leaves, TYPE_PUBLISH);
	assert_int_equal(client_next(leaves, TYPE_GAP).gap.frames, 3);
	client_expect_error(leaves, STATUS_UNKNOWN_TYPE, true, 0, "");
	assert_int_equal(client_next(owes, TYPE_GAP).gap.frames, 4);
	client_expect_error(owes, STATUS_SLOW_CONSUMER, true, 0, "memory");
	client_free(leaves);
	client_free(owes);
	slab_pool_uncharge(&r.broker.pool, charged);
	client_free(pub);
	rig_fini(&r);
}

TEST(who_waits_for_memory_goes_on_when_there_is_some_and_no_clock_runs_then)
{
	struct config config = some_config();
	struct client *c;
	struct rig r;
	size_t charged;

	config.memory_max = 1u << 20;
	rig_init_with(&r, config);
	c = client_open(&r, "c", 1);
	charged = r.broker.pool.max - SLAB_SIZE + 1;
	slab_pool_charge(&r.broker.pool, charged);
	client_publishes(c, "a", 10);
	assert_true(session_is_waiting(&c->session));
	assert_true(deadline_is_set(&r.broker.memory_wait));
	slab_pool_uncharge(&r.broker.pool, 1);
	assert_false(session_is_waiting(&c->session));
	assert_false(deadline_is_set(&r.broker.memory_wait));
	rig_turn(&r);
	assert_int_equal(c->session.accepted, 1);
	slab_pool_uncharge(&r.broker.pool, charged - 1);
	client_free(c);
	rig_fini(&r);
}

TEST(who_waits_for_memory_for_100_ms_is_named_and_gets_no_hold)
{
	struct config config = some_config();
	struct client *c, *watcher;
	struct capture err;
	struct rig r;

	config.memory_max = 1u << 20;
	rig_init_with(&r, config);
	r.broker.log.level = LOG_INFO;
	c = client_open(&r, "c", 1);
	watcher = client_open_on(&r, "watcher", "$SYS.client.held");
	slab_pool_charge(&r.broker.pool, 1u << 20);
	client_publishes(c, "a", 10);
	capture_begin(&err, stderr);
	rig_step(&r, 99);
	publish_posted(&r.broker);
	client_expect_nothing(watcher);
	rig_step(&r, 1);
	publish_posted(&r.broker);
	client_next(watcher, TYPE_PUBLISH);
	rig_step(&r, 500);
	publish_posted(&r.broker);
	client_expect_nothing(watcher); /* once is enough */
	slab_pool_uncharge(&r.broker.pool, 1u << 20);
	rig_turn(&r);
	assert_int_equal(c->session.accepted, 1);
	rig_step(&r, 100);
	publish_posted(&r.broker);
	client_next(watcher, TYPE_PUBLISH);
	assert_non_null(
		strstr(capture_end(&err), "held session=1 name=\"c\" "));
	assert_non_null(strstr(err.text,
	                       " in_use=1048576 limit=1048576 of=memory-max"));
	assert_non_null(strstr(err.text, "released held_ms="));
	client_expect_nothing(c);
	client_free(c);
	client_free(watcher);
	rig_fini(&r);
}

TEST(who_waits_for_memory_is_looked_at_each_millisecond_at_most)
{
	struct config config = some_config();
	struct client *c;
	struct rig r;

	config.memory_max = 1u << 20;
	config.hold_notice_ms = 0;
	rig_init_with(&r, config);
	c = client_open(&r, "c", 1);
	slab_pool_charge(&r.broker.pool, 1u << 20);
	client_publishes(c, "a", 10);
	rig_step(&r, 1);
	assert_true(deadline_queue_next(&r.broker.memory_ticks) > stepped_ms);
	slab_pool_uncharge(&r.broker.pool, 1u << 20);
	rig_turn(&r);
	client_free(c);
	rig_fini(&r);
}

TEST(who_ends_while_it_waits_for_memory_is_told_of_as_well)
{
	struct config config = some_config();
	struct client *c, *watcher;
	struct rig r;

	config.memory_max = 1u << 20;
	rig_init_with(&r, config);
	c = client_open(&r, "c", 1);
	watcher = client_open_on(&r, "watcher", "$SYS.client.held");
	slab_pool_charge(&r.broker.pool, 1u << 20);
	client_publishes(c, "a", 10);
	rig_step(&r, 100);
	publish_posted(&r.broker);
	client_next(watcher, TYPE_PUBLISH);
	client_free(c);
	publish_posted(&r.broker);
	client_next(watcher, TYPE_PUBLISH);
	slab_pool_uncharge(&r.broker.pool, 1u << 20);
	client_free(watcher);
	rig_fini(&r);
}

/* Two publishers each keep a slab of the memory busy, in turn; "big" has said
   the beginning of a frame that needs more than one slab more. */
struct stream_scene {
	struct rig rig;
	struct client *sub[2], *pub[2];
	struct client *big;
	struct bytes frame;
	size_t charged;
};

/* There is so much for them. */
static void
stream_scene_init(struct stream_scene *s, size_t room)
{
	static const char *const topics[] = { "a", "b" };
	static const char zeros[600000];
	struct config config = some_config();

	*s = (struct stream_scene){ .charged = (4u << 20) - room };
	config.memory_max = 4u << 20;
	rig_init_with(&s->rig, config);
	for (int i = 0; i < 2; i++) {
		s->sub[i] = client_open_on(&s->rig, "sub", topics[i]);
		s->pub[i] = client_open(&s->rig, "pub", 1000);
	}
	s->big = client_open(&s->rig, "big", 1000);
	slab_pool_charge(&s->rig.broker.pool, s->charged);
	put_publish(&s->frame, "big", NULL, zeros, sizeof(zeros));
	put(&s->big->said, s->frame.at, 200000);
	client_goes_on(s->big);
	for (int i = 0; i < 2; i++)
		client_publishes(s->pub[i], topics[i], 60000);
	put(&s->big->said, s->frame.at + 200000, s->frame.len - 200000);
	client_goes_on(s->big);
	assert_true(session_is_waiting(&s->big->session));
}

static void
stream_scene_fini(struct stream_scene *s)
{
	for (int i = 0; i < 2; i++) {
		client_free(s->sub[i]);
		client_free(s->pub[i]);
	}
	client_free(s->big);
	bytes_free(&s->frame);
	slab_pool_uncharge(&s->rig.broker.pool, s->charged);
	rig_fini(&s->rig);
}

/* One of them has read, and there is more for it already. */
static void
streams(struct stream_scene *s, int i)
{
	client_reads_all(s->sub[i]);
	if (!session_is_waiting(&s->pub[i]->session))
		client_publishes(s->pub[i], i == 0 ? "a" : "b", 60000);
	rig_turn(&s->rig);
	rig_step(&s->rig, 100);
}

TEST(a_large_frame_gets_its_memory_before_those_who_came_later)
{
	struct stream_scene s;

	stream_scene_init(&s, 1000000);
	for (int i = 0; i < 4; i++)
		streams(&s, i % 2);
	assert_int_equal(s.big->session.accepted, 1);
	assert_int_equal(s.rig.broker.counts.evicted, 0);
	stream_scene_fini(&s);
}

TEST(the_clock_of_one_that_waits_for_much_goes_on_while_others_get_little)
{
	struct stream_scene s;

	stream_scene_init(&s, 800000);
	for (int i = 0; i < 19; i++)
		streams(&s, i % 2);
	assert_int_equal(s.rig.broker.counts.evicted, 0);
	assert_int_equal(s.big->session.state, SESSION_OPEN);
	streams(&s, 1);
	assert_int_equal(s.rig.broker.counts.evicted +
	                         (s.big->session.state == SESSION_ENDING),
	                 1);
	stream_scene_fini(&s);
}

/* Each has a part of the memory, and none has enough. */
TEST(frames_that_cannot_all_be_finished_do_not_wait_for_each_other_for_ever)
{
	struct config config = some_config();
	struct client *c[6];
	struct bytes b = { 0 };
	struct rig r;
	unsigned done = 0;

	config.memory_max = 2u << 20;
	rig_init_with(&r, config);
	put_hex(&b, "97 03 00 c4 08 00 00 00 00 00 00 00 00 a1 61 c0 c0 c6 "
	            "00 0f f0 00");
	put_fill(&b, 7, 0xff000);
	put_prefix_before(&b, 0);
	for (unsigned i = 0; i < 6; i++) {
		c[i] = client_open(&r, "c", i < 3 ? 10 : 20 + i);
		put(&c[i]->said, b.at, 200000);
	}
	/* in small pieces, so that all of them get equally far */
	for (unsigned i = 0; i < 6; i++)
		client_goes_on(c[i]);
	for (unsigned i = 0; i < 6; i++) {
		put(&c[i]->said, b.at + 200000, b.len - 200000);
		client_goes_on(c[i]);
	}
	for (unsigned i = 0; i < 6; i++)
		assert_true(session_is_waiting(&c[i]->session));
	for (unsigned round = 0; round < 6; round++) {
		rig_step(&r, 2000);
		for (unsigned i = 0; i < 6; i++) {
			if (c[i]->session.state == SESSION_ENDING)
				input_drop(&c[i]->input); /* as its end does */
		}
		while (r.n_ready > 0)
			rig_turn(&r);
	}
	/* it was one of those of the uid that had most */
	for (unsigned i = 0; i < 6; i++) {
		bool ended = c[i]->session.state == SESSION_ENDING;

		if (ended)
			client_expect_error(c[i], STATUS_NO_MEMORY, true, 0,
			                    "memory was short for 2000 ms");
		else
			assert_int_equal(c[i]->session.accepted, 1);
		done += !ended;
		assert_true(!ended || i < 3);
	}
	assert_in_range(done, 4, 5);
	for (unsigned i = 0; i < 6; i++)
		client_free(c[i]);
	bytes_free(&b);
	rig_fini(&r);
}

TEST(when_nobody_owes_anything_waiting_for_memory_ends_nobody)
{
	struct config config = some_config();
	struct client *c;
	struct rig r;

	config.memory_max = 1u << 20;
	rig_init_with(&r, config);
	c = client_open(&r, "c", 1);
	slab_pool_charge(&r.broker.pool, 1u << 20);
	client_publishes(c, "a", 10);
	for (int i = 0; i < 10; i++)
		rig_step(&r, 2000);
	assert_int_equal(c->session.state, SESSION_OPEN);
	assert_true(session_is_waiting(&c->session));
	slab_pool_uncharge(&r.broker.pool, 1u << 20);
	rig_turn(&r);
	assert_int_equal(c->session.accepted, 1);
	client_free(c);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			at_the_ceiling_the_session_that_owes_most_of_the_uid_that_owes_most_goes),
		cmocka_unit_test(
			who_takes_leave_when_memory_is_short_is_still_told_of_what_it_lost),
		cmocka_unit_test(
			who_waits_for_memory_for_100_ms_is_named_and_gets_no_hold),
		cmocka_unit_test(
			who_waits_for_memory_is_looked_at_each_millisecond_at_most),
		cmocka_unit_test(
			who_ends_while_it_waits_for_memory_is_told_of_as_well),
		cmocka_unit_test(
			who_waits_for_memory_goes_on_when_there_is_some_and_no_clock_runs_then),
		cmocka_unit_test(
			a_large_frame_gets_its_memory_before_those_who_came_later),
		cmocka_unit_test(
			the_clock_of_one_that_waits_for_much_goes_on_while_others_get_little),
		cmocka_unit_test(
			frames_that_cannot_all_be_finished_do_not_wait_for_each_other_for_ever),
		cmocka_unit_test(
			when_nobody_owes_anything_waiting_for_memory_ends_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
