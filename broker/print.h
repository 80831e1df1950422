/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * print - text that is written piece by piece to a growing buffer.
 *
 * It is for text that people and other programs read, never for messages on the
 * hot path. If there is no memory for a piece, the piece is left out and
 * `failed` is set: check it once, at the end.
 */
#ifndef UMBELD_PRINT_H
#define UMBELD_PRINT_H

#include <stdbool.h>
#include <stddef.h>

struct print {
	char *at; /* not NUL-terminated; NULL if nothing was written */
	size_t len;
	size_t cap;
	bool failed;
};

/* {0} is a valid empty print. */
void print_fini(struct print *p);
/* Free the unused room at the end. */
void print_trim(struct print *p);

void print_bytes(struct print *p, const char *bytes, size_t len);
/* A C string. */
void print_text(struct print *p, const char *text);
/* Print a piece of less than PRINT_FORMAT_MAX bytes; a longer one is
   truncated. */
#define PRINT_FORMAT_MAX 512u
void print_format(struct print *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Append `len` bytes for the caller to fill in. NULL if out of memory. */
char *print_room(struct print *p, size_t len);

#endif
