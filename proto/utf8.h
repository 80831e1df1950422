/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * utf8 - checks UTF-8 as defined by RFC 3629: shortest forms only, no
 * surrogates, nothing above U+10FFFF.
 */
#ifndef UMBEL_PROTO_UTF8_H
#define UMBEL_PROTO_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The code point at the front of `s` and its length in bytes (1 to 4), or 0
 * when there is none: invalid, or cut off by `len`.
 */
size_t utf8_decode(const uint8_t *s, size_t len, uint32_t *code_point);

bool utf8_is_valid(const uint8_t *s, size_t len);

/* U+0000 to U+001F and U+007F to U+009F. */
bool utf8_is_control(uint32_t code_point);

/* The white space of Unicode that is not a control character. */
bool utf8_is_space(uint32_t code_point);

/* Valid UTF-8 without control characters: safe to show to a person. */
bool utf8_is_text(const uint8_t *s, size_t len);

#endif
