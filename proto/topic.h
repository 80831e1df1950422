/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * topic - the grammar of topics and filters, and which filter matches what.
 *
 * A topic is 1 to TOPIC_MAX bytes of UTF-8, tokens joined by dots: no token is
 * empty, and no character is a control character, white space or `*`. In a
 * filter a token may be `*` (exactly one token), and the last may be `**` (one
 * or more tokens). A topic whose first token begins with `$` belongs to the
 * broker; a leading wildcard never matches it.
 */
#ifndef UMBEL_PROTO_TOPIC_H
#define UMBEL_PROTO_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

#define TOPIC_MAX        255u
/* A token with its dot takes at least two bytes, the last token one. */
#define TOPIC_MAX_TOKENS 128u

bool topic_is_valid(const char *topic, size_t len);
bool filter_is_valid(const char *filter, size_t len);

/* Says in words what is wrong with a filter, and in *token which token it is,
   counted from 0. NULL if the filter is valid. */
const char *filter_fault(const char *filter, size_t len, unsigned *token);

/* Both must be valid. Takes time linear in the shorter one. */
bool filter_matches(const char *filter, size_t filter_len, const char *topic,
                    size_t topic_len);

/*
 * Is the filter or topic in the tree that `prefix` names: is it the prefix
 * itself, or the prefix, a dot, and more?
 */
bool topic_is_below(const char *topic, size_t len, const char *prefix,
                    size_t prefix_len);

/*
 * The length of the token at the front of `s`: up to the next dot or `len`.
 * Tokens are so short that a call of memchr() would take longer than this loop.
 */
static inline size_t
token_length(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] != '.')
		n++;
	return n;
}

#endif
