/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/hangup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

/* With a reset it would lose what was said to it before. */
TEST(whoever_is_not_listened_to_still_reads_to_the_end)
{
	char buf[70000] = { 0 };
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(send(fds[1], buf, sizeof(buf), 0), sizeof(buf));
	assert_int_equal(send(fds[0], "last words", 10, 0), 10);
	hang_up(fds[0]);
	assert_int_equal(recv(fds[1], buf, sizeof(buf), 0), 10);
	assert_memory_equal(buf, "last words", 10);
	assert_int_equal(recv(fds[1], buf, sizeof(buf), 0), 0);
	assert_int_equal(send(fds[1], "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(close(fds[0]), -1); /* it is closed */
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			whoever_is_not_listened_to_still_reads_to_the_end),
	};

	return RUN(tests);
}
