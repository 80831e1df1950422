/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <string.h>

#include "client/keep.h"
#include "unit.h"

static int
put(struct keep *keep, const char *topic, const char *value)
{
	struct kept *kept;
	int r = keep_make(keep, topic, value, strlen(value),
	                  UMBEL_PUB_OPTIONS(.retain = true), &kept);

	if (r == 0)
		keep_put(keep, kept);
	return r;
}

/* All values, oldest first. */
static void
expect(const struct keep *keep, const char *values)
{
	const struct kept *kept;
	char text[256] = "";
	size_t n = 0;

	TAILQ_FOREACH (kept, &keep->all, link) {
		const uint8_t *end = kept->frame + kept->frame_len;

		strcat(text, kept->topic);
		strcat(text, "=");
		strncat(text, (const char *)end - 1, 1);
		strcat(text, " ");
		n++;
	}
	assert_string_equal(text, values);
	assert_int_equal(keep->n, n);
}

TEST(the_last_value_of_each_topic_is_kept_in_the_order_they_were_given)
{
	struct keep keep;

	keep_init(&keep, 10000, 1);
	expect(&keep, "");
	keep_clear(&keep, "a");
	assert_int_equal(put(&keep, "a", "1"), 0);
	assert_int_equal(put(&keep, "b", "2"), 0);
	assert_int_equal(put(&keep, "c", "3"), 0);
	assert_int_equal(put(&keep, "a", "4"), 0);
	expect(&keep, "b=2 c=3 a=4 ");
	keep_clear(&keep, "c");
	keep_clear(&keep, "c");
	expect(&keep, "b=2 a=4 ");
	keep_clear(&keep, "b");
	keep_clear(&keep, "a");
	assert_int_equal(keep.bytes, 0);
	keep_fini(&keep);
}

TEST(what_does_not_fit_changes_nothing_and_what_takes_less_room_fits)
{
	char long_value[2000];
	struct keep keep;
	struct kept *kept;
	int n = 0;

	memset(long_value, 'x', sizeof(long_value));
	long_value[sizeof(long_value) - 1] = '\0';
	keep_init(&keep, 1000, 1);
	assert_int_equal(put(&keep, "a", long_value), UMBEL_E_LIMIT);
	assert_int_equal(keep.n, 0);
	for (char topic[] = "a"; put(&keep, topic, "1") == 0; topic[0]++)
		n++;
	assert_in_range(n, 4, 12);
	assert_true(keep.bytes <= 1000);
	assert_int_equal(keep.n, n);
	assert_int_equal(put(&keep, "zz", "1"), UMBEL_E_LIMIT);
	assert_int_equal(put(&keep, "a", "2"), 0);
	assert_int_equal(keep_make(&keep, "b", "3", 1,
	                           UMBEL_PUB_OPTIONS(.retain = true), &kept),
	                 0);
	keep_discard(kept);
	keep_clear(&keep, "b");
	assert_int_equal(put(&keep, "z", "1"), 0);
	assert_int_equal(keep.n, n);
	keep_fini(&keep);
}

TEST(ten_thousand_are_found_again)
{
	enum { N = 10000 };
	struct keep keep;
	char topic[16];

	keep_init(&keep, 16u << 20, 1);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < N; i++) {
			snprintf(topic, sizeof(topic), "t.%d", i);
			assert_int_equal(
				put(&keep, topic, "twenty bytes of value"), 0);
		}
		assert_int_equal(keep.n, N);
	}
	assert_true(keep.bytes < N * 180u);
	for (int i = 0; i < N; i++) {
		snprintf(topic, sizeof(topic), "t.%d", i);
		keep_clear(&keep, topic);
	}
	assert_int_equal(keep.n, 0);
	assert_int_equal(keep.bytes, 0);
	keep_fini(&keep);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_last_value_of_each_topic_is_kept_in_the_order_they_were_given),
		cmocka_unit_test(
			what_does_not_fit_changes_nothing_and_what_takes_less_room_fits),
		cmocka_unit_test(ten_thousand_are_found_again),
	};

	return RUN(tests);
}
