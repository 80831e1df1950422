/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * admission - identifies the peer of a new connection and applies the
 * connection limits.
 *
 * Four limits apply: the number of all connections, which leaves a reserve of
 * descriptors; the connections of each user; the connections that have not said
 * HELLO; and, of these, one user may have half of what the others leave. Root
 * and the broker's own user may exceed each limit by two connections, so that
 * an administrator can connect when nobody else can.
 */
#ifndef UMBELD_ADMISSION_H
#define UMBELD_ADMISSION_H

#include <stdbool.h>

#include "broker.h"
#include "peer.h"

#define ADMISSION_KEPT      2u
#define ADMISSION_WORDS_MAX 480

/* What serves the admitted connections. */
struct carrier {
	void *self;
	/* Serve this peer's socket and take ownership of both. On -errno, both
	   still belong to the caller. */
	int (*take)(void *self, int fd, const struct peer *peer);
	/* Tell the peer why it is refused, as far as that is possible without
	   blocking. The socket still belongs to the caller. */
	void (*turn_away)(int fd, const char *why);
};

/*
 * Admit an accepted, non-blocking socket. `role` is the role of the listening
 * socket, or NULL. The connection is served, or it is told why not and closed.
 * Only the kernel's credentials of the peer are used, never its address.
 * Returns 0, or -errno; then the socket still belongs to the caller.
 */
int admission_let_in(struct broker *b, struct carrier to, int fd,
                     const char *role);

/* False if the peer is refused; then `why` says the reason, the limit, and who
   was refused. */
bool admission_permits(const struct broker *b, const struct peer *peer,
                       char why[ADMISSION_WORDS_MAX]);

#endif
