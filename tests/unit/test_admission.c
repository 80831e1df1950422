/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/admission.h"

#include <unistd.h>

#include "sessions.h"

/* Neither root nor ourselves, whoever runs this. */
static uid_t
stranger(void)
{
	return geteuid() + 4711;
}

static bool
may_come(const struct rig *r, uid_t uid, const char *words)
{
	const struct peer peer = { .uid = uid, .pid = 77, .command = "flood" };
	char why[ADMISSION_WORDS_MAX] = "";
	bool permitted = admission_permits(&r->broker, &peer, why);

	if (!permitted && !strstr(why, words))
		fail_msg("%s: nothing of %s", why, words);
	return permitted;
}

TEST(a_user_has_so_many_connections_and_others_are_not_concerned)
{
	struct config config = some_config();
	struct client *a, *b;
	struct rig r;

	config.max_user_connections = 2;
	rig_init_with(&r, config);
	a = client_open(&r, "a", stranger());
	assert_true(may_come(&r, stranger(), ""));
	b = client_open(&r, "b", stranger());
	assert_false(may_come(&r, stranger(),
	                      "connections of this user: 2 (limit 2, "
	                      "max-user-connections); pid=77 "
	                      "command=\"flood\" uid="));
	assert_true(may_come(&r, stranger() + 1, ""));
	client_free(a);
	assert_true(may_come(&r, stranger(), ""));
	client_free(b);
	rig_fini(&r);
}

TEST(two_more_are_for_root_and_for_our_own_user)
{
	struct config config = some_config();
	struct client *c[4];
	struct rig r;

	config.max_connections = 2;
	rig_init_with(&r, config);
	for (int i = 0; i < 4; i++) {
		assert_true(may_come(&r, 0, ""));
		assert_true(may_come(&r, geteuid(), ""));
		assert_int_equal(may_come(&r, stranger(), "of all users"),
		                 i < 2);
		c[i] = client_open(&r, "c", 0);
	}
	assert_false(may_come(&r, 0, "of all users: 4 (limit 2, descriptors"));
	assert_false(may_come(&r, geteuid(), "limit 2"));
	for (int i = 0; i < 4; i++)
		client_free(c[i]);
	rig_fini(&r);
}

TEST(who_has_not_said_hello_counts_until_it_has_or_is_gone)
{
	struct config config = some_config();
	struct client *a, *b;
	struct rig r;

	config.max_handshakes = 1;
	rig_init_with(&r, config);
	a = client_new(&r, stranger());
	assert_false(may_come(&r, stranger(), "not said HELLO: 1 (limit 1"));
	client_says_hex(a, "94 01 01 a1 61 80");
	assert_true(may_come(&r, stranger(), ""));
	b = client_new(&r, stranger());
	assert_false(may_come(&r, stranger(), "max-handshakes"));
	session_fail(&b->session, STATUS_TIMEOUT, "late");
	assert_true(may_come(&r, stranger(), ""));
	client_free(b);
	b = client_new(&r, stranger());
	client_free(b);
	assert_int_equal(r.broker.quota.handshakes, 0);
	client_free(a);
	rig_fini(&r);
}

TEST(it_is_told_on_the_socket_without_waiting)
{
	uint8_t got[1024];
	struct message m;
	int fds[2];
	ssize_t n;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	admission_refuse(fds[0], "too many");
	n = recv(fds[1], got, sizeof(got), MSG_DONTWAIT);
	assert_true(n > 5);
	assert_int_equal(message_decode(got + 5, (uint32_t)n - 5, &m),
	                 MESSAGE_OK);
	assert_int_equal(m.type, TYPE_ERROR);
	assert_int_equal(m.error.code, STATUS_LIMIT);
	assert_true(m.error.fatal);
	assert_memory_equal(m.error.text.at, "too many", 8);
	close(fds[1]);
	admission_refuse(fds[0], "nobody there");
	close(fds[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_user_has_so_many_connections_and_others_are_not_concerned),
		cmocka_unit_test(two_more_are_for_root_and_for_our_own_user),
		cmocka_unit_test(
			who_has_not_said_hello_counts_until_it_has_or_is_gone),
		cmocka_unit_test(it_is_told_on_the_socket_without_waiting),
	};

	return RUN(tests);
}
