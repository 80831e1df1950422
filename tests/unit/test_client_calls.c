/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "client/calls.h"

#include "unit.h"

static struct call *
add(struct calls *calls, uint64_t id, int64_t deadline)
{
	struct call *call = calloc(1, sizeof(*call));

	assert_non_null(call);
	call->id = id;
	assert_int_equal(calls_add(calls, call), 0);
	calls_set_deadline(calls, call, deadline);
	return call;
}

static void
drop(struct calls *calls, struct call *call)
{
	calls_remove(calls, call);
	free(call);
}

TEST(an_empty_table_has_nothing)
{
	struct calls calls = { 0 };
	size_t at = 0;

	assert_null(calls_find(&calls, 1));
	assert_null(calls_first_due(&calls));
	assert_null(calls_next(&calls, &at));
	calls_fini(&calls);
}

TEST(the_first_to_end_comes_first_and_those_without_a_deadline_never)
{
	struct calls calls = { 0 };
	struct call *late = add(&calls, 1, 300);
	struct call *soon = add(&calls, 2, 100);
	struct call *never = add(&calls, 3, INT64_MAX);

	assert_ptr_equal(calls_first_due(&calls), soon);
	calls_set_deadline(&calls, soon, 400);
	assert_ptr_equal(calls_first_due(&calls), late);
	calls_set_deadline(&calls, never, 1);
	assert_ptr_equal(calls_first_due(&calls), never);
	calls_set_deadline(&calls, never, INT64_MAX);
	drop(&calls, late);
	assert_ptr_equal(calls_first_due(&calls), soon);
	drop(&calls, soon);
	assert_null(calls_first_due(&calls));
	assert_ptr_equal(calls_find(&calls, 3), never);
	drop(&calls, never);
	calls_fini(&calls);
}

TEST(a_walk_that_removes_what_it_finds_finds_each_once)
{
	enum { N = 1000 };
	bool seen[N + 1] = { false };
	struct calls calls = { 0 };
	struct call *call;
	size_t at = 0;

	for (uint64_t id = 1; id <= N; id++)
		add(&calls, id, (int64_t)(id * 7 % 11));
	while ((call = calls_next(&calls, &at))) {
		assert_false(seen[call->id]);
		seen[call->id] = true;
		drop(&calls, call);
		at--;
	}
	assert_int_equal(calls.n, 0);
	for (unsigned id = 1; id <= N; id++)
		assert_true(seen[id]);
	calls_fini(&calls);
}

/* Everything, against an array that is searched from end to end. */
TEST(whatever_comes_and_goes_it_is_found_and_in_order)
{
	enum { N = 300 };
	struct chance chance = chance_new("calls");
	struct call *model[N] = { NULL };
	struct calls calls = { 0 };

	for (unsigned i = 0; i < rounds(100000); i++) {
		uint32_t n = chance_below(&chance, N);
		int64_t deadline = chance_one_in(&chance, 5)
		                           ? INT64_MAX
		                           : chance_below(&chance, 50);
		int64_t first = INT64_MAX;

		if (!model[n]) {
			model[n] = add(&calls, n + 1u, deadline);
		} else if (chance_one_in(&chance, 2)) {
			calls_set_deadline(&calls, model[n], deadline);
		} else {
			drop(&calls, model[n]);
			model[n] = NULL;
		}
		n = chance_below(&chance, N);
		assert_ptr_equal(calls_find(&calls, n + 1u), model[n]);
		for (n = 0; n < N; n++)
			if (model[n] && model[n]->deadline < first)
				first = model[n]->deadline;
		if (calls_first_due(&calls))
			assert_int_equal(calls_first_due(&calls)->deadline,
			                 first);
		else
			assert_int_equal(first, INT64_MAX);
	}
	for (unsigned n = 0; n < N; n++)
		if (model[n])
			drop(&calls, model[n]);
	assert_int_equal(calls.n, 0);
	calls_fini(&calls);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_table_has_nothing),
		cmocka_unit_test(
			the_first_to_end_comes_first_and_those_without_a_deadline_never),
		cmocka_unit_test(
			a_walk_that_removes_what_it_finds_finds_each_once),
		cmocka_unit_test(
			whatever_comes_and_goes_it_is_found_and_in_order),
	};

	return RUN(tests);
}
