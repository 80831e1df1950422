/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "topic.h"

#include <stdint.h>
#include <string.h>

#include "bytes.h"
#include "utf8.h"

static bool
token_is_literal(const char *token, size_t len)
{
	const uint8_t *s = (const uint8_t *)token;

	if (len == 0)
		return false;
	while (len > 0) {
		uint32_t c;
		size_t n = utf8_decode(s, len, &c);

		if (n == 0 || c == '*' || utf8_is_control(c) ||
		    utf8_is_space(c))
			return false;
		s += n;
		len -= n;
	}
	return true;
}

static bool
token_is(const char *token, size_t len, const char *wildcard)
{
	return len == strlen(wildcard) && memcmp(token, wildcard, len) == 0;
}

#define EIGHT        sizeof(uint64_t)
#define EACH(byte)   (UINT64_C(0x0101010101010101) * (byte))
/*
 * The highest bit of each byte. DIFFER sets it in each byte that is not `c`,
 * provided that no byte of `v` has it itself: then no sum carries into the next
 * byte.
 */
#define HIGH         EACH(0x80)
#define DIFFER(v, c) (((v) ^ EACH(c)) + EACH(0x7f))

/* Check eight bytes at a time, because every new topic of a publisher is
   checked here. */
static inline bool
eight_are_plain(const char *s, bool after_dot)
{
	uint64_t v = load_be64((const uint8_t *)s);
	uint64_t visible = ~v & (v + EACH(0x80 - '!')) & ~(v + EACH(1));
	uint64_t dots = ~DIFFER(v, '.') & HIGH;
	uint64_t behind_dots = dots >> 8 | (after_dot ? UINT64_C(1) << 63 : 0);

	return (visible & DIFFER(v, '*') & HIGH) == HIGH &&
	       (dots & behind_dots) == 0;
}

/* Nearly all topics are printable ASCII with no dot out of place. */
static bool
is_plain_topic(const char *s, size_t len)
{
	char padded[EIGHT] = { 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x' };
	size_t at = 0;

	if (s[len - 1] == '.')
		return false;
	if (len < EIGHT) {
		memcpy(padded, s, len);
		return eight_are_plain(padded, true);
	}
	while (eight_are_plain(s + at, at == 0 || s[at - 1] == '.')) {
		if (at + EIGHT == len)
			return true;
		/* the last eight bytes may overlap those before */
		at = at + 2 * EIGHT <= len ? at + EIGHT : len - EIGHT;
	}
	return false;
}

static bool
is_valid(const char *s, size_t len, bool wildcards)
{
	if (len == 0 || len > TOPIC_MAX)
		return false;
	if (is_plain_topic(s, len))
		return true;
	for (;;) {
		size_t n = token_length(s, len);
		bool last = n == len;
		bool wild =
			token_is(s, n, "*") || (last && token_is(s, n, "**"));

		if (!(wildcards && wild) && !token_is_literal(s, n))
			return false;
		if (last)
			return true;
		s += n + 1;
		len -= n + 1;
	}
}

bool
topic_is_valid(const char *topic, size_t len)
{
	return is_valid(topic, len, false);
}

bool
filter_is_valid(const char *filter, size_t len)
{
	return is_valid(filter, len, true);
}

static const char *
token_fault(const char *token, size_t len)
{
	if (len == 0)
		return "a token is empty";
	if (token_is(token, len, "**"))
		return "`**` must be last";
	if (memchr(token, '*', len))
		return "`*` must be a token of its own";
	return "white space, a control character, or no UTF-8";
}

const char *
filter_fault(const char *filter, size_t len, unsigned *token)
{
	*token = 0;
	if (filter_is_valid(filter, len))
		return NULL;
	if (len == 0 || len > TOPIC_MAX)
		return "a filter has 1 to 255 bytes";
	for (;; ++*token) {
		size_t n = token_length(filter, len);

		if (!token_is_literal(filter, n) && !token_is(filter, n, "*") &&
		    (n < len || !token_is(filter, n, "**")))
			return token_fault(filter, n);
		filter += n + 1;
		len -= n + 1;
	}
}

bool
filter_matches(const char *filter, size_t filter_len, const char *topic,
               size_t topic_len)
{
	if (topic[0] == '$' && filter[0] == '*')
		return false;
	for (;;) {
		size_t f = token_length(filter, filter_len);
		size_t t = token_length(topic, topic_len);

		if (token_is(filter, f, "**"))
			return true;
		if (!token_is(filter, f, "*") &&
		    (f != t || memcmp(filter, topic, f) != 0))
			return false;
		if (f == filter_len || t == topic_len)
			return f == filter_len && t == topic_len;
		filter += f + 1;
		filter_len -= f + 1;
		topic += t + 1;
		topic_len -= t + 1;
	}
}

bool
topic_is_below(const char *topic, size_t len, const char *prefix,
               size_t prefix_len)
{
	return len >= prefix_len && memcmp(topic, prefix, prefix_len) == 0 &&
	       (len == prefix_len || topic[prefix_len] == '.');
}
