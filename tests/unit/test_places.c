/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* What is said of a whole configuration is in test_configfile.c */

#include "broker/places.h"

#include <string.h>

#include "unit.h"

TEST(a_path_in_a_file_is_absolute_and_fits_an_address)
{
	char path[PLACES_PATH_MAX + 2];

	assert_true(places_is_path("/a"));
	assert_false(places_is_path("a"));
	assert_false(places_is_path(""));
	memset(path, '/', sizeof(path));
	path[PLACES_PATH_MAX] = '\0';
	assert_true(places_is_path(path));
	path[PLACES_PATH_MAX] = '/';
	path[PLACES_PATH_MAX + 1] = '\0';
	assert_false(places_is_path(path));
}

TEST(paths_are_one_whatever_slashes_they_have)
{
	assert_true(places_are_one("/tmp/a", "/tmp/a"));
	assert_true(places_are_one("/tmp/a", "//tmp///a"));
	assert_true(places_are_one("/./tmp/././/a", "/tmp/a"));
	assert_true(places_are_one("a", "a"));
	assert_true(places_are_one("", ""));
	assert_false(places_are_one("/tmp/a", "/tmp/ab"));
	assert_false(places_are_one("/tmp/ab", "/tmp/a"));
	assert_false(places_are_one("/tmp/a", "/tmpa"));
	assert_false(places_are_one("/tmp/.a", "/tmp/a"));
	assert_false(places_are_one("/tmp/../a", "/tmp/a"));
	assert_false(places_are_one("/a", "a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_path_in_a_file_is_absolute_and_fits_an_address),
		cmocka_unit_test(paths_are_one_whatever_slashes_they_have),
	};

	return RUN(tests);
}
