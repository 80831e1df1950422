/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * match - T3 and T4 of PROTOCOL.md, as obvious as can be: recursive, one token
 * at a time, on NUL-terminated strings. And random filters and topics that
 * meet often enough to be worth comparing.
 */
#ifndef UMBEL_TESTS_MATCH_H
#define UMBEL_TESTS_MATCH_H

#include <string.h>

#include "unit.h"

static inline bool
reference_tokens_match(const char *f, const char *t)
{
	size_t fl = strcspn(f, "."), tl = strcspn(t, ".");

	if (fl == 2 && f[0] == '*' && f[1] == '*')
		return true;
	if (!(fl == 1 && f[0] == '*') && (fl != tl || strncmp(f, t, fl) != 0))
		return false;
	if (!f[fl] || !t[tl])
		return !f[fl] && !t[tl];
	return reference_tokens_match(f + fl + 1, t + tl + 1);
}

static inline bool
reference_matches(const char *f, const char *t)
{
	return !(t[0] == '$' && f[0] == '*') && reference_tokens_match(f, t);
}

/* Tokens that are prefixes of each other, and some that look special. */
static inline const char *
some_token(struct chance *c)
{
	static const char *const tokens[] = { "a",        "b", "ab",
		                              "aba",      "$", "$a",
		                              "\xc3\xa9", "c", "0" };

	/* two of them are common, so that long ones meet */
	return chance_one_in(c, 3) ? tokens[chance_below(c, COUNT(tokens))]
	                           : tokens[chance_below(c, 2)];
}

static inline size_t
some_topic(struct chance *c, char out[256])
{
	unsigned n = 1 + chance_below(c, 5);

	out[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			strcat(out, ".");
		strcat(out, some_token(c));
	}
	return strlen(out);
}

static inline size_t
some_filter(struct chance *c, char out[256])
{
	unsigned n = 1 + chance_below(c, 5);

	out[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			strcat(out, ".");
		if (i + 1 == n && chance_one_in(c, 3))
			strcat(out, "**");
		else
			strcat(out, chance_one_in(c, 3) ? "*" : some_token(c));
	}
	return strlen(out);
}

#endif
