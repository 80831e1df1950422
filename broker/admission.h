/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * admission - who is it, and may one more connection come in?
 *
 * All connections together leave a reserve of descriptors, each user has a
 * limit, and so have those that have not said HELLO, of which one user may have
 * half of what the others leave. Two more connections than
 * that are for root and for the broker's own user, so that whoever looks after
 * it gets in when nobody else does.
 */
#ifndef UMBELD_ADMISSION_H
#define UMBELD_ADMISSION_H

#include <stdbool.h>

#include "broker.h"
#include "peer.h"

#define ADMISSION_KEPT      2u
#define ADMISSION_WORDS_MAX 480

/* What serves those that are in. */
struct carrier {
	void *self;
	/* Serve this peer's socket, and own both; or -errno, and own neither. */
	int (*take)(void *self, int fd, const struct peer *peer);
	/* Say on the socket why not, as far as that can be done without
	   waiting. It is still the caller's. */
	void (*turn_away)(int fd, const char *why);
};

/*
 * An accepted, non-blocking socket, which came by one with this role (NULL:
 * none): it is served, or told why not and closed. Of the peer only the
 * kernel's word is asked, never its address. Returns 0; or -errno, and then
 * the socket is still the caller's.
 */
int admission_let_in(struct broker *b, struct carrier to, int fd,
                     const char *role);

/* False: no, and why, which limit that is, and who was refused. */
bool admission_permits(const struct broker *b, const struct peer *peer,
                       char why[ADMISSION_WORDS_MAX]);

#endif
