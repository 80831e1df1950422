/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * spelling - how far what was typed is from what there is.
 */
#ifndef UMBEL_CLI_SPELLING_H
#define UMBEL_CLI_SPELLING_H

#include <stddef.h>

/* How many letters must be added, removed, changed, or swapped with the next. */
size_t spelling_distance(const char *a, const char *b);

#endif
