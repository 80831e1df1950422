/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

static struct umbel *stopped;

static void
on_alarm(int signal)
{
	(void)signal;
	umbel_stop(stopped);
}

TEST(a_signal_handler_can_stop_the_loop)
{
	const struct itimerval soon = { .it_value.tv_usec = 5000 };
	struct sigaction action = { .sa_handler = on_alarm };

	assert_int_equal(umbel_new(&stopped, NULL), 0);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(umbel_run(stopped), 0);
	/* and one that is stopped beforehand does not start */
	umbel_stop(stopped);
	assert_int_equal(umbel_run(stopped), 0);
	umbel_free(stopped);
	action.sa_handler = SIG_DFL;
	sigaction(SIGALRM, &action, NULL);
}

static void
stop_self(struct umbel *c, const struct umbel_msg *m, void *user)
{
	(void)m;
	(void)user;
	note("message ");
	umbel_stop(c);
}

TEST(a_callback_can_stop_the_loop)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_subscribe(c, "a", stop_self, NULL, NULL, NULL);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_send_ok(&f, 1);
	fake_send_publish(&f, "a", "x", 1);
	assert_int_equal(umbel_run(c), 0);
	expect_notes("message ");
	umbel_free(c);
	fake_stop(&f);
}

static void
free_self(struct umbel *c, const struct umbel_msg *m, void *user)
{
	(void)user;
	note("%s ", umbel_msg_topic(m));
	umbel_free(c);
	/* still there until the callback returns */
	note("%s ", umbel_msg_topic(m));
	assert_int_equal(umbel_publish(c, "b", "x", 1), 0);
}

TEST(a_handle_freed_in_a_callback_goes_when_the_callback_returns)
{
	struct umbel *c;
	struct fake f;

	for (unsigned i = 0; i < 4; i++) {
		struct umbel_msg *m;
		int r;

		fake_start(&f);
		c = connected(&f, UMBEL_OPTIONS(.name = "me"));
		umbel_subscribe(c, "a", free_self, NULL, NULL, NULL);
		umbel_subscribe(c, "**", free_self, NULL, NULL, NULL);
		fake_read_type(&f, FAKE_SUBSCRIBE);
		fake_read_type(&f, FAKE_SUBSCRIBE);
		fake_send_ok(&f, 1);
		fake_send_ok(&f, 2);
		fake_send_publish(&f, "a", "x", 1);
		fake_send_publish(&f, "a", "y", 1);
		if (i == 0)
			r = umbel_dispatch(c, 5000);
		else if (i == 1)
			r = umbel_run(c);
		else if (i == 2)
			r = umbel_next(c, &m, 5000);
		else
			r = umbel_flush_wait(c, 5000);
		assert_int_equal(r, UMBEL_E_FREED);
		expect_notes("a a ");
		fake_stop(&f);
	}
}

static void
fork_and_free(struct umbel *c, const struct umbel_msg *m, void *user)
{
	pid_t *child = user;

	*child = fork();
	assert_true(*child >= 0);
	if (*child > 0)
		return;
	umbel_free(c);
	if (umbel_msg_topic(m)[0] != 'a')
		_exit(1);
}

TEST(so_does_that_of_a_child_forked_in_it)
{
	pid_t child = -1;
	struct umbel *c;
	struct fake f;
	int status, r;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_subscribe(c, "a", fork_and_free, &child, NULL, NULL);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_send_ok(&f, 1);
	fake_send_publish(&f, "a", "x", 1);
	r = umbel_dispatch(c, 5000);
	if (child == 0)
		_exit(r == UMBEL_E_FREED ? 0 : 2);
	assert_int_equal(r, 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(umbel_publish(c, "b", "x", 1), 0);
	assert_string_equal(fake_read_publish(&f), "x");
	umbel_free(c);
	fake_stop(&f);
}

static void *
run(void *arg)
{
	while (umbel_run(arg) == -EBUSY)
		;
	return NULL;
}

TEST(one_thread_dispatches_at_a_time)
{
	pthread_t thread;
	struct umbel *c;
	int r;

	assert_int_equal(umbel_new(&c, NULL), 0);
	pthread_create(&thread, NULL, run, c);
	do
		r = umbel_dispatch(c, 0);
	while (r == 0); /* until the other one has begun */
	assert_int_equal(r, -EBUSY);
	assert_int_equal(umbel_run(c), -EBUSY);
	umbel_stop(c);
	pthread_join(thread, NULL);
	assert_int_equal(umbel_dispatch(c, 0), 0);
	umbel_free(c);
}

static void
flush_done(struct umbel *c, int error, void *user)
{
	(void)user;
	note("flush:%d ", error);
	umbel_stop(c);
}

TEST(nothing_is_told_twice_and_an_idle_handle_is_not_readable)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.on_state = on_state));
	assert_int_equal(umbel_dispatch(c, 0), 0);
	assert_false(fake_fd_is_readable(umbel_fd(c)));
	umbel_flush(c, flush_done, NULL);
	fake_pong(&f, 0, 0, 0);
	assert_int_equal(umbel_run(c), 0);
	assert_int_equal(umbel_dispatch(c, 0), 0);
	expect_notes("flush:0 ");
	assert_false(fake_fd_is_readable(umbel_fd(c)));
	umbel_free(c);
	fake_stop(&f);
}

static void
ask_again(struct umbel *c, const struct umbel_reply_info *info, void *user)
{
	(void)user;
	note("%d ", info->error);
	assert_int_equal(umbel_publish(c, "b", "again", 5), 0);
}

TEST(what_the_last_callback_of_a_round_publishes_goes_out_in_it)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_request(c, "ask", "x", 1, 20, ask_again, NULL);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_send_ok(&f, 1);
	assert_string_equal(fake_read_request(&f).topic, "ask");
	await_callback(c); /* called by the clock, when all else is done */
	expect_notes("-110 ");
	assert_true(fake_fd_is_readable(f.fd));
	assert_string_equal(fake_read_publish(&f), "again");
	umbel_free(c);
	fake_stop(&f);
}

static void
ignore_reply(struct umbel *c, const struct umbel_reply_info *info, void *user)
{
	(void)c;
	(void)info;
	(void)user;
}

static void
cancel_all(struct umbel *c, const struct umbel_msg *m, void *user)
{
	(void)user;
	for (uint64_t id = 1; diary.n_messages == 0 && id <= 5; id++)
		assert_int_equal(umbel_cancel(c, id), 0);
	on_message(c, m, NULL);
}

TEST(a_round_ends_when_what_a_message_brought_about_fills_it)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.dispatch_max = 2));
	umbel_subscribe(c, "a", cancel_all, NULL, NULL, NULL);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_send_ok(&f, 1);
	turn(c);
	for (unsigned i = 0; i < 5; i++)
		umbel_request(c, "ask", "", 0, -1, ignore_reply, NULL);
	for (unsigned i = 0; i < 50; i++)
		fake_send_publish(&f, "a", "x", 1);
	turn(c);
	expect_notes("a=x ");
	umbel_free(c);
	fake_stop(&f);
}

/* What is there to be read right now: how many bytes. */
static size_t
drain(struct fake *f)
{
	static char bytes[1u << 16];
	size_t all = 0;
	ssize_t n;

	while ((n = recv(f->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		all += (size_t)n;
	return all;
}

TEST(what_waits_is_sent_though_there_is_always_more_to_take_in)
{
	static char bulk[100000];
	struct umbel_stats stats;
	size_t got = 0;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.dispatch_max = 1, .buffer = 4u << 20));
	umbel_subscribe(c, "a", on_message, NULL, NULL, NULL);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_send_ok(&f, 1);
	turn(c);
	while (umbel_publish(c, "b", bulk, sizeof(bulk)) == 0)
		;
	for (unsigned i = 0; i < 80; i++)
		fake_send_publish(&f, "a", "x", 1);
	for (unsigned i = 0; i < 70; i++) {
		turn(c); /* takes one, and leaves the others */
		got += drain(&f);
		diary.text[0] = '\0';
	}
	umbel_get_stats(c, &stats, sizeof(stats));
	assert_int_equal(stats.buffered, 0);
	assert_true(got > stats.published * sizeof(bulk));
	umbel_free(c);
	fake_stop(&f);
}

TEST(the_descriptor_stays_the_same_and_tells_of_retries)
{
	struct umbel *c;
	struct fake f;
	int fd;

	fake_prepare(&f);
	memset(&diary, 0, sizeof(diary));
	umbel_new(&c, UMBEL_OPTIONS(.address = f.path, .on_state = on_state,
	                            .retry_first_ms = 1));
	ask_nothing(c);
	fd = umbel_fd(c);
	assert_false(fake_fd_is_readable(fd));
	umbel_connect(c, 0);
	for (unsigned i = 0; i < 3; i++) {
		while (!fake_fd_is_readable(fd))
			;
		turn(c);
	}
	assert_non_null(strstr(diary.text, "disconnected disconnected "));
	fake_listen(&f, 4);
	while (umbel_get_state(c) == UMBEL_DISCONNECTED)
		turn(c);
	fake_welcome(&f);
	while (!fake_fd_is_readable(fd))
		;
	turn(c);
	assert_int_equal(umbel_get_state(c), UMBEL_CONNECTED);
	assert_int_equal(umbel_fd(c), fd);
	umbel_free(c);
	fake_stop(&f);
}

TEST(every_state_has_a_name)
{
	assert_string_equal(umbel_state_name(UMBEL_DISCONNECTED),
	                    "disconnected");
	assert_string_equal(umbel_state_name(UMBEL_CONNECTING), "connecting");
	assert_string_equal(umbel_state_name(UMBEL_CONNECTED), "connected");
	assert_string_equal(umbel_state_name(UMBEL_FAILED), "failed");
}

TEST(words_and_numbers_are_there_for_every_error)
{
	struct umbel_stats stats;
	struct umbel *c;

	for (int e = UMBEL_E_TOPIC; e >= UMBEL_E_GOAWAY; e--)
		assert_string_not_equal(umbel_strerror(e), "unknown error");
	assert_string_equal(umbel_strerror(-99999), "unknown error");
	assert_string_equal(umbel_strerror(0), "no error");
	assert_string_equal(umbel_strerror(-ENOENT), strerror(ENOENT));
	assert_true(strlen(umbel_version()) >= 5);
	umbel_new(&c, NULL);
	assert_string_equal(umbel_last_error(c), "");
	/* a caller built against a shorter or longer struct */
	memset(&stats, 0xff, sizeof(stats));
	umbel_get_stats(c, &stats, sizeof(uint64_t));
	assert_int_equal(stats.published, 0);
	assert_int_equal(stats.confirmed, UINT64_MAX);
	assert_int_equal(umbel_session(c), 0);
	umbel_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_has_a_name),
		cmocka_unit_test(a_signal_handler_can_stop_the_loop),
		cmocka_unit_test(a_callback_can_stop_the_loop),
		cmocka_unit_test(
			a_handle_freed_in_a_callback_goes_when_the_callback_returns),
		cmocka_unit_test(so_does_that_of_a_child_forked_in_it),
		cmocka_unit_test(one_thread_dispatches_at_a_time),
		cmocka_unit_test(
			nothing_is_told_twice_and_an_idle_handle_is_not_readable),
		cmocka_unit_test(
			what_the_last_callback_of_a_round_publishes_goes_out_in_it),
		cmocka_unit_test(
			a_round_ends_when_what_a_message_brought_about_fills_it),
		cmocka_unit_test(
			what_waits_is_sent_though_there_is_always_more_to_take_in),
		cmocka_unit_test(
			the_descriptor_stays_the_same_and_tells_of_retries),
		cmocka_unit_test(words_and_numbers_are_there_for_every_error),
	};

	return RUN(tests);
}
