/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * setting - settings that take one word: each is a flag, and most of them are
 * also keys of the file, under the same name.
 */
#ifndef UMBELD_SETTING_H
#define UMBELD_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

enum setting_kind {
	SETTING_PATH,
	SETTING_ROLE,
	SETTING_MODE,
	SETTING_FD,
	SETTING_LEVEL,
	SETTING_BYTES,
	SETTING_U32,
};

struct setting {
	const char *name;
	enum setting_kind kind;
	size_t offset; /* in struct config */
	uint64_t min, max;
	const char *value; /* in --help */
	const char *help;
	const char *section; /* in the file; "": at its top; NULL: nowhere */
};

/* The nth setting, or NULL after the last. */
const struct setting *setting_at(size_t n);

/* Set a value. Returns 0, -ENOMEM, or -EINVAL: see setting_expected(). */
int setting_take(const struct setting *s, struct config *c, const char *text);

/* Is the value a text? A text that is not set has the value "". */
static inline bool
setting_is_text(const struct setting *s)
{
	return s->kind == SETTING_PATH || s->kind == SETTING_ROLE;
}

/* Free the value, if it is a text. */
void setting_free(const struct setting *s, struct config *c);

/* "a number from 1 to 10" */
#define SETTING_WORDS_MAX 120
const char *setting_expected(const struct setting *s,
                             char buf[SETTING_WORDS_MAX]);

/* The value as it could be given on the command line; "" for a text that is not
   set. */
const char *setting_value(const struct setting *s, const struct config *c,
                          char buf[SETTING_WORDS_MAX]);

/* An octal mode up to 0777. Returns 0 or -EINVAL. */
int setting_parse_mode(const char *text, mode_t *mode);

#endif
