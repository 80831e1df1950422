/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

/* The name of the command. The pid may be another's by now: a hint only. */
static void
read_command(struct peer *p)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)p->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, p->command, sizeof(p->command) - 1);
	close(fd);
	if (n > 0 && p->command[n - 1] == '\n')
		p->command[n - 1] = '\0';
}

int
peer_from_socket(struct peer *out, int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	*out = (struct peer){
		.uid = cred.uid,
		.gid = cred.gid,
		.pid = cred.pid,
	};
	if (out->pid > 0)
		read_command(out);
	return 0;
}
