/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * text - telling text from other bytes, and making it safe for a terminal.
 *
 * What a stranger publishes must not move the cursor, set a title or clear the
 * screen of whoever looks at it.
 */
#ifndef UMBEL_CLI_TEXT_H
#define UMBEL_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* The character at the front; *c is its code. Returns its length, or 0 when
   these bytes are not UTF-8. */
size_t text_next(const char *s, size_t len, uint32_t *c);

/* How many columns of a terminal it takes: 0 (it joins the one before), 1 or 2. */
unsigned text_width(uint32_t c);

/* U+0000 to U+001F and U+007F to U+009F. */
bool text_is_control(uint32_t c);

bool text_is_utf8(const char *s, size_t len);

/* UTF-8 without control characters, but for tab and the ends of lines. */
bool text_is_plain(const char *s, size_t len);

/* The text on one line: control characters and bytes that are not UTF-8 as
   \n, \t, \r, \x1b, \u0085. Those in `keep` stay as they are. */
void text_append_visible(struct buf *b, const char *s, size_t len,
                         const char *keep);

#endif
