/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * capture - what the code under test writes to a standard stream.
 */
#ifndef UMBEL_TESTS_CAPTURE_H
#define UMBEL_TESTS_CAPTURE_H

#include <string.h>
#include <unistd.h>

#include "unit.h"

struct capture {
	FILE *stream;
	FILE *file;
	int saved;
	char text[65536];
};

static inline void
capture_begin(struct capture *c, FILE *stream)
{
	c->stream = stream;
	c->file = tmpfile();
	assert_non_null(c->file);
	fflush(stream);
	c->saved = dup(fileno(stream));
	assert_true(c->saved >= 0);
	assert_true(dup2(fileno(c->file), fileno(stream)) >= 0);
}

/* Returns what was written since, in c->text. */
static inline const char *
capture_end(struct capture *c)
{
	size_t n;

	fflush(c->stream);
	assert_true(dup2(c->saved, fileno(c->stream)) >= 0);
	close(c->saved);
	rewind(c->file);
	n = fread(c->text, 1, sizeof(c->text) - 1, c->file);
	c->text[n] = '\0';
	fclose(c->file);
	return c->text;
}

#endif
