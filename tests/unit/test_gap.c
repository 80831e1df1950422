/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/gap.h"

#include "bytes.h"

static const char long_reason[] =
	"a reason that is longer than the thirty-one bytes of a fixstr";

static void
expect_gap(const uint8_t *frame, size_t len, uint64_t frames, uint64_t bytes,
           const char *reason)
{
	struct bytes want = { 0 };

	put_hex(&want, "94 07 cf");
	put_be(&want, frames, 8);
	put_hex(&want, "cf");
	put_be(&want, bytes, 8);
	put_str(&want, reason);
	put_prefix_before(&want, 0);
	assert_int_equal(len, want.len);
	assert_memory_equal(frame, want.at, want.len);
	bytes_free(&want);
}

TEST(a_gap_tells_of_a_loss_and_can_be_raised)
{
	static const char *const reasons[] = { "", "full", long_reason };

	for (unsigned i = 0; i < COUNT(reasons); i++) {
		uint8_t frame[GAP_MAX];
		size_t len = gap_put(frame, (struct loss){ 3, 4000000000u },
		                     reasons[i]);

		expect_gap(frame, len, 3, 4000000000u, reasons[i]);
		assert_true(gap_raise(frame, len,
		                      (struct loss){ 1, UINT64_C(1) << 40 },
		                      reasons[i]));
		expect_gap(frame, len, 4, (UINT64_C(1) << 40) + 4000000000u,
		           reasons[i]);
		assert_int_equal(gap_loss(frame).frames, 4);
		assert_true(gap_loss(frame).bytes ==
		            (UINT64_C(1) << 40) + 4000000000u);
	}
}

TEST(a_gap_of_another_reason_is_left_alone)
{
	static const char *const others[] = { "", "ful", "fall", "fulll",
		                              long_reason };
	uint8_t frame[GAP_MAX];
	size_t len = gap_put(frame, (struct loss){ 1, 2 }, "full");

	for (unsigned i = 0; i < COUNT(others); i++)
		assert_false(gap_raise(frame, len, (struct loss){ 1, 1 },
		                       others[i]));
	expect_gap(frame, len, 1, 2, "full");
}

TEST(our_own_reason_fits)
{
	uint8_t frame[GAP_MAX];

	expect_gap(frame, gap_put(frame, (struct loss){ 1, 2 }, GAP_DROPPED), 1,
	           2, GAP_DROPPED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gap_tells_of_a_loss_and_can_be_raised),
		cmocka_unit_test(a_gap_of_another_reason_is_left_alone),
		cmocka_unit_test(our_own_reason_fits),
	};

	return RUN(tests);
}
