/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/status.h"

#include <string.h>

#include "unit.h"

/* The rows "| 7 | `bad_topic` | fatal | ..." of PROTOCOL.md, section 6. */
struct row {
	unsigned code;
	char name[32];
	char kind[32];
};

static size_t
read_rows(struct row rows[], size_t max)
{
	FILE *f = fopen(UMBEL_SOURCE_DIR "/proto/PROTOCOL.md", "re");
	char line[4096];
	size_t n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		struct row *r = &rows[n];

		if (sscanf(line, "| %u | `%31[a-z_]` | %31[a-z ] |", &r->code,
		           r->name, r->kind) == 3) {
			assert_true(++n < max);
		}
	}
	fclose(f);
	return n;
}

TEST(codes_are_those_of_the_table_in_protocol_md)
{
	struct row rows[64];
	size_t n = read_rows(rows, COUNT(rows));

	assert_true(n >= 18);
	for (size_t i = 0; i < n; i++) {
		bool fatal = strcmp(rows[i].kind, "fatal ") == 0;

		assert_string_equal(status_name(rows[i].code), rows[i].name);
		assert_int_equal(status_is_fatal((enum status)rows[i].code),
		                 fatal);
	}
}

TEST(no_code_is_missing_in_the_table)
{
	struct row rows[64];
	size_t n = read_rows(rows, COUNT(rows)), known = 0;

	for (unsigned code = 1; code < 300; code++)
		known += strcmp(status_name(code), "unknown") != 0;
	assert_int_equal(known, n);
}

TEST(names_and_words_are_for_people)
{
	assert_string_equal(status_name(STATUS_OK), "ok");
	assert_string_equal(status_words(STATUS_OK), "no error");
	assert_string_equal(status_name(7), "bad_topic");
	assert_string_equal(status_words(7), "not a valid topic");
	assert_string_equal(status_name(37), "no_responder");
	assert_string_equal(status_name(9999), "unknown");
	assert_string_equal(status_words(9999),
	                    "an error that this version does not know");
}

TEST(ok_is_not_fatal_and_what_is_not_known_is)
{
	assert_false(status_is_fatal(STATUS_OK));
	assert_false(status_is_fatal(STATUS_UNSUPPORTED)); /* it depends */
	assert_true(status_is_fatal((enum status)200));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_are_those_of_the_table_in_protocol_md),
		cmocka_unit_test(no_code_is_missing_in_the_table),
		cmocka_unit_test(names_and_words_are_for_people),
		cmocka_unit_test(ok_is_not_fatal_and_what_is_not_known_is),
	};

	return RUN(tests);
}
