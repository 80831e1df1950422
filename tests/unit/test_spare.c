/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/spare.h"

#include "broker/giveback.h"
#include "sessions.h"

/* The library's are not taken when these are here. */
static unsigned pages_given_back;
static unsigned heap_given_back;

void
giveback_pages(void *at, size_t len)
{
	(void)at;
	(void)len;
	pages_given_back++;
}

void
giveback_heap(void)
{
	heap_given_back++;
}

static void
begin(struct rig *r)
{
	struct config config = some_config();

	config.give_back_ms = 5000;
	rig_init_with(r, config);
	pages_given_back = heap_given_back = 0;
}

/* As the server does it. */
static void
step(struct rig *r, uint64_t ms)
{
	spare_look(&r->broker);
	rig_step(r, ms);
}

static void
use_slabs(struct rig *r, unsigned n)
{
	struct slab *s[16];

	for (unsigned i = 0; i < n; i++)
		assert_non_null(s[i] = slab_new(&r->broker.pool));
	while (n > 0)
		slab_unref(s[--n]);
}

TEST(an_idle_broker_does_not_wake_up)
{
	struct rig r;

	begin(&r);
	step(&r, 1000);
	use_slabs(&r, 1); /* now and then a message */
	step(&r, 1000);
	assert_true(deadlines_next(&r.broker.deadlines) == UINT64_MAX);
	rig_fini(&r);
}

TEST(slabs_go_back_when_they_were_idle_for_that_time_and_then_nothing_wakes_it)
{
	struct rig r;

	begin(&r);
	use_slabs(&r, 8);
	step(&r, 4999);
	assert_int_equal(pages_given_back, 0);
	step(&r, 1); /* somebody had them meanwhile */
	assert_int_equal(pages_given_back, 0);
	step(&r, 5000);
	assert_int_equal(pages_given_back, 8);
	step(&r, 0);
	assert_true(deadlines_next(&r.broker.deadlines) == UINT64_MAX);
	rig_fini(&r);
}

TEST(a_busy_broker_keeps_what_it_uses)
{
	struct rig r;

	begin(&r);
	for (int i = 0; i < 100; i++) {
		use_slabs(&r, 8);
		step(&r, 1000);
	}
	assert_int_equal(pages_given_back, 0);
	assert_int_equal(heap_given_back, 0);
	rig_fini(&r);
}

TEST(the_heap_goes_back_once_after_many_sessions_or_subscriptions)
{
	struct client *c;
	struct rig r;

	begin(&r);
	client_free(client_open(&r, "one", 1));
	step(&r, 5000);
	assert_int_equal(heap_given_back, 0);
	for (int i = 0; i < 600; i++)
		client_free(client_open(&r, "many", 1));
	step(&r, 5000);
	assert_int_equal(heap_given_back, 1);

	c = client_open(&r, "c", 1);
	for (uint32_t i = 0; i < 100; i++) {
		for (uint32_t k = 1; k <= 50; k++)
			client_subscribes(c, k, "a.b");
		for (uint32_t k = 1; k <= 50; k++)
			assert_true(session_unsubscribe(&c->session, k));
	}
	step(&r, 5000);
	assert_int_equal(heap_given_back, 2);
	step(&r, 5000);
	step(&r, 5000);
	assert_int_equal(heap_given_back, 2);
	client_free(c);
	rig_fini(&r);
}

TEST(the_heap_goes_back_after_much_was_owed)
{
	struct slab *s;
	struct rig r;

	begin(&r);
	for (int i = 0; i < 20; i++) {
		assert_non_null(s = slab_new_small(&r.broker.pool, 65536));
		slab_unref(s);
	}
	step(&r, 5000);
	assert_int_equal(heap_given_back, 1);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_broker_does_not_wake_up),
		cmocka_unit_test(
			slabs_go_back_when_they_were_idle_for_that_time_and_then_nothing_wakes_it),
		cmocka_unit_test(a_busy_broker_keeps_what_it_uses),
		cmocka_unit_test(
			the_heap_goes_back_once_after_many_sessions_or_subscriptions),
		cmocka_unit_test(the_heap_goes_back_after_much_was_owed),
	};

	return RUN(tests);
}
