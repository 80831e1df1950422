/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

/* Read the name of the command. Only a hint: the pid may be reused by now. */
void
peer_find_command(struct peer *p)
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

/* Without room for them, the kernel returns the size of the list. */
static int
read_groups(struct peer *p, int fd)
{
	socklen_t len = 0;
	gid_t *list;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0)
		return 0;
	if (errno != ERANGE)
		return -errno;
	list = malloc(len);
	if (!list)
		return -ENOMEM;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list, &len) < 0) {
		int r = -errno;

		free(list);
		return r;
	}
	p->groups = list;
	/* the compiler cannot know that the mask changes nothing */
	p->n_groups = (uint32_t)(len / sizeof(gid_t)) & INT32_MAX;
	return 0;
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
		peer_find_command(out);
	return read_groups(out, fd);
}

void
peer_fini(struct peer *p)
{
	free(p->groups);
	p->groups = NULL;
	p->n_groups = 0;
}

int
peer_ask_for_credentials(int fd)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

static void
close_all(const struct cmsghdr *c)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
		close(fd);
	}
}

bool
peer_from_message(struct peer *out, struct msghdr *message)
{
	struct cmsghdr *c;
	bool found = false;

	for (c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct ucred cred;

		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS)
			close_all(c);
		if (c->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&cred, CMSG_DATA(c), sizeof(cred));
		*out = (struct peer){
			.uid = cred.uid,
			.gid = cred.gid,
			.pid = cred.pid,
			.groups_unknown = true,
		};
		found = true;
	}
	return found;
}
