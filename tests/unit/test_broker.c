/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/broker.h"

#include "sessions.h"

TEST(a_broker_that_nobody_uses_has_nothing_to_do)
{
	struct rig r;

	rig_init(&r);
	assert_true(deadlines_next(&r.broker.deadlines) == UINT64_MAX);
	deadlines_run(&r.broker.deadlines, UINT64_MAX);
	assert_int_equal(r.broker.limits.high, 80000);
	assert_int_equal(r.broker.limits.low, 70000);
	assert_int_equal(r.broker.limits.answers, 1 << 20);
	rig_fini(&r);
}

TEST(what_is_due_first_is_the_first_of_all_its_queues)
{
	struct deadline d[3] = { 0 };
	struct rig r;
	uint64_t now = stepped_ms;

	rig_init(&r);
	deadline_set(&r.broker.stalls, &d[0]);
	assert_true(deadlines_next(&r.broker.deadlines) == now + 2000);
	deadline_set(&r.broker.reports, &d[1]);
	assert_true(deadlines_next(&r.broker.deadlines) == now + 1000);
	deadline_set(&r.broker.hold_notices, &d[2]);
	assert_true(deadlines_next(&r.broker.deadlines) == now + 100);
	for (int i = 0; i < 3; i++)
		deadline_clear(&d[i]);
	rig_fini(&r);
}

static bool
still_settling(struct rig *r, uint64_t ms)
{
	rig_step(r, ms);
	return r->broker.settling;
}

TEST(it_settles_until_nobody_has_come_for_200_ms)
{
	struct client *c, *pub;
	struct rig r;

	rig_init(&r);
	broker_start_settling(&r.broker);
	pub = client_open(&r, "pub", 1);
	assert_int_equal(client_publishes(pub, "a", 1), COMMAND_WAITS);
	assert_true(still_settling(&r, 150));
	c = client_open_on(&r, "c", "a"); /* it has come in time */
	assert_true(still_settling(&r, 199));
	assert_false(still_settling(&r, 1));
	rig_turn(&r);
	client_next(c, TYPE_PUBLISH);
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

TEST(it_settles_for_a_second_at_most)
{
	struct client *c[20];
	struct rig r;
	unsigned n = 0;
	uint64_t start = stepped_ms;

	rig_init(&r);
	broker_start_settling(&r.broker);
	while (r.broker.settling) {
		assert_true(n < COUNT(c));
		c[n++] = client_open(&r, "c", 1);
		rig_step(&r, 90);
	}
	assert_in_range(stepped_ms - start, 800, 1000 + 90);
	while (n > 0)
		client_free(c[--n]);
	rig_fini(&r);
}

TEST(with_no_time_to_settle_it_does_not)
{
	struct config config = some_config();
	struct client *c;
	struct rig r;

	config.settle_ms = 0;
	rig_init_with(&r, config);
	broker_start_settling(&r.broker);
	assert_false(r.broker.settling);
	c = client_open(&r, "c", 1);
	assert_int_equal(client_publishes(c, "a", 1), COMMAND_TAKEN);
	client_free(c);
	rig_fini(&r);
}

TEST(draining_says_goodbye_once_to_all_who_said_hello)
{
	struct client *open, *fresh, *ending;
	struct rig r;

	rig_init(&r);
	open = client_open(&r, "open", 1);
	fresh = client_new(&r, 1);
	ending = client_open(&r, "ending", 1);
	session_end(&ending->session);
	broker_drain(&r.broker);
	assert_true(r.broker.draining);
	assert_int_equal(r.broker.n_undrained, 1);
	client_next(open, TYPE_GOAWAY);
	client_next(open, TYPE_PING);
	client_expect_nothing(open);
	client_expect_nothing(fresh);
	client_expect_nothing(ending);
	client_free(open);
	client_free(fresh);
	client_free(ending);
	assert_int_equal(r.broker.n_undrained, 0);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_broker_that_nobody_uses_has_nothing_to_do),
		cmocka_unit_test(
			what_is_due_first_is_the_first_of_all_its_queues),
		cmocka_unit_test(it_settles_until_nobody_has_come_for_200_ms),
		cmocka_unit_test(it_settles_for_a_second_at_most),
		cmocka_unit_test(with_no_time_to_settle_it_does_not),
		cmocka_unit_test(
			draining_says_goodbye_once_to_all_who_said_hello),
	};

	return RUN(tests);
}
