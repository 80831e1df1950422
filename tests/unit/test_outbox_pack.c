/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* What an outbox frees before it has been sent. */

#include "outboxes.h"

TEST(packing_frees_a_slab_of_which_little_is_owed)
{
	struct bytes out = { 0 };
	struct rig r;

	rig_init(&r);
	push(&r, 100, 0x11);
	assert_int_equal(r.slab->refs, 2);
	outbox_pack(&r.o);
	assert_int_equal(r.slab->refs, 1);
	assert_in_range(r.pool.used - SLAB_SIZE, 100, 8 * 100);
	take(&r.o, 1000, &out);
	assert_int_equal(out.len, 100);
	assert_int_equal(out.at[99], 0x11);
	assert_int_equal(r.pool.used, SLAB_SIZE);
	bytes_free(&out);
	rig_fini(&r);
}

TEST(what_is_left_in_memory_of_its_own_moves_when_it_is_squeezed)
{
	struct bytes out = { 0 };
	struct rig r;
	size_t before;

	rig_init(&r);
	before = r.pool.used;
	for (unsigned i = 0; i < 100; i++)
		answer(&r, 1000, 7);
	take(&r.o, 99 * 1000 + 1, &out);
	outbox_pack(&r.o);
	assert_true(r.pool.used - before > 16000);
	outbox_squeeze(&r.o);
	assert_int_equal(r.pool.used - before, 1000 + 4 * sizeof(struct span));
	take(&r.o, r.o.bytes, &out);
	assert_int_equal(out.len, 100 * 1000);
	assert_int_equal(r.pool.used, before);
	bytes_free(&out);
	rig_fini(&r);
}

TEST(packing_leaves_what_is_worth_its_slab)
{
	struct rig r;

	rig_init(&r);
	push(&r, SLAB_SIZE / 8, 0x11);
	outbox_pack(&r.o);
	assert_int_equal(r.slab->refs, 2);
	rig_fini(&r);
}

/* Spans of one slab with gaps between: it is their sum that counts. */
TEST(packing_looks_at_all_that_is_owed_of_a_slab)
{
	struct bytes out = { 0 };
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 8; i++) {
		push(&r, SLAB_SIZE / 32, 0x11);
		into_slab(&r, 10, 0);
	}
	outbox_pack(&r.o);
	assert_int_equal(r.slab->refs, 9);
	/* the kernel takes five, and nothing of the sixth */
	take(&r.o, 5 * (SLAB_SIZE / 32), &out);
	assert_int_equal(r.slab->refs, 4);
	outbox_pack(&r.o);
	assert_int_equal(r.slab->refs, 1);
	bytes_free(&out);
	rig_fini(&r);
}

TEST(packing_keeps_a_slab_for_the_sake_of_all_bodies_in_it)
{
	struct bytes out = { 0 };
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 8; i++)
		deliver(&r, 1, NULL, SLAB_SIZE / 32, 0x11);
	outbox_pack(&r.o);
	assert_int_equal(r.slab->refs, 9);
	/* of the sixth its head */
	take(&r.o, 5 * (13 + SLAB_SIZE / 32) + 13, &out);
	outbox_pack(&r.o);
	assert_int_equal(r.slab->refs, 1);
	take(&r.o, SIZE_MAX / 2, &out);
	assert_int_equal(out.len, 8 * (13 + SLAB_SIZE / 32));
	bytes_free(&out);
	rig_fini(&r);
}

/* A publisher whose every message is a batch. */
TEST(what_is_packed_side_by_side_is_one_span)
{
	struct bytes out = { 0 };
	struct rig r;

	rig_init(&r);
	for (uint8_t i = 0; i < 200; i++) {
		push(&r, 100, i);
		into_slab(&r, 10, 0);
		outbox_pack(&r.o);
	}
	assert_int_equal(r.slab->refs, 1);
	/* own memory is as large as what is owed: it is had a few times */
	assert_in_range(r.o.spans.n, 1, 10);
	assert_int_equal(outbox_messages(&r.o), 200);
	while (!outbox_is_empty(&r.o))
		take(&r.o, 70, &out);
	assert_int_equal(out.len, 200 * 100);
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(out.at[100 * i + 99], i);
	bytes_free(&out);
	rig_fini(&r);
}

TEST(what_is_packed_does_not_join_what_may_not_be_dropped)
{
	uint64_t frames, bytes;
	struct rig r;

	rig_init(&r);
	push(&r, 100, 1);
	outbox_pack(&r.o);
	outbox_sent(&r.o, 1);
	assert_int_equal(outbox_drop_oldest(&r.o, 0, &frames, &bytes), 0);
	assert_int_equal(frames, 0);
	push(&r, 100, 2);
	outbox_pack(&r.o);
	assert_int_equal(outbox_drop_oldest(&r.o, 0, &frames, &bytes), 0);
	assert_int_equal(frames, 1);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packing_frees_a_slab_of_which_little_is_owed),
		cmocka_unit_test(
			what_is_left_in_memory_of_its_own_moves_when_it_is_squeezed),
		cmocka_unit_test(packing_leaves_what_is_worth_its_slab),
		cmocka_unit_test(packing_looks_at_all_that_is_owed_of_a_slab),
		cmocka_unit_test(
			packing_keeps_a_slab_for_the_sake_of_all_bodies_in_it),
		cmocka_unit_test(what_is_packed_side_by_side_is_one_span),
		cmocka_unit_test(
			what_is_packed_does_not_join_what_may_not_be_dropped),
	};

	return RUN(tests);
}
