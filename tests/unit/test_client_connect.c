/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

static struct umbel *
handle(const struct fake *f, const struct umbel_options *options)
{
	struct umbel_options o = *options;
	struct umbel *c;

	memset(&diary, 0, sizeof(diary));
	o.address = f->path;
	o.on_state = on_state;
	assert_int_equal(umbel_new(&c, &o), 0);
	ask_nothing(c);
	return c;
}

TEST(hello_and_all_subscriptions_go_out_before_any_answer)
{
	static const uint8_t expected[] = {
		0xce, 0,   0,   0,    7, /* [1, 1, "me", {}] */
		0x94, 1,   1,   0xa2, 'm',  'e', 0x80, 0xce, 0,
		0,    0,   7, /* [4, 1, 1, "a", {}] */
		0x95, 4,   1,   1,    0xa1, 'a', 0x80, 0xce, 0,
		0,    0,   18, /* [4, 2, 2, "b.*", {"monitor": true}] */
		0x95, 4,   2,   2,    0xa3, 'b', '.',  '*',  0x81,
		0xa7, 'm', 'o', 'n',  'i',  't', 'o',  'r',  0xc3,
	};
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = handle(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_subscribe(c, "a", on_message, NULL, NULL, NULL);
	umbel_subscribe(c, "b.*", on_message, NULL,
	                UMBEL_SUB_OPTIONS(.monitor = true), NULL);
	assert_int_equal(umbel_get_state(c), UMBEL_DISCONNECTED);
	umbel_connect(c, 0);
	turn(c);
	expect_notes("connecting ");
	fake_accept(&f);
	fake_expect(&f, expected, sizeof(expected));
	fake_expect_silence(&f);
	umbel_free(c);
	fake_stop(&f);
}

static void
on_active(struct umbel *c, struct umbel_sub *s, void *user)
{
	(void)c;
	(void)user;
	note("active:%s ", umbel_sub_filter(s));
}

TEST(connected_is_told_after_the_last_subscription_and_messages_go_after_it)
{
	const struct umbel_sub_options *active =
		UMBEL_SUB_OPTIONS(.on_active = on_active);
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = handle(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_subscribe(c, "a", on_message, NULL, active, NULL);
	umbel_subscribe(c, "b", on_message, NULL, active, NULL);
	umbel_publish(c, "a", "early", 5);
	umbel_connect(c, 0);
	turn(c);
	fake_welcome(&f);
	assert_int_equal(fake_read_type(&f, FAKE_SUBSCRIBE), 1);
	assert_int_equal(fake_read_type(&f, FAKE_SUBSCRIBE), 2);
	turn(c);
	fake_send_ok(&f, 1);
	turn(c);
	expect_notes("connecting active:a ");
	fake_expect_silence(&f);
	fake_send_publish(&f, "a", "seen", 4);
	fake_send_publish(&f, "b", "not yet subscribed", 18);
	fake_send_ok(&f, 2);
	turn(c);
	expect_notes("a=seen active:b connected ");
	assert_string_equal(fake_read_publish(&f), "early");
	assert_int_equal(umbel_session(c), 7);
	assert_int_equal(umbel_uid(c), 5);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_broker_that_comes_later_is_found)
{
	struct umbel *c;
	struct fake f;

	fake_prepare(&f);
	c = handle(&f, UMBEL_OPTIONS(.name = "me"));
	assert_int_equal(umbel_connect(c, 30), -ENOENT);
	assert_non_null(strstr(umbel_last_error(c), f.path));
	assert_non_null(strstr(umbel_last_error(c), "no such socket"));
	assert_int_equal(diary.last.error, -ENOENT);
	assert_true(diary.last.retry_ms > 0);
	diary.text[0] = '\0';
	fake_listen(&f, 1);
	while (umbel_get_state(c) == UMBEL_DISCONNECTED)
		umbel_dispatch(c, 10);
	fake_welcome(&f);
	assert_int_equal(umbel_connect(c, 5000), 0);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_stale_socket_is_told_from_a_missing_one)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	close(f.listener);
	f.listener = -1;
	c = handle(&f, UMBEL_OPTIONS(.name = "me"));
	assert_int_equal(umbel_connect(c, 20), -ECONNREFUSED);
	assert_non_null(strstr(umbel_last_error(c), "no broker listens"));
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_full_backlog_is_waited_out)
{
	struct fake f;
	struct umbel *c;
	int others[2];

	fake_prepare(&f);
	fake_listen(&f, 0);
	for (unsigned i = 0; i < COUNT(others); i++) {
		struct sockaddr_un a = { .sun_family = AF_UNIX };

		strcpy(a.sun_path, f.path);
		others[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(others[i], (struct sockaddr *)&a, sizeof(a));
	}
	c = handle(&f, UMBEL_OPTIONS(.name = "me"));
	assert_int_equal(umbel_connect(c, 30), -EAGAIN);
	assert_non_null(strstr(umbel_last_error(c), "no time"));
	fake_accept(&f);
	while (umbel_get_state(c) == UMBEL_DISCONNECTED)
		umbel_dispatch(c, 10);
	fake_welcome(&f);
	assert_int_equal(umbel_connect(c, 5000), 0);
	for (unsigned i = 0; i < COUNT(others); i++)
		close(others[i]);
	umbel_free(c);
	fake_stop(&f);
}

TEST(what_is_no_socket_is_said_to_be_none)
{
	struct umbel *c;
	struct fake f;

	fake_prepare(&f);
	close(open(f.path, O_CREAT | O_WRONLY, 0600));
	c = handle(&f, UMBEL_OPTIONS(.name = "me"));
	assert_int_equal(umbel_connect(c, 1), -ECONNREFUSED);
	umbel_free(c);
	fake_stop(&f);
}

TEST(without_the_right_to_write_owner_and_mode_are_named)
{
	struct umbel *c;
	struct fake f;
	int status;
	pid_t child;

	fake_start(&f);
	assert_int_equal(chmod(f.folder, 0755), 0);
	assert_int_equal(chmod(f.path, 0600), 0);
	child = fork();
	if (child == 0) {
		if (geteuid() == 0 && seteuid(12345) < 0)
			_exit(77);
		if (access(f.path, W_OK) == 0 && geteuid() == getuid())
			_exit(0); /* it is ours: nothing to be seen here */
		if (umbel_new(&c, UMBEL_OPTIONS(.address = f.path)) < 0)
			_exit(2);
		if (umbel_connect(c, 1) != -EACCES ||
		    !strstr(umbel_last_error(c), "mode 0600") ||
		    !strstr(umbel_last_error(c), "we are uid 12345"))
			_exit(3);
		umbel_free(c);
		_exit(0);
	}
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	fake_stop(&f);
}

TEST(a_stranger_at_the_other_end_is_not_trusted)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = handle(&f, UMBEL_OPTIONS(.expect_uid = geteuid() + 1,
	                             .expect_uid_set = true));
	assert_int_equal(umbel_connect(c, 30), UMBEL_E_SERVER_UID);
	assert_int_equal(umbel_get_state(c), UMBEL_DISCONNECTED);
	assert_non_null(strstr(umbel_last_error(c), "expected was uid"));
	fake_accept(&f);
	fake_expect_end(&f); /* not even HELLO */
	umbel_free(c);
	fake_stop(&f);
}

TEST(another_version_is_final)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = handle(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_connect(c, 0);
	turn(c);
	fake_accept(&f);
	fake_send_error(&f, 6, "we speak 2 to 3", 0, true, NULL);
	assert_int_equal(umbel_run(c), UMBEL_E_VERSION);
	expect_notes("connecting failed ");
	assert_non_null(strstr(umbel_last_error(c), "we speak 2 to 3"));
	assert_int_equal(umbel_get_state(c), UMBEL_FAILED);
	assert_int_equal(umbel_run(c), UMBEL_E_VERSION);

	/* to ask for it again is to try again */
	umbel_connect(c, 0);
	turn(c);
	fake_accept(&f);
	FAKE_SEND_BODY(&f, 0x95, 2, 9, 7, 5, 0x80);
	assert_int_equal(umbel_connect(c, 1000), UMBEL_E_VERSION);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_mute_broker_is_given_up_in_time_and_tried_again)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = handle(&f, UMBEL_OPTIONS(.handshake_ms = 20));
	assert_int_equal(umbel_connect(c, 30), -ETIMEDOUT);
	assert_non_null(strstr(umbel_last_error(c), "WELCOME"));
	while (strlen(diary.text) < 40)
		umbel_dispatch(c, 10);
	assert_memory_equal(diary.text, "connecting disconnected connecting ",
	                    35);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_broker_that_does_not_answer_subscriptions_is_given_up)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = handle(&f, UMBEL_OPTIONS(.handshake_ms = 20));
	umbel_subscribe(c, "a", on_message, NULL, NULL, NULL);
	umbel_connect(c, 0);
	turn(c);
	fake_welcome(&f);
	while (umbel_get_state(c) == UMBEL_CONNECTING)
		umbel_dispatch(c, 10);
	assert_int_equal(diary.last.error, -ETIMEDOUT);
	umbel_free(c);
	fake_stop(&f);
}

TEST(whatever_is_no_umbel_is_a_protocol_error_and_nothing_worse)
{
	static const struct {
		const char *bytes;
		size_t n;
	} garbage[] = {
		{ "HTTP/1.1 400 Bad Request\r\n", 26 },
		{ "\xce\xff\xff\xff\xff", 5 },
		{ "\xce\0\0\0\0", 5 },
		{ "\xce\0\0\0\1\xc0", 6 },
		{ "\xce\0\0\0\2\x92\x08", 7 },          /* OK too short */
		{ "\xce\0\0\0\3\x92\x08\1", 8 },        /* OK first */
		{ "\xce\0\0\0\3\x92\x0a\1", 8 },        /* PING first */
		{ "\xce\0\0\0\5\x95\2\1\0\0\x80", 10 }, /* too short */
		{ "\xce\0\0\0\6\x95\2\1\0\0\x80", 11 }, /* session 0 */
		{ "\xce\0\0\0\6\x95\2\1\1\0\xc0", 11 }, /* no limits */
		{ "\xce\0\0\x80\1\x95", 6 },            /* too big */
		{ "\xce\0\0\0\x12\x97\3\0\xc4\x08\0\0\0\0\0\0\0\0\xa1"
		  "a\xc0\xc0\xc4\0",
		  24 }, /* PUBLISH first */
		{ "\xce\0\0\0\6\xdf\xff\xff\xff\xff\1", 11 },
	};
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	for (unsigned i = 0; i < COUNT(garbage); i++) {
		c = handle(&f, UMBEL_OPTIONS(.retry_first_ms = 10000,
		                             .retry_last_ms = 10000));
		umbel_connect(c, 0);
		turn(c);
		fake_accept(&f);
		fake_send(&f, garbage[i].bytes, garbage[i].n);
		shutdown(f.fd, SHUT_WR);
		while (umbel_get_state(c) == UMBEL_CONNECTING)
			umbel_dispatch(c, 10);
		expect_notes("connecting disconnected ");
		if (i != 7) /* that one is only cut off */
			assert_int_equal(diary.last.error, UMBEL_E_PROTOCOL);
		umbel_free(c);
	}
	fake_stop(&f);
}

TEST(subscriptions_come_back_with_the_broker)
{
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = handle(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_subscribe(c, "a", on_message, NULL, NULL, NULL);
	for (uint8_t i = 1; i <= 3; i++) {
		umbel_connect(c, 0);
		while (umbel_get_state(c) == UMBEL_DISCONNECTED)
			umbel_dispatch(c, 10);
		fake_welcome(&f);
		assert_int_equal(fake_read_type(&f, FAKE_SUBSCRIBE), i);
		fake_send_ok(&f, i);
		fake_send_publish(&f, "a", "x", 1);
		assert_int_equal(umbel_connect(c, 5000), 0);
		while (diary.n_messages < i)
			umbel_dispatch(c, 10);
		assert_int_equal(diary.last.reconnects, i - 1);
		fake_hang_up(&f);
		while (umbel_get_state(c) == UMBEL_CONNECTED)
			umbel_dispatch(c, 10);
		assert_int_equal(diary.last.error, -ECONNRESET);
	}
	umbel_free(c);
	fake_stop(&f);
}

TEST(pauses_double_from_first_to_last_and_vary_by_a_quarter)
{
	static const int around[] = { 4, 8, 16, 20, 20, 20 };
	struct umbel *c;
	struct fake f;

	fake_prepare(&f);
	c = handle(&f, UMBEL_OPTIONS(.retry_first_ms = 4, .retry_last_ms = 20));
	umbel_connect(c, 0);
	for (unsigned i = 0; i < COUNT(around); i++) {
		await_callback(c);
		expect_notes("disconnected ");
		assert_in_range(diary.last.retry_ms, around[i] * 3 / 4,
		                around[i] * 5 / 4);
	}
	umbel_free(c);
	fake_stop(&f);
}

TEST(in_the_child_of_a_fork_every_call_is_refused_and_free_harms_nobody)
{
	struct umbel *c;
	struct fake f;
	int status;
	pid_t child;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.on_state = on_state));
	child = fork();
	if (child == 0) {
		struct umbel_msg *m;

		if (umbel_publish(c, "a", "b", 1) != -ECHILD ||
		    umbel_publish_opts(c, "a", "b", 1, NULL) != -ECHILD ||
		    umbel_publish_wait(c, "a", "b", 1, NULL, 0) != -ECHILD ||
		    umbel_subscribe(c, "a", NULL, NULL, NULL, NULL) !=
		            -ECHILD ||
		    umbel_dispatch(c, 0) != -ECHILD ||
		    umbel_run(c) != -ECHILD || umbel_connect(c, 0) != -ECHILD ||
		    umbel_next(c, &m, 0) != -ECHILD ||
		    umbel_flush(c, on_done, NULL) != -ECHILD ||
		    umbel_flush_wait(c, 0) != -ECHILD ||
		    umbel_close(c, 0) != -ECHILD)
			_exit(1);
		umbel_stop(c);
		umbel_free(c);
		_exit(0);
	}
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	assert_false(fake_fd_is_readable(umbel_fd(c)));
	umbel_publish(c, "a", "still there", 11);
	assert_string_equal(fake_read_publish(&f), "still there");
	fake_hang_up(&f);
	await_callback(c);
	expect_notes("disconnected ");
	umbel_free(c);
	fake_stop(&f);
}

TEST(options_out_of_range_are_refused)
{
	char path[200];
	struct umbel *c;

	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.address = path)),
	                 -ENAMETOOLONG);
	assert_string_equal(umbel_last_error(NULL),
	                    "address: too long for the path of a socket: the "
	                    "system allows 107 bytes");
	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.address = "")), -EINVAL);
	assert_string_equal(umbel_last_error(NULL),
	                    "address: the path of a socket is not empty");
	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.name = "a\nb")), -EINVAL);
	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.name = path)), -EINVAL);
	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.ping_ms = -2)), -EINVAL);
	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.retry_first_ms = 9,
	                                             .retry_last_ms = 8)),
	                 -EINVAL);
	assert_int_equal(umbel_new(&c, NULL), 0);
	umbel_free(c);
	umbel_free(NULL);
}

TEST(without_descriptors_there_is_no_handle_and_a_reason)
{
	struct rlimit before, none;
	struct umbel *c;
	int r;

	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	r = umbel_new(&c, UMBEL_OPTIONS(.address = "/nonexistent/socket"));
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(r, -EMFILE);
	assert_non_null(strstr(umbel_last_error(NULL), "descriptors"));
}

TEST(the_longest_pauses_stay_pauses)
{
	struct umbel *c;
	struct fake f;

	fake_prepare(&f);
	for (int i = 0; i < 20; i++) {
		c = handle(&f, UMBEL_OPTIONS(.retry_first_ms = INT_MAX,
		                             .retry_last_ms = INT_MAX));
		umbel_connect(c, 0);
		await_callback(c);
		assert_true(diary.last.retry_ms > INT_MAX / 2);
		umbel_free(c);
	}
	fake_stop(&f);
}

TEST(the_address_is_chosen_once_from_option_environment_or_place)
{
	struct umbel *c;
	struct fake f;

	setenv("UMBEL_SOCKET", "/tmp/from-environment", 1);
	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.address = "/tmp/given")),
	                 0);
	assert_string_equal(umbel_address(c), "/tmp/given");
	umbel_free(c);
	assert_int_equal(umbel_new(&c, NULL), 0);
	setenv("UMBEL_SOCKET", "/tmp/later", 1);
	assert_string_equal(umbel_address(c), "/tmp/from-environment");
	umbel_free(c);

	unsetenv("UMBEL_SOCKET");
	fake_prepare(&f);
	setenv("XDG_RUNTIME_DIR", f.folder, 1);
	assert_int_equal(umbel_new(&c, NULL), 0);
	assert_string_equal(umbel_address(c), "/run/umbel/umbel.sock");
	umbel_free(c);

	snprintf(f.path, sizeof(f.path), "%s/umbel", f.folder);
	assert_int_equal(mkdir(f.path, 0700), 0);
	snprintf(f.path, sizeof(f.path), "%s/umbel/umbel.sock", f.folder);
	fake_listen(&f, 4);
	assert_int_equal(umbel_new(&c, NULL), 0);
	assert_string_equal(umbel_address(c), f.path);
	umbel_free(c);
	fake_unlisten(&f);
	*strrchr(f.path, '/') = '\0';
	rmdir(f.path);
	fake_stop(&f);
}

TEST(hello_asks_for_a_policy_and_welcome_says_what_is_granted)
{
	uint8_t body[256];
	struct umbel *c;
	struct fake f;
	size_t n;

	fake_start(&f);
	assert_int_equal(umbel_new(&c,
	                           UMBEL_OPTIONS(.address = f.path,
	                                         .overflow = UMBEL_DISCONNECT)),
	                 0);
	assert_int_equal(umbel_get_overflow(c), UMBEL_DISCONNECT);
	umbel_connect(c, 0);
	turn(c);
	fake_accept(&f);
	n = fake_read(&f, body, sizeof(body));
	assert_non_null(memmem(body, n,
	                       "\xa8overflow\xaa"
	                       "disconnect",
	                       20));
	/* [2, 1, 7, 5, {"overflow": "drop-oldest"}] */
	FAKE_SEND_BODY(&f, 0x95, 2, 1, 7, 5, 0x81, 0xa8, 'o', 'v', 'e', 'r',
	               'f', 'l', 'o', 'w', 0xab, 'd', 'r', 'o', 'p', '-', 'o',
	               'l', 'd', 'e', 's', 't');
	while (umbel_get_state(c) != UMBEL_CONNECTED)
		umbel_dispatch(c, 10);
	assert_int_equal(umbel_get_overflow(c), UMBEL_DROP_OLDEST);
	fake_hang_up(&f);
	while (umbel_get_state(c) == UMBEL_CONNECTED)
		umbel_dispatch(c, 10);
	assert_int_equal(umbel_get_overflow(c), UMBEL_DISCONNECT);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_will_goes_with_every_hello)
{
	/* clang-format off */
	static const uint8_t will[] = {
		0xa4, 'w', 'i', 'l', 'l', 0xc4, 43,
		0x97, 3, 1, 0xc4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0xa4, 'g', 'o',
		'n', 'e', 0xc0, 0x81, 0xac, 'c', 'o', 'n', 't', 'e', 'n', 't',
		'-', 't', 'y', 'p', 'e', 0xa4, 't', 'e', 'x', 't',
		0xc4, 3, 'b', 'y', 'e',
	};
	/* clang-format on */
	uint8_t body[256];
	struct umbel *c;
	struct fake f;
	size_t n;

	fake_start(&f);
	assert_int_equal(
		umbel_new(&c,
	                  UMBEL_OPTIONS(.address = f.path, .retry_first_ms = 1,
	                                .will_topic = "gone",
	                                .will_data = "bye", .will_len = 3,
	                                .will_options = UMBEL_PUB_OPTIONS(
							.content_type = "text",
							.retain = true))),
		0);
	umbel_connect(c, 0);
	for (int i = 0; i < 2; i++) {
		while (!fake_fd_is_readable(f.listener))
			umbel_dispatch(c, 10);
		fake_accept(&f);
		n = fake_read(&f, body, sizeof(body));
		assert_non_null(memmem(body, n, will, sizeof(will)));
		fake_hang_up(&f);
	}
	umbel_free(c);
	fake_stop(&f);
}

TEST(the_longest_will_is_sent_and_a_longer_one_refused)
{
	static const size_t most = 16384 - 13 - 2 - 2 - 3;
	static char data[16384];
	static uint8_t body[20000];
	struct umbel_options o = { .size = sizeof(o),
		                   .will_topic = "a",
		                   .will_data = data };
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	o.address = f.path;
	o.will_len = most + 1;
	assert_int_equal(umbel_new(&c, &o), -EMSGSIZE);
	o.will_len = sizeof(data) + 1;
	assert_int_equal(umbel_new(&c, &o), -EMSGSIZE);
	o.will_len = most;
	assert_int_equal(umbel_new(&c, &o), 0);
	umbel_connect(c, 0);
	turn(c);
	fake_accept(&f);
	assert_true(fake_read(&f, body, sizeof(body)) > 16384);
	umbel_free(c);
	fake_stop(&f);
}

TEST(a_will_that_makes_no_sense_is_refused)
{
	struct umbel *c;

	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.will_topic = "a.*")),
	                 UMBEL_E_TOPIC);
	assert_int_equal(
		umbel_new(&c, UMBEL_OPTIONS(.will_topic = "a",
	                                    .will_options = UMBEL_PUB_OPTIONS(
							    .reply = "b"))),
		-EINVAL);
	assert_int_equal(
		umbel_new(&c, UMBEL_OPTIONS(.will_data = "x", .will_len = 1)),
		-EINVAL);
	assert_int_equal(
		umbel_new(&c, UMBEL_OPTIONS(.will_topic = "a", .will_len = 1)),
		-EINVAL);
	assert_int_equal(
		umbel_new(&c,
	                  UMBEL_OPTIONS(.overflow = (enum umbel_overflow)3)),
		-EINVAL);
}

TEST(a_broker_of_the_user_may_start_later)
{
	struct umbel *c;
	struct fake f;
	char folder[64];

	fake_prepare(&f);
	memset(&diary, 0, sizeof(diary));
	snprintf(folder, sizeof(folder), "%s/umbel", f.folder);
	snprintf(f.path, sizeof(f.path), "%s/umbel/umbel.sock", f.folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	unsetenv("UMBEL_SOCKET");
	setenv("XDG_RUNTIME_DIR", f.folder, 1);
	umbel_new(&c, UMBEL_OPTIONS(.retry_first_ms = 1));
	unsetenv("XDG_RUNTIME_DIR");
	assert_string_equal(umbel_address(c), "/run/umbel/umbel.sock");
	umbel_connect(c, 0);
	turn(c);
	fake_listen(&f, 4);
	while (umbel_get_state(c) != UMBEL_CONNECTING)
		umbel_dispatch(c, 10);
	assert_string_equal(umbel_address(c), f.path);
	fake_accept(&f); /* whether it answers */
	fake_expect_end(&f);
	fake_welcome(&f);
	while (umbel_get_state(c) != UMBEL_CONNECTED)
		umbel_dispatch(c, 10);
	umbel_free(c);
	fake_hang_up(&f);
	fake_unlisten(&f);
	rmdir(folder);
	fake_stop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_broker_of_the_user_may_start_later),
		cmocka_unit_test(
			hello_and_all_subscriptions_go_out_before_any_answer),
		cmocka_unit_test(
			connected_is_told_after_the_last_subscription_and_messages_go_after_it),
		cmocka_unit_test(a_broker_that_comes_later_is_found),
		cmocka_unit_test(a_stale_socket_is_told_from_a_missing_one),
		cmocka_unit_test(a_full_backlog_is_waited_out),
		cmocka_unit_test(what_is_no_socket_is_said_to_be_none),
		cmocka_unit_test(
			without_the_right_to_write_owner_and_mode_are_named),
		cmocka_unit_test(a_stranger_at_the_other_end_is_not_trusted),
		cmocka_unit_test(another_version_is_final),
		cmocka_unit_test(
			a_mute_broker_is_given_up_in_time_and_tried_again),
		cmocka_unit_test(
			a_broker_that_does_not_answer_subscriptions_is_given_up),
		cmocka_unit_test(
			whatever_is_no_umbel_is_a_protocol_error_and_nothing_worse),
		cmocka_unit_test(subscriptions_come_back_with_the_broker),
		cmocka_unit_test(
			pauses_double_from_first_to_last_and_vary_by_a_quarter),
		cmocka_unit_test(
			in_the_child_of_a_fork_every_call_is_refused_and_free_harms_nobody),
		cmocka_unit_test(options_out_of_range_are_refused),
		cmocka_unit_test(
			without_descriptors_there_is_no_handle_and_a_reason),
		cmocka_unit_test(the_longest_pauses_stay_pauses),
		cmocka_unit_test(
			the_address_is_chosen_once_from_option_environment_or_place),
		cmocka_unit_test(
			hello_asks_for_a_policy_and_welcome_says_what_is_granted),
		cmocka_unit_test(a_will_goes_with_every_hello),
		cmocka_unit_test(
			the_longest_will_is_sent_and_a_longer_one_refused),
		cmocka_unit_test(a_will_that_makes_no_sense_is_refused),
	};

	return RUN(tests);
}
