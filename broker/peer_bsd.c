/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/ucred.h>
#include <sys/un.h>
#include <unistd.h>

#include "peer.h"

/* The list has all groups, the effective one first. */
static int
read_groups(struct peer *p, int fd)
{
	struct xucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_LOCAL, LOCAL_PEERCRED, &cred, &len) < 0)
		return -errno;
	if (cred.cr_version != XUCRED_VERSION || cred.cr_ngroups <= 1)
		return 0;
	p->groups = calloc((size_t)cred.cr_ngroups - 1, sizeof(gid_t));
	if (!p->groups)
		return -ENOMEM;
	for (int i = 1; i < cred.cr_ngroups; i++)
		p->groups[p->n_groups++] = cred.cr_groups[i];
	return 0;
}

int
peer_from_socket(struct peer *out, int fd)
{
	*out = (struct peer){ 0 };
	if (getpeereid(fd, &out->uid, &out->gid) < 0)
		return -errno;
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

void
peer_find_command(struct peer *p)
{
	(void)p;
}
