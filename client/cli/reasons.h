/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * reasons - why a filter does not match a topic, in words.
 */
#ifndef UMBEL_CLI_REASONS_H
#define UMBEL_CLI_REASONS_H

#include <stdbool.h>

#include "buf.h"
#include "proto/why.h"

/* The one that why_word() calls so; false: none. */
bool reasons_parse(const char *word, enum why *why);

/* A half sentence; `token` as of why_not(). Nothing for WHY_MATCHES. A token
   beyond the end of a name is an empty word. */
void reasons_append(struct buf *out, enum why why, unsigned token,
                    const char *filter, const char *topic);

/* The token with that number; its length up to the next dot. */
const char *reasons_token(const char *name, unsigned token, int *len);

#endif
