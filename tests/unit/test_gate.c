/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/gate.h"

#include "sessions.h"

/* A publisher, one who reads it, and one who does not. */
struct scene {
	struct rig rig;
	struct client *pub;
	struct client *quick;
	struct client *behind;
};

static void
scene_init(struct scene *s)
{
	rig_init(&s->rig);
	s->pub = client_open(&s->rig, "pub", 1000);
	s->quick = client_open_on(&s->rig, "quick", "quick.*");
	s->behind = client_open_on(&s->rig, "behind", "*.behind");
	/* a batch is over, and the kernel has taken nothing of it */
	client_publishes(s->pub, "is.behind", 10);
	outbox_pack(&s->behind->session.out);
	assert_true(outbox_is_behind(&s->behind->session.out));
}

static void
scene_fini(struct scene *s)
{
	client_free(s->pub);
	client_free(s->quick);
	client_free(s->behind);
	rig_fini(&s->rig);
}

/* What the gate says of this message, which then is gone. */
static uint32_t
allowed(struct scene *s, uint8_t flags, const char *topic)
{
	struct client *c = s->pub;
	uint32_t len = 0, n;

	put_publish_with(&c->said, flags, topic, NULL, "x", 1);
	assert_true(client_receive(c));
	assert_int_equal(input_peek(&c->input, 1000, &len), FRAME_OK);
	n = gate_allows(&c->session, &c->input, len);
	input_drop(&c->input);
	return n;
}

TEST(without_any_reason_there_is_no_bound)
{
	struct scene s;

	scene_init(&s);
	assert_int_equal(allowed(&s, 0, "a.behind"), UINT32_MAX);
	assert_false(session_is_waiting(&s.pub->session));
	scene_fini(&s);
}

TEST(while_the_broker_settles_a_publisher_waits)
{
	struct scene s;

	scene_init(&s);
	broker_start_settling(&s.rig.broker);
	assert_int_equal(allowed(&s, 0, "quick.a"), 0);
	assert_true(session_is_waiting(&s.pub->session));
	rig_step(&s.rig, s.rig.config.settle_ms);
	assert_false(session_is_waiting(&s.pub->session));
	assert_int_equal(allowed(&s, 0, "quick.a"), UINT32_MAX);
	scene_fini(&s);
}

TEST(a_publish_rate_bounds_how_many)
{
	struct scene s;

	scene_init(&s);
	s.rig.config.publish_rate = 300;
	assert_int_equal(allowed(&s, 0, "quick.a"), 300);
	scene_fini(&s);
}

TEST(when_memory_is_short_what_stays_nowhere_passes_and_nobody_waits)
{
	struct scene s;

	scene_init(&s);
	broker_lets_pass(&s.rig.broker, true);
	assert_int_equal(allowed(&s, 0, "quick.a"), UINT32_MAX);
	assert_int_equal(allowed(&s, 0, "nobody.listens"), UINT32_MAX);
	assert_int_equal(allowed(&s, 0, "a.behind"), 0);
	assert_int_equal(allowed(&s, 0, "quick.behind"), 0);
	assert_int_equal(allowed(&s, PUBLISH_FLAG_RETAIN, "quick.a"), 0);
	/* refused, so that nothing of it stays */
	assert_int_equal(allowed(&s, 0, "$SYS.a"), UINT32_MAX);
	assert_false(session_is_waiting(&s.pub->session));
	broker_lets_pass(&s.rig.broker, false);
	scene_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_any_reason_there_is_no_bound),
		cmocka_unit_test(while_the_broker_settles_a_publisher_waits),
		cmocka_unit_test(a_publish_rate_bounds_how_many),
		cmocka_unit_test(
			when_memory_is_short_what_stays_nowhere_passes_and_nobody_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
