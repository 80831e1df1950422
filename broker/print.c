/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "print.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 256u

void
print_fini(struct print *p)
{
	free(p->at);
	*p = (struct print){ 0 };
}

void
print_trim(struct print *p)
{
	char *at = p->len > 0 ? realloc(p->at, p->len) : NULL;

	if (at) {
		p->at = at;
		p->cap = p->len;
	} else if (p->len == 0 && !p->failed) {
		print_fini(p);
	}
}

static bool
grow(struct print *p, size_t len)
{
	size_t cap = p->cap ? p->cap : FIRST_CAP;
	char *at;

	if (p->cap - p->len >= len)
		return true;
	if (len > SIZE_MAX / 4 - p->len)
		return false;
	while (cap - p->len < len)
		cap *= 2;
	at = realloc(p->at, cap);
	if (!at)
		return false;
	p->at = at;
	p->cap = cap;
	return true;
}

char *
print_room(struct print *p, size_t len)
{
	if (p->failed || !grow(p, len)) {
		p->failed = true;
		return NULL;
	}
	p->len += len;
	return p->at + p->len - len;
}

void
print_bytes(struct print *p, const char *bytes, size_t len)
{
	char *at = len > 0 ? print_room(p, len) : NULL;

	if (at)
		memcpy(at, bytes, len);
}

void
print_text(struct print *p, const char *text)
{
	print_bytes(p, text, strlen(text));
}

void
print_format(struct print *p, const char *format, ...)
{
	char text[PRINT_FORMAT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	print_text(p, text);
}
