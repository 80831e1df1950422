/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/peer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_says_who_connected),
		cmocka_unit_test(what_is_no_socket_has_no_peer),
	};

	return RUN(tests);
}
