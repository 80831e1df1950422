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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_was_added_is_found_and_what_was_removed_is_not),
		cmocka_unit_test(
			a_table_is_as_good_as_a_list_whatever_the_numbers),
	};

	return RUN(tests);
}
