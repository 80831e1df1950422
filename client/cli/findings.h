/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * findings - what was looked at, how it is, and the line that mends it.
 *
 * Start from zeros, end with findings_free().
 */
#ifndef UMBEL_CLI_FINDINGS_H
#define UMBEL_CLI_FINDINGS_H

#include <stddef.h>

#include "buf.h"

enum grade {
	GRADE_GOOD,
	GRADE_NOTE, /* worth to be known, and nothing is wrong */
	GRADE_WRONG,
};

struct finding {
	enum grade grade;
	const char *subject; /* a word; not ours */
	char *text;
	char *mend; /* NULL: nothing is to be done */
};

struct findings {
	struct finding *at;
	size_t n;
};

void findings_add(struct findings *f, enum grade grade, const char *subject,
                  const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* What mends the last one. */
void findings_mend(struct findings *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

size_t findings_count(const struct findings *f, enum grade grade);

/* For people: each in lines of at most `width` characters (0: in one line), and
   below it what mends it, in one line always. */
void findings_append_text(const struct findings *f, size_t width,
                          struct buf *out);

/* One JSON object a line. */
void findings_append_json(const struct findings *f, struct buf *out);

void findings_free(struct findings *f);

#endif
