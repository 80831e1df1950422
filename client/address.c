/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* Chooses the socket, and checks that the right broker listens there. */
#include "parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_SOCKET "/run/umbel/umbel.sock"
#define USER_SOCKET   "/umbel/umbel.sock"
/* The uid that the kernel shows for a user with no uid in this namespace. */
#define UID_UNMAPPED  65534

static int
set_path(struct sockaddr_un *out, const char *folder, const char *file)
{
	size_t a = strlen(folder), b = strlen(file);

	if (a + b == 0)
		return -EINVAL;
	if (a + b >= sizeof(out->sun_path))
		return -ENAMETOOLONG;
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(out->sun_path, folder, a);
	memcpy(out->sun_path + a, file, b);
	return 0;
}

static bool
answers(const struct sockaddr_un *address)
{
	int fd = sys_socket();
	bool yes;

	if (fd < 0)
		return false;
	/* EAGAIN means that its backlog is full at the moment */
	yes = connect(fd, (const struct sockaddr *)address, sizeof(*address)) ==
	              0 ||
	      errno == EAGAIN;
	close(fd);
	return yes;
}

int
address_choose(struct sockaddr_un all[2], const char *wanted)
{
	const char *env;

	all[1] = (struct sockaddr_un){ 0 };
	if (wanted)
		return set_path(&all[0], wanted, "");
	env = sys_getenv("UMBEL_SOCKET");
	if (env && env[0])
		return set_path(&all[0], env, "");
	env = sys_getenv("XDG_RUNTIME_DIR");
	if (!env || !env[0] || set_path(&all[0], env, USER_SOCKET) < 0)
		return set_path(&all[0], SYSTEM_SOCKET, "");
	return set_path(&all[1], SYSTEM_SOCKET, "");
}

const struct sockaddr_un *
address_prefer(const struct sockaddr_un all[2])
{
	return !all[1].sun_path[0] || answers(&all[0]) ? &all[0] : &all[1];
}

/* Stat the directory of the socket; false when that is not possible. */
static bool
stat_folder(const struct sockaddr_un *address, struct stat *st)
{
	char folder[sizeof(address->sun_path)];
	char *slash;

	memcpy(folder, address->sun_path, sizeof(folder));
	slash = strrchr(folder, '/');
	if (!slash)
		return stat(".", st) == 0;
	slash[slash == folder] = '\0';
	return stat(folder, st) == 0;
}

/*
 * If nobody else may write to the directory, only its owner and root can have
 * put the socket there. For users without a uid this must suffice: in a
 * rootless container, all outside users look the same.
 */
static bool
is_owners(const struct stat *folder, uid_t uid)
{
	if (uid == UID_UNMAPPED && folder->st_mode & (S_IWGRP | S_IWOTH))
		return false;
	return folder->st_uid == uid;
}

static bool
is_trusted(const struct sockaddr_un *address, const struct umbel_options *opt,
           uid_t uid)
{
	struct stat st;

	if (opt->expect_uid_set)
		return uid == opt->expect_uid;
	if (uid == 0 || uid == geteuid())
		return true;
	return stat_folder(address, &st) && is_owners(&st, uid);
}

static void
describe_stranger(const struct sockaddr_un *address,
                  const struct umbel_options *opt, uid_t uid, char *text,
                  size_t n)
{
	struct stat st;

	if (opt->expect_uid_set)
		snprintf(text, n,
		         "connect to %s: the broker there runs as uid %u, "
		         "expected was uid %u",
		         address->sun_path, (unsigned)uid,
		         (unsigned)opt->expect_uid);
	else
		snprintf(text, n,
		         "connect to %s: the broker there runs as uid %u; "
		         "trusted are root, ourselves (uid %u) and the owner "
		         "of the folder (uid %d)%s",
		         address->sun_path, (unsigned)uid, (unsigned)geteuid(),
		         stat_folder(address, &st) ? (int)st.st_uid : -1,
		         uid == UID_UNMAPPED
		                 ? ", who has no number here: only if nobody "
		                   "else may write to the folder"
		                 : "");
}

static void
describe_no_access(const struct sockaddr_un *address, char *text, size_t n)
{
	struct stat st;

	if (stat(address->sun_path, &st) == 0)
		snprintf(text, n,
		         "connect to %s: not allowed: the socket belongs to "
		         "uid %u, gid %u, mode %04o; we are uid %u, gid %u",
		         address->sun_path, (unsigned)st.st_uid,
		         (unsigned)st.st_gid, (unsigned)st.st_mode & 07777u,
		         (unsigned)geteuid(), (unsigned)getegid());
	else
		snprintf(text, n,
		         "connect to %s: we (uid %u, gid %u) may not enter the "
		         "folder that the socket is in",
		         address->sun_path, (unsigned)geteuid(),
		         (unsigned)getegid());
}

static void
describe(const struct sockaddr_un *address, int error, char *text, size_t n)
{
	const char *why = "";

	switch (error) {
	case EACCES:
	case EPERM:
		describe_no_access(address, text, n);
		return;
	case ENOENT:
		why = "no broker runs: there is no such socket";
		break;
	case ECONNREFUSED:
		why = "no broker listens there any more";
		break;
	case ENOTSOCK:
		why = "that is no socket";
		break;
	case EPROTOTYPE:
		why = "that is a socket of another kind";
		break;
	case EAGAIN:
		why = "the broker has no time for new connections";
		break;
	default:
		snprintf(text, n, "connect to %s: %s", address->sun_path,
		         strerror(error));
		return;
	}
	snprintf(text, n, "connect to %s: %s (%s)", address->sun_path, why,
	         strerror(error));
}

int
address_connect(const struct sockaddr_un *address,
                const struct umbel_options *opt, char *text, size_t n)
{
	int kernel_buffer = SEND_KERNEL_BUFFER;
	int fd = sys_socket();
	int error;
	uid_t uid;

	if (fd < 0) {
		snprintf(text, n, "making a socket: %s", strerror(-fd));
		return fd;
	}
	/* only a hint: the system's limit may be lower */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kernel_buffer,
	                 sizeof(kernel_buffer));
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) <
	    0) {
		error = errno;
		describe(address, error, text, n);
		close(fd);
		return -error;
	}
	error = sys_peer_uid(fd, &uid);
	if (error < 0) {
		snprintf(text, n, "asking who listens on %s: %s",
		         address->sun_path, strerror(-error));
		close(fd);
		return error;
	}
	if (!is_trusted(address, opt, uid)) {
		describe_stranger(address, opt, uid, text, n);
		close(fd);
		return UMBEL_E_SERVER_UID;
	}
	return fd;
}
