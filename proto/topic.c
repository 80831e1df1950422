/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "topic.h"

#include <stdint.h>
#include <string.h>

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

/* What nearly all topics are: printable ASCII, and no dot out of place. */
static bool
is_plain_topic(const char *s, size_t len)
{
	uint8_t before = '.';

	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)s[i];

		if (c <= ' ' || c == '*' || c >= 0x7f ||
		    (c == '.' && before == '.'))
			return false;
		before = c;
	}
	return before != '.';
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
