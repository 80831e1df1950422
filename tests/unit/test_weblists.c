/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/weblists.h"

#include <jansson.h>

#include "gateways.h"
#include "unit.h"

/* The answer's body, which came in chunks, as JSON. */
static json_t *
body_of(char *answer)
{
	char *at = strstr(answer, "\r\n\r\n") + 4, *to = answer;
	json_error_t error;
	json_t *body;

	assert_begins(answer, OK);
	for (;;) {
		size_t len = strtoul(at, &at, 16);

		if (len == 0)
			break;
		memmove(to, at + 2, len);
		to += len;
		at += 2 + len + 2;
	}
	body = json_loadb(answer, (size_t)(to - answer), 0, &error);
	if (!body)
		fail_msg("%s at %d", error.text, error.position);
	return body;
}

static json_t *
list_of(struct gate *t, const char *request, const char *name)
{
	struct end e = end_open(t);
	json_t *body, *list;
	char *all;

	end_send(t, &e, request);
	all = end_take(t, &e);
	body = body_of(all);
	list = json_incref(json_object_get(body, name));
	assert_true(json_is_array(list));
	json_decref(body);
	free(all);
	end_close(&e);
	gate_turn(t);
	return list;
}

TEST(sessions_have_what_introspection_tells)
{
	struct gate t;
	struct client *c;
	json_t *list;

	gate_init(&t);
	c = client_open(&t.rig, "c\"\xc3\xa9", 4242);
	list = list_of(&t, GET("/sessions?uid=4242"), "sessions");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(list, 0), "name")),
	                    "c\"\xc3\xa9");
	json_decref(list);
	client_free(c);
	gate_fini(&t);
}

/* More than the broker tells in one answer, or holds as text at once. */
TEST(a_long_list_comes_page_by_page_and_whole)
{
	struct gate t;
	struct client *c;
	json_t *list, *row;
	size_t i;
	bool seen[20001] = { 0 };

	gate_init(&t);
	t.rig.config.max_subscriptions = 30000;
	c = client_open(&t.rig, "c", 1000);
	for (uint32_t n = 1; n <= 20000; n++) {
		char filter[32];

		snprintf(filter, sizeof(filter), "many.filters.%u", n);
		client_subscribes(c, n, filter);
		client_reads_all(c);
	}
	list = list_of(&t, GET("/subscriptions"), "subscriptions");
	json_array_foreach (list, i, row) {
		json_int_t sub =
			json_integer_value(json_object_get(row, "sub"));

		assert_true(sub > 0 && sub <= 20000 && !seen[sub]);
		seen[sub] = true;
	}
	assert_int_equal(i, 20000);
	json_decref(list);
	client_free(c);
	gate_fini(&t);
}

TEST(topics_go_on_behind_the_last_one_that_was_told)
{
	struct gate t;
	struct client *c;
	json_t *list;

	gate_init(&t);
	c = client_open(&t.rig, "c", 1000);
	for (unsigned i = 0; i < 900; i++) {
		char topic[256];

		snprintf(topic, sizeof(topic), "t%03u.%0200u", i, i);
		put_publish_with(&c->said, 1, topic, NULL, "x", 1);
		client_goes_on(c);
	}
	/* a topic that comes once need not be remembered */
	client_publishes(c, "last", 0);
	client_publishes(c, "last", 0);
	list = list_of(&t, GET("/topics"), "topics");
	assert_int_equal(json_array_size(list), 901);
	json_decref(list);
	list = list_of(&t, GET("/topics?filter=t000.**"), "topics");
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
	client_free(c);
	gate_fini(&t);
}

TEST(options_that_are_none_are_refused)
{
	struct gate t;

	gate_init(&t);
	gate_asks(&t, GET("/sessions?uid=x"), "HTTP/1.1 400 ", "uid=N");
	gate_asks(&t, GET("/sessions?session="), "HTTP/1.1 400 ", "");
	gate_asks(&t, GET("/topics?filter=a..b"), "HTTP/1.1 400 ",
	          "not a valid filter: ");
	gate_asks(&t, GET("/topics?filter=a..b"), "HTTP/1.1 400 ", "(token 1)");
	gate_fini(&t);
}

TEST(a_reader_that_does_not_read_stops_a_list)
{
	struct gate t;
	struct client *c;
	struct end e;

	gate_init(&t);
	t.rig.config.max_subscriptions = 30000;
	c = client_open(&t.rig, "c", 1000);
	for (uint32_t n = 1; n <= 20000; n++) {
		client_subscribes(c, n, "a.filter.that.takes.its.room");
		client_reads_all(c);
	}
	e = end_open(&t);
	end_send(&t, &e, GET("/subscriptions"));
	gate_turn(&t);
	assert_true(t.rig.broker.pool.used > 0);
	assert_true(t.rig.broker.pool.used < 3u << 20);
	gate_step(&t, t.rig.config.frame_ms);
	assert_int_equal(t.g.n, 0);
	end_close(&e);
	client_free(c);
	gate_fini(&t);
}

/* A turn of the loop; the reader reads when what is ready has been found. */
static void
turn_while_reading(struct gate *t, struct end *e, bool reads)
{
	static char buf[65536];
	ssize_t n;

	event_base_loop(t->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	while (reads && (n = recv(e->fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		e->len += (size_t)n;
	gateway_end_turn(&t->g);
}

/* When its reader finds time may not decide whether a list has an end. */
TEST(a_reader_may_catch_up_before_any_turn)
{
	/* a page is more than the kernel takes, by less than that again */
	const char filter[] =
		"a.filter.that.takes.its.room.and.a.little.more.than.that";
	const char ask[] = "GET /subscriptions HTTP/1.0\r\n\r\n";
	size_t whole = 0;
	struct gate t;
	struct client *c;

	gate_init(&t);
	t.rig.config.max_subscriptions = 30000;
	c = client_open(&t.rig, "c", 1000);
	for (uint32_t i = 1; i <= 5000; i++) {
		client_subscribes(c, i, filter);
		client_reads_all(c);
	}
	for (unsigned late = 0; late < 20; late++) {
		struct end e = end_open(&t);

		assert_true(send(e.fd, ask, strlen(ask), 0) > 0);
		for (unsigned i = 0; i < late + 200; i++)
			turn_while_reading(&t, &e, i >= late);
		if (late == 0)
			whole = e.len;
		assert_int_equal(e.len, whole);
		end_close(&e);
		gate_turn(&t);
	}
	client_free(c);
	gate_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_have_what_introspection_tells),
		cmocka_unit_test(a_long_list_comes_page_by_page_and_whole),
		cmocka_unit_test(
			topics_go_on_behind_the_last_one_that_was_told),
		cmocka_unit_test(options_that_are_none_are_refused),
		cmocka_unit_test(a_reader_that_does_not_read_stops_a_list),
		cmocka_unit_test(a_reader_may_catch_up_before_any_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
