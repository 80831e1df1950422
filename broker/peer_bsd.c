/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "peer.h"

int
peer_from_socket(struct peer *out, int fd)
{
	*out = (struct peer){ 0 };
	if (getpeereid(fd, &out->uid, &out->gid) < 0)
		return -errno;
	return 0;
}

int
peer_ask_for_credentials(int fd)
{
	(void)fd;
	return -ENOTSUP;
}

bool
peer_from_message(struct peer *out, struct msghdr *message)
{
	(void)out;
	(void)message;
	return false;
}
