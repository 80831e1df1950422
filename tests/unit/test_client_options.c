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

/* ---- NULL ------------------------------------------------------------------ */

/* What was called, for the test to see that nothing is left out. */
static char called[8192];

static void
call_to(const char *text)
{
	size_t at = strlen(called);

	snprintf(called + at, sizeof(called) - at, " %s", text);
	assert_true(at + strlen(text) + 2 < sizeof(called));
}

#define REFUSED(call)   (call_to(#call), assert_int_equal((call), -EINVAL))
#define IS(call, value) (call_to(#call), assert_true((call) == (value)))
#define NO_HARM(call)   (call_to(#call), (void)(call))

static void
call_nothing(struct umbel *c, int error, void *user)
{
	(void)c;
	(void)error;
	(void)user;
}

static void
expect_no_reply(struct umbel *c, const struct umbel_reply_info *info,
                void *user)
{
	(void)c;
	(void)info;
	(void)user;
}

static void
refuse_no_handle(void)
{
	struct umbel *c = NULL;
	struct umbel_msg *m = NULL;

	REFUSED(umbel_new(NULL, NULL));
	REFUSED(umbel_connect(c, 0));
	REFUSED(umbel_connect(c, 10));
	IS(umbel_close(c, 10), 0);
	NO_HARM(umbel_free(c));
	IS(umbel_get_state(c), UMBEL_FAILED);
	IS(umbel_address(c), NULL);
	IS(umbel_session(c), 0);
	IS(umbel_uid(c), 0);
	IS(umbel_get_overflow(c), UMBEL_BLOCK);
	IS(umbel_max_frame(c), 0);
	REFUSED(umbel_fd(c));
	REFUSED(umbel_dispatch(c, 0));
	REFUSED(umbel_run(c));
	NO_HARM(umbel_stop(c));
	NO_HARM(umbel_wake(c));
	REFUSED(umbel_publish(c, "a", "x", 1));
	REFUSED(umbel_publish_opts(c, "a", "x", 1, NULL));
	REFUSED(umbel_publish_wait(c, "a", "x", 1, NULL, 10));
	NO_HARM(umbel_cork(c));
	REFUSED(umbel_uncork(c));
	REFUSED(umbel_subscribe(c, "a", NULL, NULL, NULL, NULL));
	REFUSED(umbel_unsubscribe(c, NULL));
	IS(umbel_sub_filter(NULL), NULL);
	REFUSED(umbel_next(c, &m, 10));
	REFUSED(umbel_request(c, "a", "", 0, 10, expect_no_reply, NULL));
	REFUSED(umbel_request_opts(c, "a", "", 0, expect_no_reply, NULL, NULL));
	REFUSED(umbel_request_wait(c, "a", "", 0, NULL, 10, &m));
	REFUSED(umbel_cancel(c, 1));
	REFUSED(umbel_reply(c, NULL, "", 0));
	REFUSED(umbel_reply_opts(c, NULL, "", 0, NULL));
	REFUSED(umbel_reply_error(c, NULL, 1, "no"));
	REFUSED(umbel_flush(c, call_nothing, NULL));
	REFUSED(umbel_drain(c, call_nothing, NULL));
	REFUSED(umbel_flush_wait(c, 10));
	REFUSED(umbel_drain_wait(c, 10));
}

static void
refuse_no_message_or_text(void)
{
	struct umbel_stats stats = { .published = 7 };
	struct umbel_header h;
	size_t len = 7;

	IS(umbel_msg_topic(NULL), NULL);
	IS(*(const char *)umbel_msg_data(NULL, &len), '\0');
	assert_int_equal(len, 0);
	IS(umbel_msg_reply(NULL), NULL);
	IS(umbel_msg_sender(NULL).session, 0);
	IS(umbel_msg_retain_flag(NULL), false);
	IS(umbel_msg_retained(NULL), false);
	IS(umbel_msg_age_ms(NULL), 0);
	IS(umbel_msg_header(NULL, "k", &h), false);
	IS(umbel_msg_header_str(NULL, "k"), NULL);
	IS(umbel_msg_n_headers(NULL), 0);
	IS(umbel_msg_header_at(NULL, 0, &h), false);
	IS(umbel_msg_ref(NULL), NULL);
	NO_HARM(umbel_msg_unref(NULL));
	IS(umbel_msg_error(NULL), 0);
	IS(umbel_msg_more(NULL), false);
	IS(umbel_topic_is_valid(NULL), false);
	IS(umbel_filter_is_valid(NULL), false);
	IS(umbel_filter_matches(NULL, "a"), false);
	IS(umbel_filter_matches("a", NULL), false);
	IS(umbel_name_is_valid(NULL), false);
	IS(umbel_header_key_is_valid(NULL), false);
	REFUSED(umbel_topic(NULL, 10, "a", NULL));
	NO_HARM(umbel_get_stats(NULL, &stats, sizeof(stats)));
	assert_int_equal(stats.published, 0);
}

static void
refuse_no_place(struct umbel *c)
{
	NO_HARM(umbel_get_stats(c, NULL, sizeof(struct umbel_stats)));
	REFUSED(umbel_next(c, NULL, 0));
	REFUSED(umbel_request_wait(c, "a", "", 0, NULL, 10, NULL));
	REFUSED(umbel_request(c, "a", "", 0, 10, NULL, NULL));
	REFUSED(umbel_publish(c, NULL, "x", 1));
	REFUSED(umbel_publish(c, "a", NULL, 1));
	REFUSED(umbel_publish_opts(c, NULL, "x", 1, NULL));
	REFUSED(umbel_publish_wait(c, "a", NULL, 1, NULL, 10));
	REFUSED(umbel_subscribe(c, NULL, NULL, NULL, NULL, NULL));
	REFUSED(umbel_unsubscribe(c, NULL));
	REFUSED(umbel_reply(c, NULL, "", 0));
	REFUSED(umbel_flush(c, NULL, NULL));
	REFUSED(umbel_drain(c, NULL, NULL));
}

/* Those that take no pointer, or have one that means something. */
static bool
has_no_null(const char *name)
{
	return strcmp(name, "umbel_version") == 0 ||
	       strcmp(name, "umbel_strerror") == 0 ||
	       strcmp(name, "umbel_state_name") == 0 ||
	       strcmp(name, "umbel_last_error") == 0;
}

static void
expect_all_called(void)
{
	FILE *map = fopen(UMBEL_SOURCE_DIR "/client/libumbel.map", "r");
	char line[128], name[64], call[70];
	unsigned n = 0;

	assert_non_null(map);
	while (fgets(line, sizeof(line), map)) {
		if (strncmp(line, "\tumbel_", 7) != 0 ||
		    sscanf(line, " %63[a-z_];", name) != 1)
			continue;
		n++;
		snprintf(call, sizeof(call), "%s(", name);
		if (!has_no_null(name) && !strstr(called, call))
			fail_msg("%s was not called with NULL", name);
	}
	fclose(map);
	assert_true(n > 50);
}

TEST(null_is_refused_by_every_call_and_does_no_harm)
{
	struct umbel *c;

	assert_int_equal(umbel_new(&c, NULL), 0);
	refuse_no_handle();
	refuse_no_message_or_text();
	refuse_no_place(c);
	umbel_free(c);
	expect_all_called();
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
		cmocka_unit_test(
			null_is_refused_by_every_call_and_does_no_harm),
	};

	return RUN(tests);
}
