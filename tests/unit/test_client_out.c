/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "client/out.h"

#include <string.h>

#include "unit.h"

/* A frame of `n` bytes in all, its last byte a mark: a PUBLISH, or a PING. */
static void
add(struct out *o, size_t n, bool publish, uint8_t mark)
{
	uint8_t *at;

	assert_int_equal(out_reserve(o, n), 0);
	at = o->data + o->tail;
	memset(at, 0, n);
	at[0] = 0xce;
	at[3] = (uint8_t)((n - 5) >> 8);
	at[4] = (uint8_t)(n - 5);
	at[5] = publish ? 0x97 : 0x92;
	at[6] = publish ? 3 : 10;
	at[n - 1] = mark;
	o->tail += n;
}

/* The marks of the frames that wait. */
static const char *
marks(const struct out *o)
{
	static char text[64];
	size_t n = 0;

	for (size_t at = o->head; at < o->tail;) {
		at += 5u + (size_t)(o->data[at + 3] << 8) + o->data[at + 4];
		text[n++] = (char)o->data[at - 1];
	}
	text[n] = '\0';
	return text;
}

TEST(whole_frames_are_counted_as_the_kernel_takes_them)
{
	struct out o = { 0 };

	add(&o, 10, true, 'a');
	add(&o, 20, true, 'b');
	add(&o, 9, false, 'p');
	add(&o, 30, true, 'c');
	assert_int_equal(out_sent(&o, 9), 0);
	assert_int_equal(out_rest_of_frame(&o), 1);
	assert_int_equal(out_sent(&o, 1), 1);
	assert_int_equal(out_rest_of_frame(&o), 0);
	assert_int_equal(out_sent(&o, 20 + 9 + 5), 1);
	assert_int_equal(out_rest_of_frame(&o), 25);
	assert_true(out_is_publish_in_hand(&o));
	assert_int_equal(out_pending(&o), 25);
	assert_int_equal(out_sent(&o, 25), 1);
	assert_int_equal(out_pending(&o), 0);
	out_fini(&o);
}

TEST(after_a_break_the_frame_in_hand_starts_afresh_and_only_publishes_stay)
{
	struct out o = { 0 };

	add(&o, 10, true, 'a');
	add(&o, 20, true, 'b');
	add(&o, 9, false, 'p');
	add(&o, 12, true, 'c');
	out_sent(&o, 13);
	assert_int_equal(out_restart(&o, false), 0);
	assert_string_equal(marks(&o), "bc");
	assert_int_equal(out_pending(&o), 32);
	out_fini(&o);
}

TEST(a_frame_that_was_at_fault_is_dropped_with_the_connection)
{
	struct out o = { 0 };

	add(&o, 10, true, 'a');
	add(&o, 10, true, 'b');
	out_sent(&o, 1);
	assert_int_equal(out_restart(&o, true), 1);
	assert_string_equal(marks(&o), "b");
	/* between frames nobody is at fault */
	assert_int_equal(out_restart(&o, true), 0);
	assert_string_equal(marks(&o), "b");
	out_fini(&o);
}

TEST(a_control_frame_in_hand_goes_with_the_connection)
{
	struct out o = { 0 };

	add(&o, 10, false, 'p');
	add(&o, 10, true, 'a');
	out_sent(&o, 4);
	assert_int_equal(out_restart(&o, true), 0);
	assert_string_equal(marks(&o), "a");
	out_fini(&o);
}

TEST(what_is_too_long_for_the_next_broker_is_dropped)
{
	struct out o = { 0 };

	add(&o, 10, true, 'a');
	add(&o, 300, true, 'b');
	add(&o, 105, true, 'c');
	add(&o, 106, true, 'd');
	assert_int_equal(out_drop_longer(&o, 100), 2);
	assert_string_equal(marks(&o), "ac");
	out_fini(&o);
}

TEST(room_is_made_without_losing_what_waits)
{
	struct chance chance = chance_new("room");
	struct out o = { 0 };
	uint8_t first = 'A', next = 'A';
	size_t waiting = 0;

	for (unsigned i = 0; i < rounds(20000); i++) {
		size_t n = 8 + chance_below(&chance, 9000);

		if (chance_one_in(&chance, 2)) {
			add(&o, n, true, next++);
			waiting += n;
		} else if (waiting > 0) {
			n = 1 + chance_below(&chance, (uint32_t)waiting);
			first = (uint8_t)(first + out_sent(&o, n));
			waiting -= n;
		}
		assert_int_equal(out_pending(&o), waiting);
		if (o.frame < o.tail) {
			size_t end = o.head + out_rest_of_frame(&o);

			if (out_is_mid_frame(&o))
				assert_int_equal(o.data[end - 1], first);
		} else {
			assert_int_equal(first, next);
		}
	}
	out_fini(&o);
}

TEST(memory_is_given_back_only_when_nothing_waits)
{
	struct out o = { 0 };

	add(&o, 1000, true, 'a');
	out_shrink(&o, 10);
	assert_string_equal(marks(&o), "a");
	out_sent(&o, 1000);
	out_shrink(&o, 1u << 30);
	assert_non_null(o.data);
	out_shrink(&o, 10);
	assert_null(o.data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			whole_frames_are_counted_as_the_kernel_takes_them),
		cmocka_unit_test(
			after_a_break_the_frame_in_hand_starts_afresh_and_only_publishes_stay),
		cmocka_unit_test(
			a_frame_that_was_at_fault_is_dropped_with_the_connection),
		cmocka_unit_test(
			a_control_frame_in_hand_goes_with_the_connection),
		cmocka_unit_test(
			what_is_too_long_for_the_next_broker_is_dropped),
		cmocka_unit_test(room_is_made_without_losing_what_waits),
		cmocka_unit_test(memory_is_given_back_only_when_nothing_waits),
	};

	return RUN(tests);
}
