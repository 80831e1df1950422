/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/deadline.h"

#include "stepped_clock.h"
#include "unit.h"

struct log {
	struct deadline *expired[16];
	unsigned n;
	struct deadline *set_again; /* by the first that expires */
	struct deadline *clear;
	struct deadline_queue *q;
};

static void
on_expired(struct deadline *d, void *user)
{
	struct log *log = user;

	assert_false(deadline_is_set(d));
	log->expired[log->n++] = d;
	if (log->set_again)
		deadline_set(log->q, log->set_again);
	if (log->clear)
		deadline_clear(log->clear);
	log->set_again = log->clear = NULL;
}

TEST(an_empty_queue_is_never_due)
{
	struct deadlines all;
	struct deadline_queue q;
	struct log log = { .q = &q };

	deadlines_init(&all);
	deadline_queue_init(&q, &all, 100, on_expired, &log);
	assert_true(deadline_queue_next(&q) == UINT64_MAX);
	deadlines_run(&all, UINT64_MAX);
	assert_int_equal(log.n, 0);
}

TEST(what_is_set_expires_after_its_time_and_once)
{
	struct deadlines all;
	struct deadline_queue q;
	struct log log = { .q = &q };
	struct deadline d = { 0 };
	uint64_t start = stepped_ms;

	deadlines_init(&all);
	deadline_queue_init(&q, &all, 100, on_expired, &log);
	deadline_set(&q, &d);
	assert_true(deadline_is_set(&d));
	assert_true(deadline_queue_next(&q) == start + 100);
	deadlines_run(&all, start + 99);
	assert_int_equal(log.n, 0);
	deadlines_run(&all, start + 100);
	assert_int_equal(log.n, 1);
	assert_ptr_equal(log.expired[0], &d);
	deadlines_run(&all, start + 1000);
	assert_int_equal(log.n, 1);
}

TEST(they_expire_in_the_order_in_which_they_were_set)
{
	struct deadlines all;
	struct deadline_queue q;
	struct log log = { .q = &q };
	struct deadline d[5] = { 0 };

	deadlines_init(&all);
	deadline_queue_init(&q, &all, 100, on_expired, &log);
	for (int i = 0; i < 5; i++) {
		deadline_set(&q, &d[i]);
		clock_step(10);
	}
	deadline_set(&q, &d[1]); /* it moves behind the others */
	deadline_clear(&d[3]);
	deadline_clear(&d[3]);
	assert_false(deadline_is_set(&d[3]));
	deadlines_run(&all, stepped_ms + 70);
	assert_int_equal(log.n, 2);
	deadlines_run(&all, stepped_ms + 100);
	assert_int_equal(log.n, 4);
	assert_ptr_equal(log.expired[0], &d[0]);
	assert_ptr_equal(log.expired[1], &d[2]);
	assert_ptr_equal(log.expired[2], &d[4]);
	assert_ptr_equal(log.expired[3], &d[1]);
}

TEST(one_that_expires_may_set_itself_and_clear_others)
{
	struct deadlines all;
	struct deadline_queue q;
	struct log log = { .q = &q };
	struct deadline d[3] = { 0 };

	deadlines_init(&all);
	deadline_queue_init(&q, &all, 100, on_expired, &log);
	for (int i = 0; i < 3; i++)
		deadline_set(&q, &d[i]);
	log.set_again = &d[0];
	log.clear = &d[1];
	clock_step(100);
	deadlines_run(&all, stepped_ms);
	assert_int_equal(log.n, 2);
	assert_ptr_equal(log.expired[1], &d[2]);
	assert_true(deadline_is_set(&d[0]));
	assert_true(deadline_queue_next(&q) == stepped_ms + 100);
}

TEST(one_that_is_due_at_once_waits_for_the_next_run)
{
	struct deadlines all;
	struct deadline_queue q;
	struct log log = { .q = &q };
	struct deadline d = { 0 };

	deadlines_init(&all);
	deadline_queue_init(&q, &all, 0, on_expired, &log);
	deadline_set(&q, &d);
	log.set_again = &d;
	deadlines_run(&all, stepped_ms);
	assert_int_equal(log.n, 1);
	assert_true(deadline_queue_next(&q) == stepped_ms);
	deadlines_run(&all, stepped_ms);
	assert_int_equal(log.n, 2);
}

/* It is due as well, and does not expire at its old time. */
TEST(one_that_is_due_may_be_set_anew_by_the_one_before)
{
	struct deadlines all;
	struct deadline_queue q;
	struct log log = { .q = &q };
	struct deadline d[2] = { 0 };

	deadlines_init(&all);
	deadline_queue_init(&q, &all, 100, on_expired, &log);
	deadline_set(&q, &d[0]);
	deadline_set(&q, &d[1]);
	log.set_again = &d[1];
	clock_step(100);
	deadlines_run(&all, stepped_ms);
	assert_int_equal(log.n, 1);
	assert_true(deadline_queue_next(&q) == stepped_ms + 100);
}

TEST(one_may_move_from_queue_to_queue)
{
	struct deadlines all;
	struct deadline_queue a, b;
	struct log log_a = { .q = &a }, log_b = { .q = &b };
	struct deadline d = { 0 };

	deadlines_init(&all);
	deadline_queue_init(&a, &all, 100, on_expired, &log_a);
	deadline_queue_init(&b, &all, 500, on_expired, &log_b);
	deadline_set(&a, &d);
	deadline_set(&b, &d);
	assert_true(deadline_queue_next(&a) == UINT64_MAX);
	clock_step(500);
	deadlines_run(&all, stepped_ms);
	assert_int_equal(log_a.n, 0);
	assert_int_equal(log_b.n, 1);
}

TEST(queues_are_run_in_the_order_in_which_they_were_set_up)
{
	struct deadlines all;
	struct deadline_queue a, b;
	struct log log = { .q = &a };
	struct deadline d[3] = { 0 };

	deadlines_init(&all);
	assert_true(deadlines_next(&all) == UINT64_MAX);
	deadlines_run(&all, UINT64_MAX);
	deadline_queue_init(&a, &all, 500, on_expired, &log);
	deadline_queue_init(&b, &all, 100, on_expired, &log);
	deadline_set(&b, &d[0]);
	deadline_set(&a, &d[1]);
	deadline_set(&a, &d[2]);
	assert_true(deadlines_next(&all) == stepped_ms + 100);
	clock_step(500);
	deadlines_run(&all, stepped_ms);
	assert_int_equal(log.n, 3);
	assert_ptr_equal(log.expired[0], &d[1]);
	assert_ptr_equal(log.expired[1], &d[2]);
	assert_ptr_equal(log.expired[2], &d[0]);
	assert_true(deadlines_next(&all) == UINT64_MAX);
}

TEST(one_that_is_alone_may_have_begun_before)
{
	struct deadlines all;
	struct deadline_queue q;
	struct log log = { .q = &q };
	struct deadline d = { 0 };

	deadlines_init(&all);
	deadline_queue_init(&q, &all, 100, on_expired, &log);
	deadline_set(&q, &d);
	deadline_set_from(&q, &d, stepped_ms - 30);
	assert_true(deadline_queue_next(&q) == stepped_ms + 70);
	deadlines_run(&all, stepped_ms + 70);
	assert_int_equal(log.n, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_queue_is_never_due),
		cmocka_unit_test(what_is_set_expires_after_its_time_and_once),
		cmocka_unit_test(
			they_expire_in_the_order_in_which_they_were_set),
		cmocka_unit_test(
			one_that_expires_may_set_itself_and_clear_others),
		cmocka_unit_test(
			one_that_is_due_at_once_waits_for_the_next_run),
		cmocka_unit_test(
			one_that_is_due_may_be_set_anew_by_the_one_before),
		cmocka_unit_test(one_may_move_from_queue_to_queue),
		cmocka_unit_test(
			queues_are_run_in_the_order_in_which_they_were_set_up),
		cmocka_unit_test(one_that_is_alone_may_have_begun_before),
	};

	return RUN(tests);
}
