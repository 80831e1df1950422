/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/waiters.h"

#include "unit.h"

struct one {
	struct waiter waiter;
	struct one *expel; /* who is to leave when this one's turn comes */
	struct waiters *again;
};

static struct one *turns[16];
static unsigned n_turns;

static void
on_turn(struct waiter *w)
{
	struct one *o = (struct one *)w;

	turns[n_turns++] = o;
	if (o->expel)
		waiter_leave(&o->expel->waiter);
	if (o->again)
		waiters_add(o->again, w);
	o->again = NULL;
}

TEST(turns_come_in_the_order_of_waiting)
{
	struct one a[4] = { { .waiter.resume = on_turn },
		            { .waiter.resume = on_turn },
		            { .waiter.resume = on_turn },
		            { .waiter.resume = on_turn } };
	struct waiters ws;

	n_turns = 0;
	waiters_init(&ws);
	assert_true(waiters_are_empty(&ws));
	waiters_resume_all(&ws);
	for (int i = 0; i < 4; i++)
		waiters_add(&ws, &a[i].waiter);
	assert_false(waiters_are_empty(&ws));
	waiter_leave(&a[1].waiter);
	waiter_leave(&a[1].waiter); /* no harm */
	waiters_add(&ws, &a[1].waiter);
	waiters_resume_all(&ws);
	assert_int_equal(n_turns, 4);
	assert_ptr_equal(turns[0], &a[0]);
	assert_ptr_equal(turns[1], &a[2]);
	assert_ptr_equal(turns[2], &a[3]);
	assert_ptr_equal(turns[3], &a[1]);
	assert_true(waiters_are_empty(&ws));
}

TEST(who_leaves_in_anothers_turn_has_none)
{
	struct one a = { .waiter.resume = on_turn };
	struct one b = { .waiter.resume = on_turn };
	struct one c = { .waiter.resume = on_turn };
	struct waiters ws;

	n_turns = 0;
	waiters_init(&ws);
	waiters_add(&ws, &a.waiter);
	waiters_add(&ws, &b.waiter);
	waiters_add(&ws, &c.waiter);
	a.expel = &b;
	waiters_resume_all(&ws);
	assert_int_equal(n_turns, 2);
	assert_ptr_equal(turns[1], &c);
}

TEST(who_waits_again_elsewhere_is_not_told_twice)
{
	struct one a = { .waiter.resume = on_turn };
	struct waiters ws, other;

	n_turns = 0;
	waiters_init(&ws);
	waiters_init(&other);
	waiters_add(&ws, &a.waiter);
	a.again = &other;
	waiters_resume_all(&ws);
	assert_int_equal(n_turns, 1);
	assert_false(waiters_are_empty(&other));
	waiters_resume_all(&other);
	assert_int_equal(n_turns, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns_come_in_the_order_of_waiting),
		cmocka_unit_test(who_leaves_in_anothers_turn_has_none),
		cmocka_unit_test(who_waits_again_elsewhere_is_not_told_twice),
	};

	return RUN(tests);
}
