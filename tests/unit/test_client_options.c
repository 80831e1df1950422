/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "client/options.h"

#include <errno.h>
#include <string.h>

#include "client/umbel.h"
#include "unit.h"

/* One struct as three releases know it. */
struct older {
	size_t size;
	long a;
};
struct ours {
	size_t size;
	long a;
	long b;
};
struct newer {
	size_t size;
	long a;
	long b;
	long c;
	long d;
};

static struct ours
defaults(void)
{
	return (struct ours){ .size = sizeof(struct ours), .a = 1, .b = 2 };
}

TEST(nothing_is_the_defaults)
{
	struct ours o = defaults();

	assert_int_equal(options_take(&o, sizeof(o), NULL), 0);
	assert_int_equal(o.a, 1);
	assert_int_equal(o.b, 2);
}

TEST(what_an_older_caller_does_not_have_keeps_its_default)
{
	const struct older in = { .size = sizeof(in), .a = 7 };
	struct ours o = defaults();

	assert_int_equal(options_take(&o, sizeof(o), &in), 0);
	assert_int_equal(o.a, 7);
	assert_int_equal(o.b, 2);
}

TEST(a_newer_caller_may_set_nothing_that_we_do_not_know)
{
	struct newer in = { .size = sizeof(in), .a = 7 };
	struct ours o = defaults();

	assert_int_equal(options_take(&o, sizeof(o), &in), 0);
	assert_int_equal(o.a, 7);
	assert_int_equal(o.size, sizeof(o));
	in.d = 1;
	o = defaults();
	assert_int_equal(options_take(&o, sizeof(o), &in), -EINVAL);
	assert_int_equal(o.a, 1);
}

TEST(who_does_not_set_the_size_is_refused)
{
	struct ours in = { .size = 0, .a = 7 }, o = defaults();

	assert_int_equal(options_take(&o, sizeof(o), &in), -EINVAL);
	in.size = sizeof(size_t) - 1;
	assert_int_equal(options_take(&o, sizeof(o), &in), -EINVAL);
	in.size = SIZE_MAX;
	assert_int_equal(options_take(&o, sizeof(o), &in), -EINVAL);
	assert_int_equal(o.a, 1);
}

TEST(every_call_that_takes_options_asks_the_same)
{
	struct umbel_options options;
	struct umbel *c;

	umbel_options_init(&options);
	assert_int_equal(options.size, sizeof(options));
	options.size = 1;
	assert_int_equal(umbel_new(&c, &options), -EINVAL);
	assert_int_equal(umbel_new(&c, NULL), 0);
	assert_int_equal(umbel_publish_opts(c, "a", "x", 1,
	                                    &(struct umbel_pub_options){ 0 }),
	                 -EINVAL);
	assert_int_equal(
		umbel_publish_opts(c, "a", "x", 1,
	                           UMBEL_PUB_OPTIONS(.reserved = { 1 })),
		-EINVAL);
	assert_int_equal(umbel_publish_opts(c, "a", "x", 1,
	                                    UMBEL_PUB_OPTIONS(.more = true)),
	                 0);
	umbel_free(c);
}

static void
expect_refusal(int error, const char *words, const struct umbel_options *o)
{
	struct umbel *c = (void *)&error;

	assert_int_equal(umbel_new(&c, o), error);
	assert_null(c);
	if (!strstr(umbel_last_error(NULL), words))
		fail_msg("%s: nothing of %s", umbel_last_error(NULL), words);
}

TEST(a_handle_that_cannot_be_made_says_which_option_is_wrong)
{
	struct umbel *c;

	expect_refusal(-EINVAL, "ping_ms", UMBEL_OPTIONS(.ping_ms = -7));
	expect_refusal(-EINVAL, "name", UMBEL_OPTIONS(.name = "\xff"));
	expect_refusal(-EINVAL, "retry_last_ms",
	               UMBEL_OPTIONS(.retry_first_ms = 5, .retry_last_ms = 2));
	expect_refusal(-EINVAL, "without will_topic",
	               UMBEL_OPTIONS(.will_data = "x", .will_len = 1));
	expect_refusal(UMBEL_E_TOPIC, "$SYS.mine",
	               UMBEL_OPTIONS(.will_topic = "$SYS.mine"));
	assert_int_equal(umbel_new(&c, NULL), 0);
	assert_string_equal(umbel_last_error(NULL), "");
	umbel_free(c);
}

TEST(the_version_of_the_header_is_that_of_the_library)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", UMBEL_VERSION_NUMBER / 1000000,
	         UMBEL_VERSION_NUMBER / 1000 % 1000,
	         UMBEL_VERSION_NUMBER % 1000);
	assert_string_equal(umbel_version(), text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_the_defaults),
		cmocka_unit_test(
			what_an_older_caller_does_not_have_keeps_its_default),
		cmocka_unit_test(
			a_newer_caller_may_set_nothing_that_we_do_not_know),
		cmocka_unit_test(who_does_not_set_the_size_is_refused),
		cmocka_unit_test(every_call_that_takes_options_asks_the_same),
		cmocka_unit_test(
			a_handle_that_cannot_be_made_says_which_option_is_wrong),
		cmocka_unit_test(
			the_version_of_the_header_is_that_of_the_library),
	};

	return RUN(tests);
}
