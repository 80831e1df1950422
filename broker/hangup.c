/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "hangup.h"

#include <sys/socket.h>
#include <unistd.h>

void
hang_up(int fd)
{
	char unread[16384];

	shutdown(fd, SHUT_RDWR);
	while (recv(fd, unread, sizeof(unread), MSG_DONTWAIT) > 0)
		continue;
	close(fd);
}
