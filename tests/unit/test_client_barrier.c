/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "client.h"
#include "client/handle.h"

/* The name that on_done() notes. */
static void *
label(const char *name)
{
	return (void *)(uintptr_t)name;
}

static struct umbel_stats
stats_of(struct umbel *c)
{
	struct umbel_stats stats;

	umbel_get_stats(c, &stats, sizeof(stats));
	return stats;
}

TEST(a_flush_is_done_when_its_pong_comes_and_not_before)
{
	struct umbel_stats stats;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	for (unsigned i = 0; i < 5; i++)
		umbel_publish(c, "a", "x", 1);
	assert_int_equal(umbel_flush(c, on_done, label("flush")), 0);
	turn(c);
	expect_notes("");
	for (unsigned i = 0; i < 5; i++)
		fake_read_publish(&f);
	fake_pong(&f, 4, 3, 1);
	await_callback(c);
	expect_notes("flush:0 ");
	stats = stats_of(c);
	assert_int_equal(stats.published, 5);
	assert_int_equal(stats.confirmed, 4);
	assert_int_equal(stats.unmatched, 3);
	assert_int_equal(stats.refused, 1);
	assert_int_equal(stats.unconfirmed, 0);
	umbel_free(c);
	fake_stop(&f);
}

TEST(counts_that_cannot_be_are_not_believed)
{
	struct umbel_stats stats;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_publish(c, "a", "x", 1);
	umbel_flush(c, on_done, NULL);
	fake_read_publish(&f);
	fake_pong(&f, 100, 100, 100);
	await_callback(c);
	stats = stats_of(c);
	assert_int_equal(stats.refused, 1);
	assert_int_equal(stats.confirmed, 0);
	assert_int_equal(stats.unmatched, 0);
	/* a PONG that nobody asked for, and one with a token of 0 */
	FAKE_SEND_BODY(&f, 0x95, 11, 100, 9, 9, 9);
	FAKE_SEND_BODY(&f, 0x95, 11, 0, 9, 9, 9);
	turn(c);
	assert_int_equal(stats_of(c).unmatched, 0);
	assert_int_equal(umbel_get_state(c), UMBEL_CONNECTED);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_flush_that_the_connection_did_not_survive_fails)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.on_state = on_state));
	umbel_publish(c, "a", "x", 1);
	umbel_flush(c, on_done, label("flush"));
	fake_hang_up(&f);
	await_callback(c);
	expect_notes("disconnected flush:-104 ");
	assert_int_equal(diary.last.unconfirmed, 1);
	umbel_free(c);
	fake_stop(&f);
}

static void
restart(struct umbel *c, struct fake *f)
{
	while (umbel_get_state(c) != UMBEL_CONNECTING)
		umbel_dispatch(c, 10);
	fake_welcome(f);
	while (umbel_get_state(c) != UMBEL_CONNECTED)
		umbel_dispatch(c, 10);
}

TEST(a_flush_after_a_loss_that_no_flush_told_of_fails_once)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_publish(c, "a", "x", 1);
	fake_hang_up(&f);
	restart(c, &f);
	umbel_flush(c, on_done, label("first"));
	fake_pong(&f, 0, 0, 0);
	await_callback(c);
	expect_notes("first:-104 ");
	umbel_flush(c, on_done, label("second"));
	fake_pong(&f, 0, 0, 0);
	await_callback(c);
	expect_notes("second:0 ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_flush_that_nobody_waits_for_any_more_tells_of_no_loss)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	/* lost with the connection, and then by the answer on the next one */
	umbel_publish(c, "a", "x", 1);
	assert_int_equal(umbel_flush_wait(c, 1), -ETIMEDOUT);
	fake_hang_up(&f);
	restart(c, &f);
	assert_int_equal(umbel_flush_wait(c, 1), -ETIMEDOUT);
	fake_pong(&f, 0, 0, 0);
	turn(c);
	umbel_flush(c, on_done, label("first"));
	fake_pong(&f, 0, 0, 0);
	await_callback(c);
	expect_notes("first:-104 ");
	umbel_flush(c, on_done, label("second"));
	fake_pong(&f, 0, 0, 0);
	await_callback(c);
	expect_notes("second:0 ");
	umbel_free(c);
	fake_stop(&f);
}

/* A broker that wants version 9 of the protocol. */
static void
be_refused(struct umbel *c, struct fake *f)
{
	fake_accept(f);
	fake_read_type(f, FAKE_HELLO);
	FAKE_SEND_BODY(f, 0x95, 2, 9, 7, 5, 0x80);
	while (umbel_get_state(c) != UMBEL_FAILED)
		umbel_dispatch(c, 10);
}

TEST(after_failed_nothing_waits_for_a_broker)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	memset(&diary, 0, sizeof(diary));
	umbel_new(&c, UMBEL_OPTIONS(.address = f.path, .buffer = 10));
	ask_nothing(c);
	umbel_publish(c, "a", "x", 1);
	umbel_flush(c, on_done, label("flush"));
	/* those who wait connect, lest they wait for ever */
	assert_int_equal(umbel_flush_wait(c, 1), -ETIMEDOUT);
	be_refused(c, &f);
	turn(c);
	expect_notes("flush:-10004 ");
	assert_int_equal(umbel_publish(c, "a", "x", 1), UMBEL_E_VERSION);
	umbel_cork(c);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(umbel_publish(c, "a", "x", 1),
		                 UMBEL_E_VERSION);
	assert_int_equal(umbel_publish_wait(c, "a", "x", 1, NULL, -1),
	                 UMBEL_E_VERSION);
	assert_int_equal(umbel_flush_wait(c, -1), UMBEL_E_VERSION);
	assert_int_equal(umbel_drain_wait(c, -1), UMBEL_E_VERSION);
	assert_int_equal(umbel_flush(c, on_done, NULL), UMBEL_E_VERSION);
	assert_string_equal(umbel_last_error(c), "flush: not connected");
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_flush_before_the_connection_waits_for_it)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	memset(&diary, 0, sizeof(diary));
	umbel_new(&c, UMBEL_OPTIONS(.address = f.path));
	ask_nothing(c);
	umbel_publish(c, "a", "x", 1);
	umbel_flush(c, on_done, label("flush"));
	umbel_connect(c, 0);
	turn(c);
	fake_welcome(&f);
	umbel_dispatch(c, 10);
	assert_string_equal(fake_read_publish(&f), "x");
	fake_pong(&f, 1, 0, 0);
	await_callback(c);
	expect_notes("flush:0 ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(what_stays_unconfirmed_is_asked_about_after_a_while)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	c->confirm_ms = CONFIRM_MS;
	umbel_publish(c, "a", "x", 1);
	assert_string_equal(fake_read_publish(&f), "x");
	while (!fake_fd_is_readable(f.fd))
		umbel_dispatch(c, 10);
	assert_int_equal(stats_of(c).unconfirmed, 1);
	fake_pong(&f, 1, 0, 0);
	while (stats_of(c).unconfirmed > 0)
		umbel_dispatch(c, 10);
	assert_int_equal(stats_of(c).confirmed, 1);
	umbel_free(c);
	fake_stop(&f);
}

TEST(one_question_at_a_time_is_asked_and_none_when_all_is_confirmed)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	c->confirm_ms = 1;
	umbel_publish(c, "a", "1", 1);
	assert_string_equal(fake_read_publish(&f), "1");
	while (!fake_fd_is_readable(f.fd))
		umbel_dispatch(c, 1);
	/* while its answer is not there */
	umbel_publish(c, "a", "2", 1);
	assert_int_equal(umbel_dispatch(c, 20), 0);
	fake_pong(&f, 1, 0, 0);
	assert_string_equal(fake_read_publish(&f), "2");
	fake_expect_silence(&f);
	/* then for what was sent meanwhile */
	while (!fake_fd_is_readable(f.fd))
		umbel_dispatch(c, 1);
	fake_pong(&f, 1, 0, 0);
	while (stats_of(c).unconfirmed > 0)
		umbel_dispatch(c, 1);
	/* a flush asks, too */
	ask_nothing(c);
	umbel_publish(c, "a", "3", 1);
	umbel_flush(c, on_done, label("flush"));
	c->at.confirm = sys_now();
	turn(c);
	assert_string_equal(fake_read_publish(&f), "3");
	fake_pong(&f, 1, 0, 0);
	await_callback(c);
	expect_notes("flush:0 ");
	/* and that is all */
	assert_int_equal(umbel_dispatch(c, 20), 0);
	fake_expect_silence(&f);
	umbel_free(c);
	fake_stop(&f);
}

static void
wait_inside(struct umbel *c, int error, void *user)
{
	(void)user;
	note("%d ", error);
	assert_int_equal(umbel_flush_wait(c, 1000), -EDEADLK);
	assert_int_equal(umbel_drain_wait(c, 1000), -EDEADLK);
	assert_int_equal(umbel_dispatch(c, 1000), -EDEADLK);
	assert_int_equal(umbel_run(c), -EDEADLK);
	assert_int_equal(umbel_close(c, 1000), -EDEADLK);
}

TEST(waiting_inside_a_callback_is_a_deadlock_that_is_refused)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	assert_int_equal(umbel_flush_wait(c, 1), -ETIMEDOUT);
	fake_pong(&f, 0, 0, 0);
	umbel_flush(c, wait_inside, NULL);
	fake_pong(&f, 0, 0, 0);
	await_callback(c);
	expect_notes("0 ");
	assert_int_equal(umbel_flush(c, NULL, NULL), -EINVAL);
	umbel_free(c);
	fake_stop(&f);
}

static void
on_end(struct umbel *c, struct umbel_sub *s, int error, void *user)
{
	(void)c;
	(void)user;
	note("end:%s:%d ", umbel_sub_filter(s), error);
}

TEST(a_drain_delivers_what_is_on_its_way_and_ends_all_subscriptions)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_subscribe(c, "a", on_message, NULL,
	                UMBEL_SUB_OPTIONS(.on_end = on_end), NULL);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_send_ok(&f, 1);
	turn(c);
	umbel_drain(c, on_done, label("drain"));
	fake_send_publish(&f, "a", "late", 4);
	assert_int_equal(fake_read_type(&f, FAKE_UNSUBSCRIBE), 2);
	fake_send_ok(&f, 2);
	fake_pong(&f, 0, 0, 0);
	await_callback(c);
	expect_notes("a=late end:a:0 drain:0 ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(close_returns_how_many_were_not_routed)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	assert_int_equal(umbel_close(c, 1000), 0);
	fake_read_type(&f, FAKE_GOAWAY);
	fake_expect_end(&f);

	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_publish(c, "a", "1", 1);
	umbel_publish(c, "a", "2", 1);
	assert_int_equal(umbel_close(c, 10), 2);
	fake_read_publish(&f);
	fake_read_publish(&f);
	fake_read_type(&f, FAKE_PING);

	/* never connected: nobody can have it */
	umbel_new(&c, UMBEL_OPTIONS(.address = "/nowhere/at/all"));
	umbel_publish(c, "a", "1", 1);
	assert_int_equal(umbel_close(c, 5), 1);
	assert_int_equal(umbel_close(NULL, 5), 0);
	fake_stop(&f);
}

TEST(close_says_goodbye_before_the_handshake_is_done_too)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	umbel_new(&c, UMBEL_OPTIONS(.address = f.path));
	ask_nothing(c);
	umbel_connect(c, 0);
	turn(c);
	assert_int_equal(umbel_close(c, 1), 0);
	fake_accept(&f);
	fake_read_type(&f, FAKE_HELLO);
	fake_read_type(&f, FAKE_GOAWAY);
	fake_expect_end(&f);

	umbel_new(&c, UMBEL_OPTIONS(.address = f.path));
	ask_nothing(c);
	umbel_subscribe(c, "a", on_message, NULL, NULL, NULL);
	umbel_connect(c, 0);
	turn(c);
	fake_welcome(&f);
	turn(c);
	umbel_close(c, 1);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_read_type(&f, FAKE_GOAWAY);
	fake_expect_end(&f);

	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	fake_send_goaway(&f, 0);
	turn(c);
	fake_pong(&f, 0, 0, 0);
	umbel_close(c, 1);
	fake_read_type(&f, FAKE_GOAWAY);
	fake_expect_end(&f);
	fake_stop(&f);
}

enum { BULK = 100000 };

struct late {
	struct umbel *c;
	struct fake *f;
};

/* A broker that takes nothing until the time for messages is over. */
static void *
take_late(void *arg)
{
	static uint8_t body[BULK + 100];
	struct late *late = arg;
	bool leaves = false;

	while (!leaves) {
		sched_yield();
		handle_lock(late->c);
		leaves = late->c->link == LINK_LEAVING;
		handle_unlock(late->c);
	}
	do
		fake_read(late->f, body, sizeof(body));
	while (body[1] == FAKE_PUBLISH);
	assert_int_equal(body[1], FAKE_GOAWAY);
	fake_expect_end(late->f);
	return NULL;
}

TEST(the_goodbye_goes_ahead_of_messages_that_found_no_room)
{
	static char bulk[BULK];
	struct late late;
	pthread_t thread;
	struct fake f;

	fake_start(&f);
	late.f = &f;
	late.c = connected(&f, UMBEL_OPTIONS(.buffer = 4u << 20));
	while (umbel_publish(late.c, "a", bulk, BULK) == 0)
		;
	pthread_create(&thread, NULL, take_late, &late);
	assert_true(umbel_close(late.c, 1000) > 0);
	pthread_join(thread, NULL);
	fake_stop(&f);
}

static void
free_it(struct umbel *c, const struct umbel_msg *m, void *user)
{
	(void)m;
	(void)user;
	umbel_free(c);
}

/* The sanitizer looks for what nobody frees. */
TEST(a_flush_that_is_done_when_a_callback_frees_the_handle_is_freed_too)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_subscribe(c, "a", free_it, NULL, NULL, NULL);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_send_ok(&f, 1);
	turn(c);
	FAKE_SEND_BODY(&f, 0x95, 11, 1, 0, 0, 0); /* the first PING's */
	fake_send_publish(&f, "a", "x", 1);
	assert_int_equal(umbel_flush_wait(c, 5000), UMBEL_E_FREED);
	fake_stop(&f);
}

static void
free_when_down(struct umbel *c, enum umbel_state state,
               const struct umbel_state_info *info, void *user)
{
	(void)info;
	(void)user;
	if (state == UMBEL_DISCONNECTED)
		umbel_free(c);
}

TEST(close_says_what_was_not_routed_though_a_callback_frees_the_handle)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.on_state = free_when_down));
	umbel_publish(c, "a", "x", 1);
	umbel_publish(c, "a", "y", 1);
	fake_hang_up(&f);
	assert_int_equal(umbel_close(c, 5000), 2);
	fake_stop(&f);
}

TEST(a_planned_restart_loses_nothing)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.on_state = on_state));
	umbel_subscribe(c, "q", on_message, NULL, NULL, NULL);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_send_ok(&f, 1);
	turn(c);
	umbel_publish(c, "a", "before", 6);
	fake_send_goaway(&f, 5);
	turn(c);
	umbel_publish(c, "a", "after", 5);
	umbel_flush(c, on_done, label("flush"));
	turn(c);
	assert_string_equal(fake_read_publish(&f), "before");
	/* its last PING, and nothing behind it; but it still reads */
	fake_pong(&f, 1, 0, 0);
	fake_send_publish(&f, "q", "last", 4);
	turn(c);
	fake_expect_silence(&f);
	expect_notes("q=last ");
	assert_int_equal(umbel_get_state(c), UMBEL_CONNECTED);
	assert_true(stats_of(c).leaving);
	fake_hang_up(&f);
	await_callback(c);
	assert_false(stats_of(c).leaving);
	assert_int_equal(diary.last.error, UMBEL_E_GOAWAY);
	assert_int_equal(diary.last.unconfirmed, 0);
	assert_in_range(diary.last.retry_ms, 5, 18);
	expect_notes("disconnected ");

	await_callback(c);
	fake_welcome(&f);
	assert_int_equal(fake_read_type(&f, FAKE_SUBSCRIBE), 2);
	fake_expect_silence(&f);
	fake_send_ok(&f, 2);
	while (umbel_get_state(c) != UMBEL_CONNECTED)
		umbel_dispatch(c, 10);
	assert_string_equal(fake_read_publish(&f), "after");
	fake_pong(&f, 1, 0, 0);
	await_callback(c);
	expect_notes("connecting connected flush:0 ");
	assert_int_equal(stats_of(c).confirmed, 2);
	umbel_free(c);
	fake_stop(&f);
}

TEST(goaway_in_the_middle_of_a_message_lets_it_end)
{
	static char data[3u << 20];
	char *got = malloc(sizeof(data) + 27);
	struct umbel *c;
	struct fake f;

	assert_non_null(got);
	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.buffer = 4u << 20));
	assert_int_equal(umbel_publish(c, "a", data, sizeof(data)), 0);
	assert_int_equal(umbel_publish(c, "a", "for the next", 12), 0);
	fake_send_goaway(&f, 0);
	turn(c);
	for (size_t at = 0; at < sizeof(data) + 27;) {
		size_t left = sizeof(data) + 27 - at;

		if (left > 4096)
			left = 4096;
		fake_take(&f, got + at, left);
		at += left;
		turn(c);
	}
	fake_pong(&f, 1, 0, 0);
	turn(c);
	fake_expect_silence(&f);
	assert_int_equal(stats_of(c).unconfirmed, 0);
	fake_hang_up(&f);
	restart(c, &f);
	assert_string_equal(fake_read_publish(&f), "for the next");
	umbel_free(c);
	fake_stop(&f);
	free(got);
}

TEST(after_a_planned_restart_the_pauses_stay_short)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.on_state = on_state,
	                                .retry_first_ms = 50));
	fake_send_goaway(&f, 0);
	turn(c);
	fake_hang_up(&f);
	fake_unlisten(&f);
	for (unsigned i = 0; i < 6; i++) {
		await_callback(c);
		assert_in_range(diary.last.retry_ms, 37, 100);
	}
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_silent_broker_is_asked_and_then_given_up)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.on_state = on_state, .ping_ms = 200));
	while (!fake_fd_is_readable(f.fd))
		umbel_dispatch(c, 10);
	fake_pong(&f, 0, 0, 0);
	while (!fake_fd_is_readable(f.fd))
		umbel_dispatch(c, 10);
	expect_notes("");
	await_callback(c);
	expect_notes("disconnected ");
	assert_int_equal(diary.last.error, -ETIMEDOUT);
	assert_non_null(strstr(umbel_last_error(c), "no sign of life"));
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_broker_that_holds_us_is_not_believed_for_ever)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.on_state = on_state, .ping_ms = 20));
	/* by its rate, by a subscriber, and no more */
	FAKE_SEND_BODY(&f, 0x95, 13, 0xc3, 0, 0xa1, 'n', 0xa1, 't');
	turn(c);
	assert_true(c->held_until == NEVER);
	FAKE_SEND_BODY(&f, 0x95, 13, 0xc3, 9, 0xa1, 'n', 0xa1, 't');
	assert_int_equal(umbel_dispatch(c, 60), 0);
	assert_int_equal(umbel_get_state(c), UMBEL_CONNECTED);
	fake_expect_silence(&f);
	assert_in_range(c->held_until - sys_now(), 50000, 60000);
	c->held_until = sys_now(); /* the minute is over */
	await_callback(c);
	expect_notes("disconnected ");
	assert_int_equal(diary.last.error, -ETIMEDOUT);
	umbel_free(c);
	fake_stop(&f);
}

TEST(an_alarm_that_rang_in_vain_does_not_silence_later_ones)
{
	struct pollfd p = { .events = POLLIN };
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.ping_ms = 1100));
	c->confirm_ms = 1000;
	/* to be asked about in a second, but then it is confirmed */
	umbel_publish(c, "a", "x", 1);
	fake_read_publish(&f);
	umbel_flush(c, on_done, NULL);
	fake_pong(&f, 1, 0, 0);
	await_callback(c);
	p.fd = umbel_fd(c);
	while (!fake_fd_is_readable(f.fd)) {
		assert_int_equal(poll(&p, 1, 5000), 1);
		turn(c);
	}
	fake_pong(&f, 0, 0, 0);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_broker_that_is_leaving_may_be_silent_for_long)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.on_state = on_state, .ping_ms = 20));
	fake_send_goaway(&f, 0);
	turn(c);
	fake_pong(&f, 0, 0, 0);
	assert_int_equal(umbel_dispatch(c, 100), 0);
	fake_expect_silence(&f);
	assert_int_equal(umbel_get_state(c), UMBEL_CONNECTED);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_ping_of_the_broker_is_answered)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	FAKE_SEND_BODY(&f, 0x92, 10, 0xcd, 0x12, 0x34);
	turn(c);
	fake_expect(&f, "\xce\0\0\0\5\x92\x0b\xcd\x12\x34", 10);
	umbel_free(c);
	fake_stop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_flush_is_done_when_its_pong_comes_and_not_before),
		cmocka_unit_test(counts_that_cannot_be_are_not_believed),
		cmocka_unit_test(
			a_flush_that_the_connection_did_not_survive_fails),
		cmocka_unit_test(
			a_flush_after_a_loss_that_no_flush_told_of_fails_once),
		cmocka_unit_test(
			a_flush_that_nobody_waits_for_any_more_tells_of_no_loss),
		cmocka_unit_test(after_failed_nothing_waits_for_a_broker),
		cmocka_unit_test(a_flush_before_the_connection_waits_for_it),
		cmocka_unit_test(
			what_stays_unconfirmed_is_asked_about_after_a_while),
		cmocka_unit_test(
			one_question_at_a_time_is_asked_and_none_when_all_is_confirmed),
		cmocka_unit_test(
			waiting_inside_a_callback_is_a_deadlock_that_is_refused),
		cmocka_unit_test(
			a_drain_delivers_what_is_on_its_way_and_ends_all_subscriptions),
		cmocka_unit_test(close_returns_how_many_were_not_routed),
		cmocka_unit_test(
			close_says_goodbye_before_the_handshake_is_done_too),
		cmocka_unit_test(
			the_goodbye_goes_ahead_of_messages_that_found_no_room),
		cmocka_unit_test(
			a_flush_that_is_done_when_a_callback_frees_the_handle_is_freed_too),
		cmocka_unit_test(
			close_says_what_was_not_routed_though_a_callback_frees_the_handle),
		cmocka_unit_test(a_planned_restart_loses_nothing),
		cmocka_unit_test(goaway_in_the_middle_of_a_message_lets_it_end),
		cmocka_unit_test(after_a_planned_restart_the_pauses_stay_short),
		cmocka_unit_test(a_silent_broker_is_asked_and_then_given_up),
		cmocka_unit_test(
			a_broker_that_holds_us_is_not_believed_for_ever),
		cmocka_unit_test(
			an_alarm_that_rang_in_vain_does_not_silence_later_ones),
		cmocka_unit_test(
			a_broker_that_is_leaving_may_be_silent_for_long),
		cmocka_unit_test(a_ping_of_the_broker_is_answered),
	};

	return RUN(tests);
}
