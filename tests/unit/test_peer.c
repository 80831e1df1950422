/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/peer.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

TEST(the_command_of_a_process_is_asked_for_and_unknown_when_it_is_gone)
{
	struct peer p = { .pid = getpid() };

	peer_find_command(&p);
	assert_true(p.command[0] == '\0' ||
	            strcmp(p.command, "test_peer") == 0);
	p = (struct peer){ .pid = INT_MAX };
	peer_find_command(&p);
	assert_string_equal(p.command, "");
}

TEST(the_kernel_says_who_connected)
{
	struct peer p;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	memset(&p, 0xff, sizeof(p));
	assert_int_equal(peer_from_socket(&p, fds[0]), 0);
	assert_int_equal(p.uid, geteuid());
	assert_int_equal(p.gid, getegid());
	if (p.pid != 0) {
		assert_int_equal(p.pid, getpid());
		assert_string_equal(p.command, "test_peer");
	}
	peer_fini(&p);
	close(fds[0]);
	close(fds[1]);
}

static void
expect_groups(int fd, const gid_t *want, size_t n_want)
{
	struct peer p;

	assert_int_equal(peer_from_socket(&p, fd), 0);
	assert_false(p.groups_unknown);
	assert_int_equal(p.n_groups, n_want);
	for (size_t i = 0; i < n_want; i++)
		assert_int_equal(p.groups[i], want[i]);
	peer_fini(&p);
	assert_null(p.groups);
}

TEST(supplementary_groups_are_those_of_when_it_connected)
{
	gid_t own[1024];
	const gid_t many[] = { 5, 70000, 20 };
	int n = getgroups(COUNT(own), own), fds[2];

	assert_true(n >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	expect_groups(fds[0], own, (size_t)n);
	if (geteuid() == 0) {
		int later[2];

		assert_int_equal(setgroups(COUNT(many), many), 0);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, later), 0);
		expect_groups(later[0], (gid_t[]){ 5, 20, 70000 }, 3);
		expect_groups(fds[0], own, (size_t)n);
		assert_int_equal(setgroups(0, NULL), 0);
		close(later[0]);
		close(later[1]);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, later), 0);
		expect_groups(later[0], NULL, 0);
		assert_int_equal(setgroups((size_t)n, own), 0);
		close(later[0]);
		close(later[1]);
	}
	close(fds[0]);
	close(fds[1]);
}

TEST(what_is_no_socket_has_no_peer)
{
	struct peer p;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(peer_from_socket(&p, fds[0]), -ENOTSOCK);
	assert_int_equal(peer_from_socket(&p, -1), -EBADF);
	close(fds[0]);
	close(fds[1]);
}

/* A datagram over fds, and with it `n` descriptors. */
static void
send_with_descriptors(const int *fds, size_t n)
{
	union {
		char bytes[CMSG_SPACE(8 * sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { .iov_base = (char[]){ "x" }, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	assert_true(n <= 8);
	if (n > 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(n * sizeof(int));
		for (size_t i = 0; i < n; i++)
			memcpy(CMSG_DATA(&control.align) + i * sizeof(int),
			       &fds[0], sizeof(int));
	}
	assert_int_equal(sendmsg(fds[1], &m, 0), 1);
}

static bool
receive(int fd, struct peer *p)
{
	union {
		char bytes[PEER_CONTROL_MAX];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	m.msg_control = control.bytes;
	m.msg_controllen = sizeof(control.bytes);
	assert_int_equal(recvmsg(fd, &m, MSG_CMSG_CLOEXEC), 1);
	return peer_from_message(p, &m);
}

/* The lowest descriptor that is free. */
static int
next_descriptor(void)
{
	int fd = dup(0);

	assert_true(fd >= 0);
	close(fd);
	return fd;
}

TEST(a_datagram_says_who_sent_it_and_its_descriptors_are_closed)
{
	int fds[2], next;

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	if (peer_ask_for_credentials(fds[0]) == -ENOTSUP)
		skip();
	next = next_descriptor();
	for (size_t n = 0; n <= 8; n++) {
		struct peer p = { .uid = 12345 };

		send_with_descriptors(fds, n);
		assert_true(receive(fds[0], &p));
		assert_int_equal(p.uid, geteuid());
		assert_int_equal(p.gid, getegid());
		assert_int_equal(p.pid, getpid());
		assert_int_equal(next_descriptor(), next);
	}
	close(fds[0]);
	close(fds[1]);
}

TEST(a_datagram_that_was_not_to_say_who_sent_it_does_not)
{
	struct peer p;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	send_with_descriptors(fds, 1);
	assert_false(receive(fds[0], &p));
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_command_of_a_process_is_asked_for_and_unknown_when_it_is_gone),
		cmocka_unit_test(the_kernel_says_who_connected),
		cmocka_unit_test(
			supplementary_groups_are_those_of_when_it_connected),
		cmocka_unit_test(what_is_no_socket_has_no_peer),
		cmocka_unit_test(
			a_datagram_says_who_sent_it_and_its_descriptors_are_closed),
		cmocka_unit_test(
			a_datagram_that_was_not_to_say_who_sent_it_does_not),
	};

	return RUN(tests);
}
