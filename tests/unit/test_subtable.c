/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/subtable.h"

#include "unit.h"

TEST(what_was_added_is_found_and_what_was_removed_is_not)
{
	struct subscription a = { .id = 0 }, b = { .id = UINT32_MAX };
	struct subtable t = { 0 };

	assert_null(subtable_find(&t, 0));
	assert_null(subtable_remove(&t, 0));
	assert_int_equal(subtable_add(&t, &a), 0);
	assert_int_equal(subtable_add(&t, &b), 0);
	assert_ptr_equal(subtable_find(&t, 0), &a);
	assert_ptr_equal(subtable_find(&t, UINT32_MAX), &b);
	assert_null(subtable_find(&t, 1));
	assert_int_equal(t.n, 2);
	assert_ptr_equal(subtable_remove(&t, 0), &a);
	assert_null(subtable_remove(&t, 0));
	assert_null(subtable_find(&t, 0));
	assert_ptr_equal(subtable_find(&t, UINT32_MAX), &b);
	assert_ptr_equal(subtable_pop(&t), &b);
	assert_null(subtable_pop(&t));
	assert_int_equal(t.n, 0);
}

/* A flat array is the model: an id is in it or not. */
static void
churn(struct chance *c, uint32_t (*to_id)(uint32_t))
{
	enum { N = 3000 };
	static struct subscription subs[N];
	static bool in[N];
	struct subtable t = { 0 };
	uint32_t n = 0;

	for (uint32_t i = 0; i < N; i++) {
		subs[i] = (struct subscription){ .id = to_id(i) };
		in[i] = false;
	}
	for (unsigned k = 0; k < rounds(200000); k++) {
		/* it fills up, empties, and so on */
		bool filling = k / 20000 % 2 == 0;
		uint32_t i = chance_below(c, N);

		if (!in[i] && (filling || chance_one_in(c, 3))) {
			assert_int_equal(subtable_add(&t, &subs[i]), 0);
			in[i] = true;
			n++;
		} else if (in[i] && (!filling || chance_one_in(c, 3))) {
			assert_ptr_equal(subtable_remove(&t, subs[i].id),
			                 &subs[i]);
			in[i] = false;
			n--;
		}
		i = chance_below(c, N);
		assert_ptr_equal(subtable_find(&t, subs[i].id),
		                 in[i] ? &subs[i] : NULL);
		assert_int_equal(t.n, n);
	}
	for (struct subscription *s; (s = subtable_pop(&t)); n--) {
		assert_true(in[s - subs]);
		in[s - subs] = false;
	}
	assert_int_equal(n, 0);
}

static uint32_t
count_up(uint32_t i)
{
	return i;
}

static uint32_t
high_bits(uint32_t i)
{
	return i << 20;
}

/* Many of these meet in few slots. */
static uint32_t
crowd(uint32_t i)
{
	return (i % 50) * 4096 + i / 50;
}

TEST(a_table_is_as_good_as_a_list_whatever_the_numbers)
{
	struct chance c = chance_new("subtable");

	churn(&c, count_up);
	churn(&c, crowd);
	churn(&c, high_bits);
}

/* ---- a visit that takes its time ------------------------------------------- */

enum { N_VISITED = 3000 };

struct visit {
	const struct subscription *first;
	uint32_t met[N_VISITED];
	uint32_t at_once; /* since it was set to 0 */
};

static void
on_visited(struct subscription *s, void *user)
{
	struct visit *v = user;

	v->met[s - v->first]++;
	v->at_once++;
}

/* Those with even numbers stay, the others come and go while it lasts. */
static void
visit_while_changing(struct chance *c, uint32_t n_before, unsigned changes)
{
	static struct subscription subs[N_VISITED];
	static bool in[N_VISITED];
	struct visit v = { .first = subs };
	struct subtable t = { 0 };
	uint64_t at = 0;

	for (uint32_t i = 0; i < N_VISITED; i++) {
		subs[i] = (struct subscription){ .id = i * 7 };
		in[i] = i < n_before;
		if (in[i])
			assert_int_equal(subtable_add(&t, &subs[i]), 0);
	}
	while (at < SUBTABLE_END) {
		uint64_t before = at;

		v.at_once = 0;
		at = subtable_visit(&t, at, on_visited, &v);
		assert_true(at > before);
		assert_true(v.at_once < 40);
		for (unsigned k = 0; k < changes; k++) {
			uint32_t i = chance_below(c, N_VISITED) | 1;

			if (in[i])
				subtable_remove(&t, subs[i].id);
			else
				assert_int_equal(subtable_add(&t, &subs[i]), 0);
			in[i] = !in[i];
		}
	}
	for (uint32_t i = 0; i < N_VISITED; i += 2)
		assert_int_equal(v.met[i], i < n_before);
	while (subtable_pop(&t))
		continue;
}

TEST(a_visit_meets_each_that_was_there_all_the_time_exactly_once)
{
	struct chance c = chance_new("subtable visit");

	for (unsigned k = 0; k < rounds(20) + 1; k++) {
		visit_while_changing(&c, N_VISITED, 0);
		visit_while_changing(&c, 2000, 3);
		visit_while_changing(&c, 5, 200); /* it grows eightfold */
		visit_while_changing(&c, 1, 1);
		visit_while_changing(&c, 0, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_was_added_is_found_and_what_was_removed_is_not),
		cmocka_unit_test(
			a_table_is_as_good_as_a_list_whatever_the_numbers),
		cmocka_unit_test(
			a_visit_meets_each_that_was_there_all_the_time_exactly_once),
	};

	return RUN(tests);
}
