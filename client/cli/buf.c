/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

char *
buf_room(struct buf *b, size_t n)
{
	if (b->size - b->len < n) {
		size_t size = b->size > 0 ? b->size : 256;

		while (size - b->len < n) {
			if (size > SIZE_MAX / 2)
				cli_die("out of memory");
			size *= 2;
		}
		b->at = realloc(b->at, size);
		if (!b->at)
			cli_die("out of memory: %zu bytes", size);
		b->size = size;
	}
	return b->at + b->len;
}

void
buf_append(struct buf *b, const void *data, size_t len)
{
	if (len > 0)
		memcpy(buf_room(b, len), data, len);
	b->len += len;
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_append(b, s, strlen(s));
}

void
buf_putc(struct buf *b, char c)
{
	*buf_room(b, 1) = c;
	b->len++;
}

void
buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		cli_die("cannot format text");
	va_start(args, format);
	vsnprintf(buf_room(b, (size_t)n + 1), (size_t)n + 1, format, args);
	va_end(args);
	b->len += (size_t)n;
}

void
buf_hex(struct buf *b, const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = data;
	char *out = buf_room(b, 2 * len);

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[in[i] >> 4];
		*out++ = digits[in[i] & 15];
	}
	b->len += 2 * len;
}

void
buf_base64(struct buf *b, const void *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *in = data;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)in[i] << 16 |
		             (n > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
		             (n > 2 ? (uint32_t)in[i + 2] : 0);

		buf_putc(b, digits[v >> 18]);
		buf_putc(b, digits[v >> 12 & 63]);
		buf_putc(b, n > 1 ? digits[v >> 6 & 63] : '=');
		buf_putc(b, n > 2 ? digits[v & 63] : '=');
	}
}

const char *
buf_text(struct buf *b)
{
	*buf_room(b, 1) = '\0';
	return b->at;
}

void
buf_free(struct buf *b)
{
	free(b->at);
	*b = (struct buf){ 0 };
}
