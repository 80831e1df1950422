/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/print.h"

#include <string.h>

#include "unit.h"

static void
expect(const struct print *p, const char *text)
{
	assert_false(p->failed);
	assert_int_equal(p->len, strlen(text));
	assert_memory_equal(p->at, text, p->len);
}

TEST(pieces_follow_each_other)
{
	struct print p = { 0 };

	print_text(&p, "a");
	print_bytes(&p, "bcd", 2);
	print_bytes(&p, NULL, 0);
	print_format(&p, "-%d-", 42);
	memcpy(print_room(&p, 3), "xyz", 3);
	expect(&p, "abc-42-xyz");
	print_fini(&p);
}

TEST(it_grows_as_far_as_it_has_to)
{
	struct print p = { 0 };

	for (unsigned i = 0; i < 100000; i++)
		print_text(&p, "ab");
	assert_false(p.failed);
	assert_int_equal(p.len, 200000);
	assert_memory_equal(p.at + 199998, "ab", 2);
	print_fini(&p);
	assert_null(p.at);
}

TEST(a_formatted_piece_is_cut_and_stays_in_its_bounds)
{
	char text[2 * PRINT_FORMAT_MAX];
	struct print p = { 0 };

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	print_format(&p, "%s", text);
	assert_int_equal(p.len, PRINT_FORMAT_MAX - 1);
	print_fini(&p);
}

TEST(room_behind_what_there_is_can_be_given_back)
{
	struct print p = { 0 };

	print_text(&p, "abc");
	assert_true(p.cap > 3);
	print_trim(&p);
	assert_int_equal(p.cap, 3);
	assert_memory_equal(p.at, "abc", 3);
	p.len = 0;
	print_trim(&p);
	assert_int_equal(p.cap, 0);
	assert_null(p.at);
}

TEST(what_cannot_be_had_is_left_out_and_told)
{
	struct print p = { 0 };

	print_text(&p, "a");
	assert_null(print_room(&p, SIZE_MAX / 2));
	assert_true(p.failed);
	print_text(&p, "b"); /* not behind a gap */
	assert_int_equal(p.len, 1);
	print_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_follow_each_other),
		cmocka_unit_test(it_grows_as_far_as_it_has_to),
		cmocka_unit_test(
			a_formatted_piece_is_cut_and_stays_in_its_bounds),
		cmocka_unit_test(room_behind_what_there_is_can_be_given_back),
		cmocka_unit_test(what_cannot_be_had_is_left_out_and_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
