/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum address_source
address_source(const struct cli *cli, const char *address)
{
	const char *env = getenv("UMBEL_SOCKET");

	if (cli->socket)
		return ADDRESS_OPTION;
	if (env && *env)
		return ADDRESS_ENVIRONMENT;
	return strcmp(address, ADDRESS_SYSTEM_SOCKET) == 0 ? ADDRESS_SYSTEM
	                                                   : ADDRESS_USER;
}

bool
address_of_user(char *path, size_t size)
{
	const char *folder = getenv("XDG_RUNTIME_DIR");
	int n;

	if (!folder || !*folder)
		return false;
	n = snprintf(path, size, "%s/umbel/umbel.sock", folder);
	return n > 0 && (size_t)n < size;
}

int
address_probe(const char *path, int kind)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0
	            ? 0
	            : -errno;
	close(fd);
	return r;
}
