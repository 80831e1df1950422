/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * buf - bytes that grow. Start from zeros, end with buf_free().
 *
 * A command has nothing better to do without memory than to say so: these
 * functions end the process then, and never fail.
 */
#ifndef UMBEL_CLI_BUF_H
#define UMBEL_CLI_BUF_H

#include <stddef.h>

struct buf {
	char *at; /* NULL while nothing was appended */
	size_t len;
	size_t size;
};

/* Room for `n` more bytes behind `len`; the caller adds what it used. */
char *buf_room(struct buf *b, size_t n);
void buf_append(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The bytes as hexadecimal digits, and as base64 with padding. */
void buf_hex(struct buf *b, const void *data, size_t len);
void buf_base64(struct buf *b, const void *data, size_t len);

/* A NUL behind the last byte, not counted in `len`. Returns the text. */
const char *buf_text(struct buf *b);

void buf_free(struct buf *b);

#endif
