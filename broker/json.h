/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * json - writes values as JSON text, piece by piece. There is no tree in
 * memory, so a list may have any length.
 */
#ifndef UMBELD_JSON_H
#define UMBELD_JSON_H

#include <stddef.h>

#include "print.h"
#include "proto/cursor.h"

/* Print a quoted string. A byte that is not valid UTF-8 becomes U+FFFD, so that
   the result is always JSON. */
void json_print_string(struct print *out, const void *text, size_t len);
/* A C string. */
void json_print_text(struct print *out, const char *text);
void json_print_base64(struct print *out, const void *data, size_t len);

/*
 * Print the msgpack value at the cursor and step over it. A bin becomes
 * {"base64": "..."}, as in umbel's own JSON, and a value that JSON cannot
 * express becomes null. Returns false if the value is malformed or nested too
 * deeply; then the text written so far is not usable.
 */
bool json_print_value(struct print *out, struct cursor *value);

#endif
