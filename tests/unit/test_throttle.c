/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/throttle.h"

#include "sessions.h"

#define RATE    200u
#define TICK_MS 10u

/* A publisher that may not publish so fast, and a subscriber. */
struct scene {
	struct rig rig;
	struct client *pub;
	struct client *sub;
};

static void
scene_init(struct scene *s)
{
	struct config config = some_config();

	config.publish_rate = RATE;
	rig_init_with(&s->rig, config);
	s->pub = client_open(&s->rig, "pub", 1000);
	s->sub = client_open_on(&s->rig, "sub", "**");
}

static void
scene_fini(struct scene *s)
{
	client_free(s->pub);
	client_free(s->sub);
	rig_fini(&s->rig);
}

/* n messages in one batch. */
static void
publish(struct client *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		put_publish(&c->said, "a", NULL, "x", 1);
	client_goes_on(c);
}

static void
step(struct scene *s, uint64_t ms)
{
	rig_step(&s->rig, ms);
	rig_turn(&s->rig);
}

TEST(a_second_s_worth_goes_at_once_and_the_rest_in_time_and_nothing_is_lost)
{
	struct scene s;
	unsigned n;

	scene_init(&s);
	publish(s.pub, 2 * RATE);
	assert_true(session_is_waiting(&s.pub->session));
	assert_int_equal(client_count(s.sub, TYPE_PUBLISH), RATE);
	step(&s, TICK_MS);
	assert_int_equal(client_count(s.sub, TYPE_PUBLISH),
	                 RATE * TICK_MS / 1000);
	for (n = RATE + RATE * TICK_MS / 1000; n < 2 * RATE;) {
		assert_true(session_is_waiting(&s.pub->session));
		step(&s, TICK_MS);
		n += client_count(s.sub, TYPE_PUBLISH);
	}
	assert_int_equal(n, 2 * RATE);
	assert_false(session_is_waiting(&s.pub->session));
	assert_int_equal(s.pub->session.accepted, 2 * RATE);
	step(&s, TICK_MS); /* the last tick */
	scene_fini(&s);
}

TEST(who_is_slowed_for_100_ms_is_told_once_and_once_more_when_it_is_over)
{
	struct scene s;
	struct message m;

	scene_init(&s);
	publish(s.pub, RATE + 50);
	for (unsigned ms = 0; ms < 90; ms += TICK_MS)
		step(&s, TICK_MS);
	client_expect_nothing(s.pub);
	step(&s, TICK_MS);
	m = client_next(s.pub, TYPE_HOLD);
	assert_true(m.hold.on);
	assert_int_equal(m.hold.session, 0);
	assert_memory_equal(m.hold.name.at, "publish-rate 200/s",
	                    m.hold.name.len);
	assert_memory_equal(m.hold.topic.at, "a", m.hold.topic.len);
	while (session_is_waiting(&s.pub->session))
		step(&s, TICK_MS);
	client_expect_nothing(s.pub);
	step(&s, TICK_MS);
	m = client_next(s.pub, TYPE_HOLD);
	assert_false(m.hold.on);
	assert_int_equal(m.hold.session, 0);
	client_expect_nothing(s.pub);
	scene_fini(&s);
}

TEST(others_are_not_slowed_by_it)
{
	struct scene s;
	struct client *other;

	scene_init(&s);
	other = client_open(&s.rig, "other", 1000);
	publish(s.pub, 2 * RATE);
	publish(other, RATE);
	assert_false(session_is_waiting(&other->session));
	assert_int_equal(client_count(s.sub, TYPE_PUBLISH), 2 * RATE);
	client_free(other);
	scene_fini(&s);
}

TEST(refused_messages_count_too)
{
	struct scene s;

	scene_init(&s);
	for (unsigned i = 0; i < RATE; i++)
		put_publish(&s.pub->said, "$SYS.x", NULL, "x", 1);
	client_goes_on(s.pub);
	assert_int_equal(s.pub->session.refused, RATE);
	publish(s.pub, 1);
	assert_true(session_is_waiting(&s.pub->session));
	scene_fini(&s);
}

TEST(who_leaves_while_it_is_slowed_leaves_nothing_behind)
{
	struct scene s;

	scene_init(&s);
	publish(s.pub, 2 * RATE);
	step(&s, 200);
	assert_true(session_is_waiting(&s.pub->session));
	session_end(&s.pub->session);
	assert_true(deadlines_next(&s.rig.broker.deadlines) == UINT64_MAX);
	scene_fini(&s);
}

TEST(when_the_broker_stops_nobody_is_slowed)
{
	struct scene s;

	scene_init(&s);
	publish(s.pub, 5 * RATE);
	broker_drain(&s.rig.broker);
	step(&s, TICK_MS);
	assert_false(session_is_waiting(&s.pub->session));
	assert_int_equal(s.pub->session.accepted, 5 * RATE);
	step(&s, TICK_MS);
	scene_fini(&s);
}

TEST(without_a_rate_nothing_is_counted)
{
	struct rig r;
	struct client *pub;

	rig_init(&r);
	pub = client_open(&r, "pub", 1000);
	assert_false(r.broker.gated);
	publish(pub, 1000);
	assert_null(pub->session.throttle);
	client_free(pub);
	rig_fini(&r);
}

TEST(a_slow_rate_has_long_ticks)
{
	struct config config = some_config();

	config.publish_rate = 3;
	assert_int_equal(throttle_tick_ms(&config), 334);
	config.publish_rate = 1;
	assert_int_equal(throttle_tick_ms(&config), 1000);
	config.publish_rate = 1u << 30;
	assert_int_equal(throttle_tick_ms(&config), TICK_MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_second_s_worth_goes_at_once_and_the_rest_in_time_and_nothing_is_lost),
		cmocka_unit_test(
			who_is_slowed_for_100_ms_is_told_once_and_once_more_when_it_is_over),
		cmocka_unit_test(others_are_not_slowed_by_it),
		cmocka_unit_test(refused_messages_count_too),
		cmocka_unit_test(
			who_leaves_while_it_is_slowed_leaves_nothing_behind),
		cmocka_unit_test(when_the_broker_stops_nobody_is_slowed),
		cmocka_unit_test(without_a_rate_nothing_is_counted),
		cmocka_unit_test(a_slow_rate_has_long_ticks),
	};

	return RUN(tests);
}
