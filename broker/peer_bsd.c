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

/* All groups are in here, the effective one first. */
int
peer_groups(int fd, gid_t **groups, size_t *n)
{
	struct xucred cred;
	socklen_t len = sizeof(cred);

	*groups = NULL;
	*n = 0;
	if (getsockopt(fd, SOL_LOCAL, LOCAL_PEERCRED, &cred, &len) < 0)
		return -errno;
	if (cred.cr_version != XUCRED_VERSION || cred.cr_ngroups <= 1)
		return 0;
	*n = (size_t)cred.cr_ngroups - 1;
	*groups = malloc(*n * sizeof(gid_t));
	if (!*groups)
		return -ENOMEM;
	for (size_t i = 0; i < *n; i++)
		(*groups)[i] = cred.cr_groups[i + 1];
	return 0;
}
