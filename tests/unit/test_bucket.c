/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/bucket.h"

#include "unit.h"

TEST(a_second_s_worth_may_be_done_at_once_and_then_so_many_a_second)
{
	struct bucket b;

	bucket_init(&b, 100, 5000);
	assert_int_equal(bucket_fill(&b, 100, 5000), 100);
	bucket_take(&b, 100);
	assert_int_equal(bucket_fill(&b, 100, 5009), 0);
	assert_int_equal(bucket_fill(&b, 100, 5010), 1);
	assert_int_equal(bucket_fill(&b, 100, 5510), 51);
	bucket_take(&b, 51);
	assert_int_equal(bucket_fill(&b, 100, 5519), 0);
}

TEST(it_holds_a_second_s_worth_however_long_nothing_is_done)
{
	struct bucket b;

	bucket_init(&b, 3, 0);
	bucket_take(&b, 3);
	assert_int_equal(bucket_fill(&b, 3, 333), 0);
	assert_int_equal(bucket_fill(&b, 3, 334), 1);
	assert_int_equal(bucket_fill(&b, 3, UINT64_MAX), 3);
	bucket_init(&b, UINT32_MAX, 0);
	assert_true(bucket_fill(&b, UINT32_MAX, UINT64_MAX) == UINT32_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_second_s_worth_may_be_done_at_once_and_then_so_many_a_second),
		cmocka_unit_test(
			it_holds_a_second_s_worth_however_long_nothing_is_done),
	};

	return RUN(tests);
}
