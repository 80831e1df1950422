/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * listener - a socket file: which broker may serve it, and its life from bind
 * to unlink.
 *
 * A lock file beside it (PATH.lock) is held for the broker's whole life and is
 * never removed. Only the holder of the lock may remove a socket that a dead
 * broker left behind, and only if nobody listens on it.
 */
#ifndef UMBELD_LISTENER_H
#define UMBELD_LISTENER_H

#include <sys/types.h>

struct listener {
	const char *path; /* borrowed */
	const char *flag; /* the option that chose it: "--socket" */
	int fd;
	int lock_fd;
	dev_t dev; /* of the socket file that we created */
	ino_t ino;
};

/* Who may connect: permissions of the socket file. */
struct access {
	mode_t mode;
	uid_t owner; /* (uid_t)-1: not changed */
	gid_t group;
};

/*
 * Listen on `path` with these permissions. Returns 0, or a negative value after
 * printing the reason to stderr; then there is nothing to close.
 */
int listener_open(struct listener *l, const char *path, mode_t mode);
/* The same, for a path that the option `flag` chose. */
int listener_open_to(struct listener *l, const char *path, const char *flag,
                     const struct access *access);

/*
 * Serve a socket that the supervisor has created and manages. Its file is left
 * alone, and no lock is needed. Returns 0 or -errno.
 */
int listener_adopt(struct listener *l, const char *path, int fd);

/*
 * Like listener_open(), for datagrams that come with their senders'
 * credentials. Datagrams can be sent as soon as this returns; they wait in the
 * kernel until l->fd is read.
 */
int listener_open_datagram(struct listener *l, const char *path, mode_t mode);

/* Close the socket, and remove its file if that is still ours. */
void listener_stop(struct listener *l);

/* Stop, and release the lock: another broker may serve this path. */
void listener_close(struct listener *l);

#endif
