/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/report.h"

#include "capture.h"
#include "sessions.h"

static struct text
text(const char *s)
{
	return (struct text){ s, (uint32_t)strlen(s) };
}

TEST(refusals_are_reported_at_once_then_once_a_second_with_their_number)
{
	struct message m;
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	for (int i = 0; i < 5; i++) {
		char about[16];

		snprintf(about, sizeof(about), "$x.%d", i);
		report_refused_publish(&c->session, STATUS_DENIED, text(about),
		                       "no");
	}
	m = client_next(c, TYPE_ERROR);
	assert_int_equal(m.error.code, 35);
	assert_false(m.error.fatal);
	assert_true(text_equals(m.error.text, "no"));
	assert_true(text_equals(m.error.about, "$x.0"));
	client_expect_nothing(c);
	assert_int_equal(c->session.refused, 5);

	rig_step(&r, 999);
	client_expect_nothing(c);
	rig_step(&r, 1);
	m = client_next(c, TYPE_ERROR);
	assert_int_equal(m.error.text.at[0], '4');
	assert_true(text_equals(m.error.about, "$x.4"));
	client_expect_nothing(c);

	/* that report was one: the next waits for its second again */
	rig_step(&r, 500);
	report_refused_publish(&c->session, STATUS_DENIED, text("$y"), "no");
	client_expect_nothing(c);
	rig_step(&r, 500);
	m = client_next(c, TYPE_ERROR);
	assert_int_equal(m.error.text.at[0], '1');
	assert_true(text_equals(m.error.about, "$y"));
	rig_step(&r, 1000);
	client_expect_nothing(c);
	report_refused_publish(&c->session, STATUS_DENIED, text("$z"), "no");
	client_expect_error(c, STATUS_DENIED, false, 0, "no");
	client_free(c);
	rig_fini(&r);
}

TEST(refusals_of_a_session_that_has_ended_are_not_reported)
{
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	report_refused_publish(&c->session, STATUS_DENIED, text("$x"), "no");
	report_refused_publish(&c->session, STATUS_DENIED, text("$x"), "no");
	client_next(c, TYPE_ERROR);
	session_end(&c->session);
	rig_step(&r, 5000);
	client_expect_nothing(c);
	client_free(c);

	c = client_open(&r, "c", 1);
	report_refused_publish(&c->session, STATUS_DENIED, text("$x"), "no");
	client_free(c); /* with its deadline set */
	rig_step(&r, 5000);
	rig_fini(&r);
}

/* How often `what` is in `log`. */
static unsigned
count_in(const char *log, const char *what)
{
	unsigned n = 0;

	while ((log = strstr(log, what))) {
		log += strlen(what);
		n++;
	}
	return n;
}

TEST(subscriptions_that_are_refused_are_in_the_log_at_once_then_once_a_second)
{
	struct capture err;
	struct client *c;
	const char *log;
	struct rig r;

	rig_init(&r);
	r.broker.log.level = LOG_WARN;
	c = client_open(&r, "c", 1);
	capture_begin(&err, stderr);
	for (int i = 0; i < 5; i++)
		report_refused_subscription(&c->session, 1, "subscriptions",
		                            "max", 7, 7);
	rig_step(&r, 1000);
	rig_step(&r, 1000);
	log = capture_end(&err);
	assert_int_equal(client_count(c, TYPE_ERROR), 5);
	assert_int_equal(count_in(log, "\n"), 2);
	assert_non_null(strstr(log, "refused a subscription n=7 limit=7 of=max "
	                            "session=1 name=\"c\" pid=77"));
	assert_non_null(strstr(log, "refused subscriptions n=4 in_ms=1000 last "
	                            "of=max session=1 name=\"c\" pid=77"));
	client_free(c);
	rig_fini(&r);
}

TEST(what_is_dropped_is_in_the_log_at_once_then_once_a_second_and_at_the_end)
{
	const struct measured why = { "owed", 90000, 80000, "outbox-high" };
	struct capture err;
	struct client *c;
	const char *log;
	struct rig r;

	rig_init(&r);
	r.broker.log.level = LOG_WARN;
	c = client_open(&r, "c", 1);
	capture_begin(&err, stderr);
	for (int i = 0; i < 5; i++)
		report_dropped(&c->session, 10, 1000, &why);
	rig_step(&r, 1000);
	report_dropped(&c->session, 1, 100, &why);
	client_free(c);
	log = capture_end(&err);
	assert_int_equal(count_in(log, "\n"), 3);
	assert_non_null(strstr(log, "dropped messages=10 bytes=1000 owed=90000 "
	                            "limit=80000 of=outbox-high "
	                            "session=1 name=\"c\" pid=77"));
	assert_non_null(strstr(log, "dropped messages=40 bytes=4000 "
	                            "in_ms=1000 last of=outbox-high "
	                            "session=1 name=\"c\" pid=77"));
	assert_non_null(strstr(log, "dropped messages=1 bytes=100 in_ms=1000"));
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			refusals_are_reported_at_once_then_once_a_second_with_their_number),
		cmocka_unit_test(
			refusals_of_a_session_that_has_ended_are_not_reported),
		cmocka_unit_test(
			subscriptions_that_are_refused_are_in_the_log_at_once_then_once_a_second),
		cmocka_unit_test(
			what_is_dropped_is_in_the_log_at_once_then_once_a_second_and_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
