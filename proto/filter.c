/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "filter.h"

#include <string.h>

#include "topic.h"

/* The rest of a filter, and the length of its first token. */
struct rest {
	const char *at;
	size_t len;
	size_t token;
};

static struct rest
rest_of(const char *at, size_t len)
{
	return (struct rest){ at, len, token_length(at, len) };
}

static bool
is_last(const struct rest *r)
{
	return r->token == r->len;
}

static void
step(struct rest *r)
{
	*r = rest_of(r->at + r->token + 1, r->len - r->token - 1);
}

/* In a valid filter a token that begins with a star is a wildcard. */
static bool
is_one(const struct rest *r)
{
	return r->token == 1 && r->at[0] == '*';
}

static bool
is_many(const struct rest *r)
{
	return r->token == 2 && r->at[0] == '*';
}

static bool
is_same(const struct rest *a, const struct rest *b)
{
	return a->token == b->token && memcmp(a->at, b->at, a->token) == 0;
}

/* A leading wildcard matches no topic of the broker. */
static bool
dollar_parts(const char *a, const char *b)
{
	return a[0] == '*' && b[0] == '$';
}

bool
filter_covers(const char *a, size_t a_len, const char *b, size_t b_len)
{
	struct rest x = rest_of(a, a_len), y = rest_of(b, b_len);

	if (dollar_parts(a, b))
		return false;
	for (;; step(&x), step(&y)) {
		if (is_many(&x))
			return true;
		if (is_many(&y) || !(is_one(&x) || is_same(&x, &y)))
			return false;
		if (is_last(&x) || is_last(&y))
			return is_last(&x) && is_last(&y);
	}
}

bool
filter_intersects(const char *a, size_t a_len, const char *b, size_t b_len)
{
	struct rest x = rest_of(a, a_len), y = rest_of(b, b_len);

	if (dollar_parts(a, b) || dollar_parts(b, a))
		return false;
	for (;; step(&x), step(&y)) {
		if (is_many(&x) || is_many(&y))
			return true;
		if (!is_one(&x) && !is_one(&y) && !is_same(&x, &y))
			return false;
		if (is_last(&x) || is_last(&y))
			return is_last(&x) && is_last(&y);
	}
}
