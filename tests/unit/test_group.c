/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/group.h"

#include <string.h>

#include "unit.h"

#define HIGH 1000u
#define N    50

/* A group in a trie, and outboxes that owe whatever a test says. */
struct rig {
	struct trie trie;
	struct groups groups;
	struct outbox_limits limits;
	struct group *g;
	struct outbox out[N];
	struct member m[N];
	struct waiter waiter;
};

static void
rig_init(struct rig *r, unsigned n)
{
	*r = (struct rig){ .limits = { .high = HIGH,
		                       .low = HIGH,
		                       .soft = HIGH,
		                       .soft_low = HIGH } };
	assert_int_equal(trie_init(&r->trie, 1), 0);
	assert_int_equal(groups_init(&r->groups, 1), 0);
	r->g = groups_add(&r->groups, text_from("g"), text_from("a.*"));
	assert_non_null(r->g);
	assert_int_equal(trie_insert(&r->trie, "a.*", 3, &r->g->sub.entry), 0);
	for (unsigned i = 0; i < N; i++) {
		outbox_init(&r->out[i], &r->limits, NULL, NULL);
		r->m[i].sub.to = &r->out[i];
	}
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(group_join(r->g, &r->m[i]), 0);
}

static void
rig_fini(struct rig *r)
{
	while (r->g->n > 0)
		group_leave(r->g->members[0]);
	trie_remove(&r->trie, &r->g->sub.entry);
	groups_remove(&r->groups, r->g);
	groups_fini(&r->groups);
	trie_fini(&r->trie);
}

static void
make_wait_for(struct rig *r, unsigned i)
{
	waiters_add(&r->out[i].waiters, &r->waiter);
}

static void
expect_choice(struct rig *r, unsigned want)
{
	size_t least = 0;
	const struct member *m = group_choose(r->g, NULL, &least);

	assert_non_null(m);
	assert_int_equal(m - r->m, want);
	assert_int_equal(least, r->out[want].bytes);
}

TEST(a_group_is_found_by_name_and_filter)
{
	enum { MANY = 300 };
	struct group *all[MANY];
	struct trie trie;
	struct groups gs;
	char name[16];

	assert_int_equal(trie_init(&trie, 1), 0);
	assert_int_equal(groups_init(&gs, 1), 0);
	for (unsigned i = 0; i < MANY; i++) {
		const char *filter = i % 2 ? "a" : "a.b";

		snprintf(name, sizeof(name), "%u", i / 2);
		assert_null(
			groups_find(&gs, text_from(name), text_from(filter)));
		all[i] = groups_add(&gs, text_from(name), text_from(filter));
		assert_int_equal(trie_insert(&trie, filter, strlen(filter),
		                             &all[i]->sub.entry),
		                 0);
	}
	assert_int_equal(gs.n, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		struct text filter = text_from(i % 2 ? "a" : "a.b");

		snprintf(name, sizeof(name), "%u", i / 2);
		assert_ptr_equal(groups_find(&gs, text_from(name), filter),
		                 all[i]);
		if (i % 3)
			continue;
		groups_remove(&gs, all[i]);
		assert_null(groups_find(&gs, text_from(name), filter));
	}
	groups_sweep(&gs);
	for (unsigned i = 0; i < MANY; i++) {
		if (i % 3)
			groups_remove(&gs, all[i]);
	}
	groups_fini(&gs);
	trie_fini(&trie);
}

TEST(equals_get_messages_in_turn)
{
	struct rig r;

	rig_init(&r, 3);
	for (unsigned i = 0; i < 9; i++)
		expect_choice(&r, i % 3);
	rig_fini(&r);
}

TEST(who_owes_least_gets_the_message)
{
	struct rig r;

	rig_init(&r, 4);
	r.out[0].bytes = 30;
	r.out[1].bytes = 20;
	r.out[2].bytes = 10;
	r.out[3].bytes = 20;
	expect_choice(&r, 2);
	expect_choice(&r, 2); /* as long as that is so */
	r.out[2].bytes = 20;
	expect_choice(&r, 3); /* three equals: in turn */
	expect_choice(&r, 1);
	expect_choice(&r, 2);
	rig_fini(&r);
}

TEST(a_full_one_is_passed_over_while_another_has_room)
{
	struct rig r;

	rig_init(&r, 3);
	r.out[0].bytes = HIGH;
	r.out[1].bytes = 5; /* somebody waits for it: it is full, too */
	make_wait_for(&r, 1);
	r.out[2].bytes = HIGH - 1;
	expect_choice(&r, 2);
	expect_choice(&r, 2);
	assert_null(group_find_full(r.g, NULL));
	r.out[2].bytes = HIGH;
	expect_choice(&r, 1); /* all are: the one that owes least */
	assert_ptr_equal(group_find_full(r.g, NULL), &r.out[1]);
	waiter_leave(&r.waiter);
	rig_fini(&r);
}

TEST(one_that_keeps_up_is_worth_waiting_for_and_a_slow_one_is_not)
{
	struct rig r;

	rig_init(&r, 2);
	r.limits.soft = 100;
	r.out[0].bytes = 100;
	r.out[1].bytes = 500;
	r.out[1].slow = true;
	/* there is room at the slow one, but in a moment at the other, too */
	assert_ptr_equal(group_find_full(r.g, NULL), &r.out[0]);
	expect_choice(&r, 0);
	r.out[0].bytes = 99;
	assert_null(group_find_full(r.g, NULL));
	/* the moment is over */
	r.out[0].bytes = 100;
	r.out[0].slow = true;
	assert_null(group_find_full(r.g, NULL));
	r.out[0].bytes = HIGH;
	assert_null(group_find_full(r.g, NULL));
	expect_choice(&r, 1);
	rig_fini(&r);
}

TEST(it_keeps_up_as_long_as_one_of_its_members_does)
{
	struct rig r;

	rig_init(&r, 3);
	assert_true(group_keeps_up(r.g));
	for (unsigned i = 0; i < 3; i++) {
		assert_true(group_keeps_up(r.g));
		r.out[i].n_packed = 1; /* left over when a batch was over */
	}
	assert_false(group_keeps_up(r.g));
	rig_fini(&r);
}

TEST(ones_own_outbox_is_never_what_is_in_the_way)
{
	struct rig r;

	rig_init(&r, 2);
	r.out[0].bytes = HIGH;
	r.out[1].bytes = HIGH + 1;
	assert_ptr_equal(group_find_full(r.g, &r.out[0]), &r.out[1]);
	group_leave(&r.m[1]);
	assert_null(group_find_full(r.g, &r.out[0]));
	assert_int_equal(group_join(r.g, &r.m[1]), 0);
	r.limits.soft = 100; /* for a moment it may go beyond */
	assert_null(group_find_full(r.g, &r.out[0]));
	rig_fini(&r);
}

TEST(nobody_gets_what_comes_from_the_only_one_there_is)
{
	size_t least = 0;
	struct rig r;

	rig_init(&r, 2);
	for (unsigned i = 0; i < 4; i++)
		assert_ptr_equal(group_choose(r.g, &r.out[0], &least), &r.m[1]);
	group_leave(&r.m[1]);
	assert_null(group_choose(r.g, &r.out[0], &least));
	group_leave(&r.m[0]);
	assert_null(group_choose(r.g, NULL, &least));
	rig_fini(&r);
}

TEST(members_come_and_go_and_each_knows_its_place)
{
	struct chance c = chance_new("group");
	struct rig r;
	bool in[N] = { 0 };

	rig_init(&r, 0);
	for (unsigned k = 0; k < 20000; k++) {
		unsigned i = chance_below(&c, N), n = 0;
		size_t least = 0;

		if (in[i])
			group_leave(&r.m[i]);
		else
			assert_int_equal(group_join(r.g, &r.m[i]), 0);
		in[i] = !in[i];
		for (unsigned k2 = 0; k2 < N; k2++) {
			n += in[k2];
			assert_int_equal(group_has(r.g, &r.out[k2]), in[k2]);
			assert_int_equal(group_count(r.g, &r.out[k2]), in[k2]);
			if (in[k2])
				assert_ptr_equal(r.g->members[r.m[k2].place],
				                 &r.m[k2]);
		}
		assert_int_equal(r.g->n, n);
		assert_int_equal(group_choose(r.g, NULL, &least) != NULL,
		                 n > 0);
	}
	rig_fini(&r);
}

/* What `least` saves must not change the choice. */
TEST(a_choice_that_remembers_is_as_good_as_one_that_looks_at_all)
{
	struct chance c = chance_new("choice");

	for (unsigned round = 0; round < rounds(2000); round++) {
		unsigned n = 1 + chance_below(&c, N);
		size_t least = 0;
		struct rig r;

		rig_init(&r, n);
		for (unsigned i = 0; i < n; i++)
			r.out[i].bytes = chance_below(&c, 2) * 40;
		for (unsigned k = 0; k < 100; k++) {
			struct member *m = group_choose(r.g, NULL, &least);
			size_t want = SIZE_MAX;

			for (unsigned i = 0; i < n; i++) {
				if (r.out[i].bytes < want)
					want = r.out[i].bytes;
			}
			assert_int_equal(m->sub.to->bytes, want);
			m->sub.to->bytes += 1 + chance_below(&c, 50);
		}
		rig_fini(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_is_found_by_name_and_filter),
		cmocka_unit_test(equals_get_messages_in_turn),
		cmocka_unit_test(who_owes_least_gets_the_message),
		cmocka_unit_test(
			a_full_one_is_passed_over_while_another_has_room),
		cmocka_unit_test(
			one_that_keeps_up_is_worth_waiting_for_and_a_slow_one_is_not),
		cmocka_unit_test(
			it_keeps_up_as_long_as_one_of_its_members_does),
		cmocka_unit_test(ones_own_outbox_is_never_what_is_in_the_way),
		cmocka_unit_test(
			nobody_gets_what_comes_from_the_only_one_there_is),
		cmocka_unit_test(members_come_and_go_and_each_knows_its_place),
		cmocka_unit_test(
			a_choice_that_remembers_is_as_good_as_one_that_looks_at_all),
	};

	return RUN(tests);
}
