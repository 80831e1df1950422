/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * json - values as JSON text, piece by piece: what is told is never in memory
 * as a tree, so that a list may be as long as it likes.
 */
#ifndef UMBELD_JSON_H
#define UMBELD_JSON_H

#include <stddef.h>

#include "print.h"
#include "proto/cursor.h"

/* In quotes; a byte that is no UTF-8 becomes U+FFFD, so that it stays JSON. */
void json_print_string(struct print *out, const void *text, size_t len);
/* A C string. */
void json_print_text(struct print *out, const char *text);
void json_print_base64(struct print *out, const void *data, size_t len);

/*
 * The msgpack value at the cursor, which is stepped over; a bin becomes
 * {"base64": "..."}, as in umbel's own JSON, and what JSON has no word for null.
 * Returns false when it is malformed or too deep; what was written by then is of
 * no use.
 */
bool json_print_value(struct print *out, struct cursor *value);

#endif
