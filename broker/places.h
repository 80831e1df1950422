/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * places - where the broker listens: paths that a socket can have, and each of
 * them for one socket.
 */
#ifndef UMBELD_PLACES_H
#define UMBELD_PLACES_H

#include <stdbool.h>
#include <sys/un.h>

#include "config.h"

#define PLACES_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

/* In a file: absolute, and not too long. */
bool places_is_path(const char *path);

/* "/tmp/a" and "/tmp//./a" are. What links lead to is not looked at. */
bool places_are_one(const char *a, const char *b);

/*
 * All of them, wherever they come from. Returns 0, or a negative value after
 * saying why on stderr.
 */
int places_check(const struct config *c);

#endif
