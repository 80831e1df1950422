/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <errno.h>

#include "client.h"

static void
keep(struct umbel *c, const char *topic, const char *value)
{
	assert_int_equal(umbel_publish_opts(c, topic, value, strlen(value),
	                                    UMBEL_PUB_OPTIONS(.retain = true)),
	                 0);
}

static struct umbel *
keeper(struct fake *f)
{
	return connected(f, UMBEL_OPTIONS(.keep_retained = true,
	                                  .retry_first_ms = 1));
}

/* Break the connection, and come to a broker that gives this inbox. */
static void
meet(struct umbel *c, struct fake *f, const char *inbox)
{
	fake_hang_up(f);
	while (umbel_get_state(c) != UMBEL_CONNECTING)
		umbel_dispatch(c, 10);
	fake_accept(f);
	fake_read_type(f, FAKE_HELLO);
	fake_send_welcome_to(f, inbox);
	while (umbel_get_state(c) != UMBEL_CONNECTED)
		umbel_dispatch(c, 10);
}

static void
value_comes(struct fake *f, const char *value)
{
	assert_string_equal(fake_read_publish(f), value);
}

/* The PING behind the values, without which all would be said again. */
static void
confirm(struct umbel *c, struct fake *f)
{
	fake_pong(f, 0, 0, 0);
	turn(c);
	turn(c);
}

TEST(another_broker_gets_the_last_values_and_the_same_one_does_not)
{
	struct umbel_stats stats;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = keeper(&f);
	keep(c, "a", "1");
	keep(c, "b", "2");
	keep(c, "a", "3");
	keep(c, "c", "4");
	keep(c, "c", "");
	assert_int_equal(umbel_publish(c, "d", "5", 1), 0);
	for (const char *s = "1234"; *s; s++)
		value_comes(&f, (const char[]){ *s, '\0' });
	value_comes(&f, "");
	value_comes(&f, "5");

	meet(c, &f, "$inbox.t.8");
	fake_expect_silence(&f);

	meet(c, &f, "$inbox.u.1");
	value_comes(&f, "2");
	value_comes(&f, "3");
	confirm(c, &f);
	umbel_get_stats(c, &stats, sizeof(stats));
	assert_int_equal(stats.published, 6);

	meet(c, &f, "$inbox.u.2");
	fake_expect_silence(&f);
	umbel_free(c);
	fake_stop(&f);
}

TEST(values_that_were_not_confirmed_are_published_again)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = keeper(&f);
	keep(c, "a", "1");
	value_comes(&f, "1");
	meet(c, &f, "$inbox.u.1");
	value_comes(&f, "1");
	meet(c, &f, "$inbox.u.2");
	value_comes(&f, "1");
	confirm(c, &f);
	meet(c, &f, "$inbox.u.3");
	fake_expect_silence(&f);
	umbel_free(c);
	fake_stop(&f);
}

TEST(what_still_waits_is_not_said_twice)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = keeper(&f);
	keep(c, "a", "1");
	keep(c, "b", "2");
	value_comes(&f, "1");
	value_comes(&f, "2");
	fake_hang_up(&f);
	fake_unlisten(&f);
	while (umbel_get_state(c) == UMBEL_CONNECTED)
		umbel_dispatch(c, 10);
	keep(c, "a", "3");
	fake_listen(&f, 4);
	meet(c, &f, "$inbox.u.1");
	value_comes(&f, "2");
	confirm(c, &f);
	value_comes(&f, "3");
	fake_expect_silence(&f);
	umbel_free(c);
	fake_stop(&f);
}

static void
on_reply(struct umbel *c, const struct umbel_reply_info *info, void *user)
{
	(void)c;
	(void)user;
	note("%d ", info->error);
}

TEST(requests_that_ended_unsent_do_not_make_it_twice)
{
	struct umbel *c;
	struct fake f;
	uint64_t id;

	fake_start(&f);
	c = keeper(&f);
	fake_hang_up(&f);
	fake_unlisten(&f);
	while (umbel_get_state(c) == UMBEL_CONNECTED)
		umbel_dispatch(c, 10);
	keep(c, "a", "1");
	for (unsigned i = 0; i < 5; i++) {
		umbel_request_opts(c, "ask", "", 0, on_reply, NULL,
		                   UMBEL_REQUEST_OPTIONS(.id = &id));
		umbel_cancel(c, id);
	}
	turn(c);
	fake_listen(&f, 4);
	meet(c, &f, "$inbox.u.1");
	value_comes(&f, "1");
	fake_expect_silence(&f);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_value_that_cannot_be_kept_is_not_published)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.keep_retained = true,
	                                .keep_retained_max = 150));
	keep(c, "a", "1");
	value_comes(&f, "1");
	assert_int_equal(umbel_publish_opts(c, "b", "2", 1,
	                                    UMBEL_PUB_OPTIONS(.retain = true)),
	                 UMBEL_E_LIMIT);
	assert_non_null(strstr(umbel_last_error(c), "150 bytes are allowed"));
	assert_int_equal(umbel_publish_opts(c, "b*", "2", 1,
	                                    UMBEL_PUB_OPTIONS(.retain = true)),
	                 UMBEL_E_TOPIC);
	fake_expect_silence(&f);
	keep(c, "a", "3");
	value_comes(&f, "3");
	umbel_free(c);
	fake_stop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			another_broker_gets_the_last_values_and_the_same_one_does_not),
		cmocka_unit_test(
			values_that_were_not_confirmed_are_published_again),
		cmocka_unit_test(what_still_waits_is_not_said_twice),
		cmocka_unit_test(
			requests_that_ended_unsent_do_not_make_it_twice),
		cmocka_unit_test(a_value_that_cannot_be_kept_is_not_published),
	};

	return RUN(tests);
}
