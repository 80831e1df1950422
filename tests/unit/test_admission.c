/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/admission.h"

#include <errno.h>
#include <sys/socket.h>
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

TEST(who_says_nothing_leaves_others_their_part)
{
	struct config config = some_config();
	struct client *c[8];
	unsigned n = 0;
	struct rig r;

	config.max_handshakes = 8;
	rig_init_with(&r, config);
	while (n < 4) {
		assert_true(may_come(&r, stranger(), ""));
		c[n++] = client_new(&r, stranger());
	}
	assert_false(may_come(&r, stranger(),
	                      "of this user that have not said HELLO: 4 "
	                      "(limit 4, half of what others leave of "
	                      "max-handshakes)"));
	while (n < 6) {
		assert_true(may_come(&r, stranger() + 1, ""));
		c[n++] = client_new(&r, stranger() + 1);
	}
	assert_false(may_come(&r, stranger() + 1, "HELLO: 2 (limit 2"));
	assert_true(may_come(&r, stranger() + 2, ""));
	assert_true(may_come(&r, 0, ""));
	while (n > 0)
		client_free(c[--n]);
	rig_fini(&r);
}

/* ---- a carrier that keeps what it is given ------------------------------ */

struct kept {
	int result; /* of the next to be taken */
	int fd;
	struct peer peer;
};

static int
keep(void *self, int fd, const struct peer *peer)
{
	struct kept *k = self;

	if (k->result == 0) {
		k->fd = fd;
		k->peer = *peer;
	}
	return k->result;
}

static void
say_why(int fd, const char *why)
{
	assert_true(send(fd, why, strlen(why), MSG_NOSIGNAL) > 0);
}

/* Somebody comes; theirs is the other end. */
static int
knock(struct rig *r, struct kept *k, int *theirs)
{
	const struct carrier carrier = { k, keep, say_why };
	int fds[2], result;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	result = admission_let_in(&r->broker, carrier, fds[0], "door");
	if (result < 0)
		assert_int_equal(close(fds[0]), 0); /* it is still ours */
	*theirs = fds[1];
	return result;
}

TEST(who_is_let_in_is_carried_as_the_kernel_knows_it)
{
	struct kept k = { .fd = -1 };
	struct rig r;
	int theirs;

	rig_init(&r);
	assert_int_equal(knock(&r, &k, &theirs), 0);
	assert_true(k.fd >= 0);
	assert_int_equal(k.peer.uid, geteuid());
	assert_int_equal(k.peer.pid, getpid());
	assert_string_equal(k.peer.role, "door");
	peer_fini(&k.peer);
	close(k.fd);
	close(theirs);
	rig_fini(&r);
}

TEST(who_is_refused_is_told_why_and_sees_the_end)
{
	struct config config = some_config();
	struct kept k = { .fd = -1 };
	struct client *c[3];
	char said[1024];
	struct rig r;
	int theirs;
	ssize_t n;

	config.max_connections = 1;
	rig_init_with(&r, config);
	for (int i = 0; i < 3; i++)
		c[i] = client_open(&r, "c", 0);
	assert_int_equal(knock(&r, &k, &theirs), 0);
	assert_int_equal(k.fd, -1);
	n = recv(theirs, said, sizeof(said) - 1, 0);
	assert_true(n > 0);
	said[n] = '\0';
	assert_non_null(strstr(said, "connections of all users: 3 (limit 1"));
	assert_int_equal(recv(theirs, said, sizeof(said), 0), 0);
	close(theirs);
	for (int i = 0; i < 3; i++)
		client_free(c[i]);
	rig_fini(&r);
}

TEST(what_cannot_be_carried_is_the_callers_to_close)
{
	struct kept k = { .result = -ENOMEM, .fd = -1 };
	struct rig r;
	int theirs;

	rig_init(&r);
	assert_int_equal(knock(&r, &k, &theirs), -ENOMEM);
	close(theirs);
	rig_fini(&r);
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
		cmocka_unit_test(who_says_nothing_leaves_others_their_part),
		cmocka_unit_test(
			who_is_let_in_is_carried_as_the_kernel_knows_it),
		cmocka_unit_test(who_is_refused_is_told_why_and_sees_the_end),
		cmocka_unit_test(
			what_cannot_be_carried_is_the_callers_to_close),
	};

	return RUN(tests);
}
