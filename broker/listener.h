/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * listener - the socket file: who may serve it, and its life from bind to
 * unlink.
 *
 * A lock file beside it (PATH.lock) is held for the broker's whole life, and
 * is never removed. Who holds the lock may remove a socket that a dead broker
 * left behind, one on which nobody listens; nobody else touches anything.
 */
#ifndef UMBELD_LISTENER_H
#define UMBELD_LISTENER_H

#include <sys/types.h>

struct listener {
	const char *path; /* borrowed */
	const char *flag; /* "--socket": what chose it */
	int fd;
	int lock_fd;
	dev_t dev; /* of the socket file that we made */
	ino_t ino;
};

/* Who may connect: permissions of the socket file. */
struct access {
	mode_t mode;
	uid_t owner; /* (uid_t)-1: as it comes */
	gid_t group;
};

/*
 * Listen on `path` with these permissions. Returns 0, or a negative value
 * after saying why on stderr; then nothing is left to close.
 */
int listener_open(struct listener *l, const char *path, mode_t mode);
/* The same as `flag` chose it. */
int listener_open_to(struct listener *l, const char *path, const char *flag,
                     const struct access *access);

/*
 * Serve a socket that somebody else has made and looks after: its file is left
 * alone, and no lock is needed. Returns 0 or -errno.
 */
int listener_adopt(struct listener *l, const char *path, int fd);

/*
 * Like listener_open() for datagrams, which come with their senders'
 * credentials. They can be sent at once, and wait in the kernel until somebody
 * reads l->fd.
 */
int listener_open_datagram(struct listener *l, const char *path, mode_t mode);

/* Nobody can reach us any more: the socket goes, if it is still ours. */
void listener_stop(struct listener *l);

/* Stop, and let go of the lock: another broker may serve this path. */
void listener_close(struct listener *l);

#endif
