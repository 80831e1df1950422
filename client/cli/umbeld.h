/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbeld - where the broker's program is: named by $UMBELD, or beside this
 * program, or in PATH.
 */
#ifndef UMBEL_CLI_UMBELD_H
#define UMBEL_CLI_UMBELD_H

#include <stddef.h>

/* What execvp() is to be given; PATH_MAX bytes are enough. */
void umbeld_find(char *buf, size_t size);

/* It could not be run; errno says why. */
void umbeld_complain(const char *path);

#endif
