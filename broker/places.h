/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * places - the paths where the broker listens: each must fit a socket address,
 * and no two sockets may share one.
 */
#ifndef UMBELD_PLACES_H
#define UMBELD_PLACES_H

#include <stdbool.h>
#include <sys/un.h>

#include "config.h"

#define PLACES_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

/* Is this a valid path in a configuration file: absolute and not too long? */
bool places_is_path(const char *path);

/* Are the paths equal? "/tmp/a" and "/tmp//./a" are. Links are not followed. */
bool places_are_one(const char *a, const char *b);

/*
 * Check all paths, from the file and from flags. Returns 0, or a negative value
 * after printing the reason to stderr.
 */
int places_check(const struct config *c);

#endif
