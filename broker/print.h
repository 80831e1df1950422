/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * print - text that is written piece by piece, in memory that grows with it.
 *
 * For what people and other programs read, never for messages on their way. A
 * piece for which there is no memory is left out, and `failed` is set: ask
 * once, at the end.
 */
#ifndef UMBELD_PRINT_H
#define UMBELD_PRINT_H

#include <stdbool.h>
#include <stddef.h>

struct print {
	char *at; /* not NUL-terminated; NULL: nothing was written */
	size_t len;
	size_t cap;
	bool failed;
};

/* {0} is empty, and ready. */
void print_fini(struct print *p);
/* Give back the room behind what there is. */
void print_trim(struct print *p);

void print_bytes(struct print *p, const char *bytes, size_t len);
/* A C string. */
void print_text(struct print *p, const char *text);
/* A piece of less than PRINT_FORMAT_MAX bytes; a longer one is cut. */
#define PRINT_FORMAT_MAX 512u
void print_format(struct print *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Where `len` bytes may be put at the end; NULL without memory. */
char *print_room(struct print *p, size_t len);

#endif
