/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <errno.h>

#include "client.h"

static void
on_active(struct umbel *c, struct umbel_sub *s, void *user)
{
	(void)c;
	(void)s;
	note("active(%s) ", (const char *)user);
}

static void
on_end(struct umbel *c, struct umbel_sub *s, int error, void *user)
{
	(void)c;
	(void)s;
	(void)user;
	note("end:%d ", error);
}

static void
on_named(struct umbel *c, const struct umbel_msg *m, void *user)
{
	size_t len;
	const char *data = umbel_msg_data(m, &len);

	(void)c;
	note("%s:%s=%.*s", (const char *)user, umbel_msg_topic(m), (int)len,
	     data);
	if (umbel_msg_retained(m))
		note("@%d", (int)umbel_msg_age_ms(m));
	note(" ");
}

/* What a SUBSCRIBE said. */
struct asked {
	uint8_t request;
	uint32_t sub;
	uint8_t body[256];
	size_t len;
};

static struct asked
read_subscribe(struct fake *f)
{
	struct asked a;
	const uint8_t *at = a.body + 3;

	a.len = fake_read(f, a.body, sizeof(a.body));
	assert_int_equal(a.body[1], FAKE_SUBSCRIBE);
	a.request = a.body[2];
	a.sub = *at;
	if (*at == 0xce)
		a.sub = (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 |
		        (uint32_t)at[3] << 8 | at[4];
	return a;
}

static void
subscribe(struct umbel *c, const char *filter, const char *name,
          struct umbel_sub_options options, struct umbel_sub **out)
{
	options.size = sizeof(options);
	options.on_active = on_active;
	options.on_end = on_end;
	assert_int_equal(umbel_subscribe(c, filter, on_named,
	                                 (void *)(uintptr_t)name, &options,
	                                 out),
	                 0);
}

/* [8, request, n] */
static void
send_ok_with(struct fake *f, const struct asked *a, uint8_t n)
{
	FAKE_SEND_BODY(f, 0x93, 8, a->request, n);
}

static size_t
put_publish(uint8_t *at, const char *topic, const char *text)
{
	static const uint8_t front[] = { 0x97, 3, 0, 0xc4, 8, 0, 0,
		                         0,    9, 0, 0,    0, 8 };
	size_t n = sizeof(front);

	memcpy(at, front, n);
	at[n++] = (uint8_t)(0xa0 | strlen(topic));
	memcpy(at + n, topic, strlen(topic));
	n += strlen(topic);
	at[n++] = 0xc0;
	at[n++] = 0xc0;
	at[n++] = 0xc4;
	at[n++] = (uint8_t)strlen(text);
	memcpy(at + n, text, strlen(text));
	return n + strlen(text);
}

static size_t
put_sub(uint8_t *at, uint32_t sub)
{
	const uint8_t head[] = { 0x94,
		                 6,
		                 0xce,
		                 (uint8_t)(sub >> 24),
		                 (uint8_t)(sub >> 16),
		                 (uint8_t)(sub >> 8),
		                 (uint8_t)sub };

	memcpy(at, head, sizeof(head));
	return sizeof(head);
}

static void
send_group(struct fake *f, uint32_t sub, const char *topic, const char *text)
{
	uint8_t body[300];
	size_t n = put_sub(body, sub);

	body[n++] = 0xc0;
	n += put_publish(body + n, topic, text);
	fake_send_body(f, body, n);
}

static void
send_retained(struct fake *f, uint32_t sub, const char *topic, const char *text)
{
	static const char info[] = "\x82\xa8retained\xc3\xa6"
				   "age_ms\x2a";
	uint8_t body[300];
	size_t n = put_sub(body, sub);

	memcpy(body + n, info, sizeof(info) - 1);
	n += sizeof(info) - 1;
	n += put_publish(body + n, topic, text);
	fake_send_body(f, body, n);
}

static void
await_notes(struct umbel *c, const char *notes)
{
	while (strlen(diary.text) < strlen(notes))
		await_callback(c);
	expect_notes(notes);
}

/* ---- groups --------------------------------------------------------------------- */

TEST(a_member_of_a_group_gets_what_the_broker_gives_it_and_others_what_matches)
{
	struct asked one, two;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	subscribe(c, "a", "group", (struct umbel_sub_options){ .group = "g" },
	          NULL);
	subscribe(c, "a", "plain", (struct umbel_sub_options){ 0 }, NULL);
	turn(c);
	one = read_subscribe(&f);
	assert_non_null(memmem(one.body, one.len, "\xa5group\xa1g", 8));
	two = read_subscribe(&f);
	assert_int_not_equal(one.sub, two.sub);
	fake_send_ok(&f, one.request);
	fake_send_ok(&f, two.request);
	await_notes(c, "active(group) active(plain) ");

	fake_send_publish(&f, "a", "1", 1);
	send_group(&f, one.sub, "a", "1");
	fake_send_publish(&f, "a", "2", 1);
	fake_send_publish(&f, "a", "3", 1);
	send_group(&f, one.sub, "a", "4");
	send_group(&f, one.sub, "a", "5");
	await_notes(c, "plain:a=1 group:a=1 plain:a=2 plain:a=3 group:a=4 "
	               "group:a=5 ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(what_still_comes_for_one_that_has_ended_is_nobodys)
{
	struct umbel_sub *s;
	struct asked one, two;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	subscribe(c, "a", "old", (struct umbel_sub_options){ .group = "g" },
	          &s);
	turn(c);
	one = read_subscribe(&f);
	fake_send_ok(&f, one.request);
	send_group(&f, one.sub, "a", "1");
	await_notes(c, "active(old) old:a=1 ");
	umbel_unsubscribe(c, s);
	send_group(&f, one.sub, "a", "2");
	send_group(&f, 12345, "a", "2");
	fake_send_ok(&f, (uint8_t)(one.request + 1));
	await_notes(c, "end:0 ");
	assert_int_equal(fake_read_type(&f, FAKE_UNSUBSCRIBE), one.request + 1);

	/* its number may be given to another, which gets what is for it */
	subscribe(c, "b", "new", (struct umbel_sub_options){ .group = "g" },
	          &s);
	turn(c);
	two = read_subscribe(&f);
	assert_int_equal(two.sub, one.sub);
	fake_send_ok(&f, two.request);
	send_group(&f, two.sub, "b", "3");
	await_notes(c, "active(new) new:b=3 ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(members_without_a_callback_queue)
{
	struct umbel_msg *m;
	struct asked a;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	assert_int_equal(umbel_subscribe(c, "a", NULL, NULL,
	                                 UMBEL_SUB_OPTIONS(.group = "g"), NULL),
	                 0);
	turn(c);
	a = read_subscribe(&f);
	fake_send_ok(&f, a.request);
	send_group(&f, a.sub, "a", "1");
	assert_int_equal(umbel_next(c, &m, 5000), 1);
	assert_string_equal(umbel_msg_topic(m), "a");
	umbel_msg_unref(m);
	umbel_free(c);
	fake_stop(&f);
}

TEST(many_members_of_one_handle_are_told_apart)
{
	enum { N = 50 };
	static const char *const names[] = { "x", "y", "z" };
	struct asked a[N];
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	for (int i = 0; i < N; i++)
		assert_int_equal(
			umbel_subscribe(c, "a", on_named,
		                        (void *)(uintptr_t)names[i % 3],
		                        UMBEL_SUB_OPTIONS(.group = "g"), NULL),
			0);
	turn(c);
	for (int i = 0; i < N; i++) {
		a[i] = read_subscribe(&f);
		fake_send_ok(&f, a[i].request);
	}
	send_group(&f, a[49].sub, "a", "1");
	send_group(&f, a[5].sub, "a", "2");
	send_group(&f, a[4].sub, "a", "3");
	await_notes(c, "y:a=1 z:a=2 y:a=3 ");
	umbel_free(c);
	fake_stop(&f);
}

/* ---- last values ----------------------------------------------------------------- */

TEST(last_values_come_first_and_then_it_is_active)
{
	static const char before[] = "active(plain) kept:a=1@42 kept:b=2@42 "
				     "active(kept) ";
	struct asked a, b;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	subscribe(c, "*", "plain", (struct umbel_sub_options){ 0 }, NULL);
	subscribe(c, "*", "kept",
	          (struct umbel_sub_options){ .retained = true }, NULL);
	turn(c);
	a = read_subscribe(&f);
	b = read_subscribe(&f);
	fake_send_ok(&f, a.request);
	send_ok_with(&f, &b, 2);
	send_retained(&f, b.sub, "a", "1");
	send_retained(&f, b.sub, "b", "2");
	fake_send_publish(&f, "a", "3", 1);
	while (!strstr(diary.text, "plain:a=3") ||
	       !strstr(diary.text, "kept:a=3"))
		await_callback(c);
	/* of the two that get the same message either may come first */
	diary.text[strlen(before)] = '\0';
	expect_notes(before);
	umbel_free(c);
	fake_stop(&f);
}

TEST(without_any_it_is_active_at_once)
{
	struct asked a;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	subscribe(c, "a", "kept",
	          (struct umbel_sub_options){ .retained = true }, NULL);
	turn(c);
	a = read_subscribe(&f);
	send_ok_with(&f, &a, 0);
	await_notes(c, "active(kept) ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(values_that_were_lost_on_the_way_are_not_waited_for)
{
	struct asked a;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	subscribe(c, "*", "kept",
	          (struct umbel_sub_options){ .retained = true }, NULL);
	turn(c);
	a = read_subscribe(&f);
	send_ok_with(&f, &a, 4);
	FAKE_SEND_BODY(&f, 0x94, 7, 2, 60, 0xa1, 'x');
	send_retained(&f, a.sub, "a", "1");
	send_retained(&f, a.sub, "b", "2");
	await_notes(c, "kept:a=1@42 kept:b=2@42 active(kept) ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_live_message_ends_the_wait_for_last_values)
{
	struct asked a;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	subscribe(c, "*", "kept",
	          (struct umbel_sub_options){ .retained = true }, NULL);
	turn(c);
	a = read_subscribe(&f);
	send_ok_with(&f, &a, 4);
	send_retained(&f, a.sub, "a", "1");
	fake_send_publish(&f, "b", "2", 1);
	await_notes(c, "kept:a=1@42 kept:b=2 active(kept) ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(last_values_come_again_on_the_next_connection)
{
	struct asked a;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.retry_first_ms = 1));
	subscribe(c, "*", "kept",
	          (struct umbel_sub_options){ .retained = true }, NULL);
	for (int i = 0; i < 2; i++) {
		turn(c);
		a = read_subscribe(&f);
		send_ok_with(&f, &a, 1);
		send_retained(&f, a.sub, "a", "1");
		await_notes(c, "kept:a=1@42 active(kept) ");
		fake_hang_up(&f);
		while (umbel_get_state(c) != UMBEL_CONNECTING)
			umbel_dispatch(c, 10);
		fake_welcome(&f);
	}
	umbel_free(c);
	fake_stop(&f);
}

/* ---- refusals ---------------------------------------------------------------------- */

TEST(options_that_make_no_sense_are_refused)
{
	struct umbel_sub_options old = {
		.size = offsetof(struct umbel_sub_options, group)
	};
	char long_name[66];
	struct umbel *c;

	memset(long_name, 'x', 65);
	long_name[65] = '\0';
	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.address = "/nowhere")),
	                 0);
	assert_int_equal(umbel_subscribe(c, "a", NULL, NULL,
	                                 UMBEL_SUB_OPTIONS(.group = ""), NULL),
	                 -EINVAL);
	assert_int_equal(umbel_subscribe(c, "a", NULL, NULL,
	                                 UMBEL_SUB_OPTIONS(.group = long_name),
	                                 NULL),
	                 -EINVAL);
	assert_int_equal(umbel_subscribe(c, "a", NULL, NULL,
	                                 UMBEL_SUB_OPTIONS(.group = "g",
	                                                   .retained = true),
	                                 NULL),
	                 -EINVAL);
	assert_int_equal(umbel_subscribe(c, "a", NULL, NULL,
	                                 UMBEL_SUB_OPTIONS(.group = "g",
	                                                   .monitor = true),
	                                 NULL),
	                 -EINVAL);
	/* of a program that does not know of groups */
	old.group = "";
	assert_int_equal(umbel_subscribe(c, "a", NULL, NULL, &old, NULL), 0);
	umbel_free(c);
}

TEST(a_malformed_deliver_ends_the_connection)
{
	struct asked a;
	struct umbel *c;
	struct fake f;

	for (int i = 0; i < 2; i++) {
		fake_start(&f);
		c = connected(&f, UMBEL_OPTIONS(.name = "me"));
		subscribe(c, "a", "x",
		          (struct umbel_sub_options){ .group = "g" }, NULL);
		turn(c);
		a = read_subscribe(&f);
		fake_send_ok(&f, a.request);
		await_notes(c, "active(x) ");
		if (i == 0)
			FAKE_SEND_BODY(&f, 0x94, 6, 1, 2, 0x91, 3);
		else
			send_group(&f, a.sub, "a.*", "1");
		while (umbel_get_state(c) == UMBEL_CONNECTED)
			umbel_dispatch(c, 10);
		assert_non_null(strstr(umbel_last_error(c), "DELIVER"));
		umbel_free(c);
		fake_stop(&f);
	}
}

static void
on_error(struct umbel *c, const struct umbel_error_info *info, void *user)
{
	(void)c;
	(void)user;
	note("error:%d:%u:%s:%s ", info->error, info->code, info->text,
	     info->about);
}

TEST(a_refusal_without_on_end_comes_as_an_error)
{
	struct umbel_sub *s;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.on_error = on_error));
	umbel_subscribe(c, "a.*", on_message, NULL, NULL, NULL);
	umbel_subscribe(c, "b", on_message, NULL, NULL, NULL);
	umbel_subscribe(c, "c", on_message, NULL, NULL, &s);
	umbel_unsubscribe(c, s);
	for (unsigned i = 0; i < 3; i++)
		fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_send_error(&f, 35, "not yours", 1, false, "a.*");
	fake_send_ok(&f, 2);
	fake_send_error(&f, 35, "nor is this", 3, false, "c");
	await_callback(c);
	/* but not about one that had ended */
	expect_notes("error:-10005:35:not yours:a.* ");
	fake_send_error(&f, 38, "", 0, false, "b");
	await_callback(c);
	expect_notes("error:-10005:38:not allowed any more:b ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(what_is_told_by_no_on_end_may_be_ended_again)
{
	struct umbel_sub *s[3];
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	for (unsigned i = 0; i < 3; i++)
		umbel_subscribe(c, "a", on_message, NULL, NULL, &s[i]);
	for (uint8_t i = 1; i <= 3; i++) {
		assert_int_equal(fake_read_type(&f, FAKE_SUBSCRIBE), i);
		fake_send_error(&f, 35, "no", i, false, "a");
	}
	turn(c);
	fake_send_publish(&f, "a", "x", 1);
	turn(c);
	/* two of them; the handle has the third */
	assert_string_equal(umbel_sub_filter(s[1]), "a");
	assert_int_equal(umbel_unsubscribe(c, s[1]), 0);
	assert_int_equal(umbel_unsubscribe(c, s[0]), 0);
	fake_hang_up(&f);
	while (umbel_get_state(c) == UMBEL_CONNECTED)
		umbel_dispatch(c, 10);
	expect_notes("");
	umbel_free(c);
	fake_stop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_told_by_no_on_end_may_be_ended_again),
		cmocka_unit_test(a_refusal_without_on_end_comes_as_an_error),
		cmocka_unit_test(
			a_member_of_a_group_gets_what_the_broker_gives_it_and_others_what_matches),
		cmocka_unit_test(
			what_still_comes_for_one_that_has_ended_is_nobodys),
		cmocka_unit_test(members_without_a_callback_queue),
		cmocka_unit_test(many_members_of_one_handle_are_told_apart),
		cmocka_unit_test(last_values_come_first_and_then_it_is_active),
		cmocka_unit_test(without_any_it_is_active_at_once),
		cmocka_unit_test(
			values_that_were_lost_on_the_way_are_not_waited_for),
		cmocka_unit_test(a_live_message_ends_the_wait_for_last_values),
		cmocka_unit_test(last_values_come_again_on_the_next_connection),
		cmocka_unit_test(options_that_make_no_sense_are_refused),
		cmocka_unit_test(a_malformed_deliver_ends_the_connection),
	};

	return RUN(tests);
}
