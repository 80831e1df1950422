/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* Builds and checks topics and filters from untrusted parts. */
#include "proto/topic.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "umbel.h"

/* A token is a topic without dots. */
static bool
is_token(const char *s, size_t len)
{
	return topic_is_valid(s, len) && !memchr(s, '.', len);
}

static int
join(char *buf, size_t n, const char *token, va_list rest)
{
	size_t len = 0;

	if (!token)
		return UMBEL_E_TOPIC;
	for (; token; token = va_arg(rest, const char *)) {
		size_t size = strnlen(token, TOPIC_MAX + 1);

		if (size > TOPIC_MAX)
			return -ENAMETOOLONG;
		if (!is_token(token, size))
			return UMBEL_E_TOPIC;
		if (len > 0)
			size++; /* for the dot */
		if (len + size > TOPIC_MAX || len + size >= n)
			return -ENAMETOOLONG;
		if (len > 0)
			buf[len++] = '.';
		size = strlen(token);
		memcpy(buf + len, token, size + 1);
		len += size;
	}
	return (int)len;
}

int
umbel_topic(char *buf, size_t n, const char *token, ...)
{
	va_list rest;
	int r;

	if (!buf)
		return -EINVAL;
	va_start(rest, token);
	r = join(buf, n, token, rest);
	va_end(rest);
	if (r < 0 && n > 0)
		buf[0] = '\0';
	return r;
}

bool
umbel_topic_is_valid(const char *topic)
{
	return topic && topic_is_valid(topic, strnlen(topic, TOPIC_MAX + 1));
}

bool
umbel_filter_is_valid(const char *filter)
{
	return filter &&
	       filter_is_valid(filter, strnlen(filter, TOPIC_MAX + 1));
}

bool
umbel_filter_matches(const char *filter, const char *topic)
{
	return umbel_filter_is_valid(filter) && umbel_topic_is_valid(topic) &&
	       filter_matches(filter, strlen(filter), topic, strlen(topic));
}
