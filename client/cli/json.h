/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * json - JSON text: is it any, on one line, and from and to msgpack.
 */
#ifndef UMBEL_CLI_JSON_H
#define UMBEL_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Is this one JSON value? If not, *why gets the reason in words. */
bool json_is_valid(const char *text, size_t len, struct buf *why);

/* Valid JSON without the white space between its parts, numbers and strings as
   they are spelt; control characters inside strings are escaped. */
void json_append_squeezed(struct buf *b, const char *text, size_t len);

/* A JSON string with this UTF-8 in it. */
void json_append_string(struct buf *b, const char *s, size_t len);

/* {"base64":"..."}: what stands for bytes that are not text. */
void json_append_bytes(struct buf *b, const void *data, size_t len);

/* A number; null when it has none in JSON. */
void json_append_number(struct buf *b, double number);

/* The JSON value as msgpack. False, and *why, when it is not JSON or has a
   number that msgpack cannot hold or a key twice. */
bool json_to_msgpack(const char *text, size_t len, struct buf *out,
                     struct buf *why);

/*
 * The msgpack value as JSON on one line. False when it is not exactly one
 * value, nests deeper than 64 levels, or has a key that JSON cannot spell;
 * `out` is then as before.
 *
 * Borrows `data`, allocates nothing but the output, and believes no length
 * that the data claims.
 */
bool json_from_msgpack(const void *data, size_t len, struct buf *out);

#endif
