/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "why.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "topic.h"

static bool
is(const char *token, size_t len, const char *wildcard)
{
	return len == strlen(wildcard) && memcmp(token, wildcard, len) == 0;
}

enum why
why_not(const char *filter, size_t filter_len, const char *topic,
        size_t topic_len, unsigned *token)
{
	*token = 0;
	if (topic[0] == '$' && filter[0] == '*')
		return WHY_RESERVED;
	for (;; (*token)++) {
		size_t f = token_length(filter, filter_len);
		size_t t = token_length(topic, topic_len);

		if (is(filter, f, "**"))
			return WHY_MATCHES;
		if (!is(filter, f, "*") &&
		    (f != t || memcmp(filter, topic, f) != 0))
			return WHY_DIFFERS;
		if (f == filter_len && t == topic_len)
			return WHY_MATCHES;
		if (f == filter_len || t == topic_len) {
			(*token)++;
			return f == filter_len ? WHY_GOES_ON : WHY_ENDS;
		}
		filter += f + 1;
		filter_len -= f + 1;
		topic += t + 1;
		topic_len -= t + 1;
	}
}

const char *
why_word(enum why why)
{
	switch (why) {
	case WHY_MATCHES:
		return "matches";
	case WHY_DIFFERS:
		return "differs";
	case WHY_ENDS:
		return "ends";
	case WHY_GOES_ON:
		return "goes_on";
	case WHY_RESERVED:
		break;
	}
	return "reserved";
}

/* ---- distance ------------------------------------------------------------- */

/*
 * Levenshtein's table, of which one row is kept: row[j] is the distance between
 * what was read of the filter and the first j bytes of the topic. A wildcard is
 * one more letter, which equals a byte or a whole stretch of bytes.
 */
struct table {
	const char *topic;
	size_t len;
	unsigned row[TOPIC_MAX + 1];
};

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static void
read_letter(struct table *t, char letter)
{
	unsigned diagonal = t->row[0]++;

	for (size_t j = 1; j <= t->len; j++) {
		unsigned above = t->row[j];
		unsigned same = diagonal + (t->topic[j - 1] != letter);

		t->row[j] = least(same, least(above, t->row[j - 1]) + 1);
		diagonal = above;
	}
}

/* `stops`: the wildcard does not match a dot. */
static void
read_wildcard(struct table *t, bool stops)
{
	unsigned diagonal = t->row[0]++;

	for (size_t j = 1; j <= t->len; j++) {
		unsigned above = t->row[j], left = t->row[j - 1];

		t->row[j] = least(above, left) + 1;
		if (!stops || t->topic[j - 1] != '.')
			t->row[j] = least(t->row[j], least(diagonal, left));
		diagonal = above;
	}
}

static bool
is_hopeless(const struct table *t, unsigned max)
{
	for (size_t j = 0; j <= t->len; j++) {
		if (t->row[j] <= max)
			return false;
	}
	return true;
}

unsigned
why_distance(const char *filter, size_t filter_len, const char *topic,
             size_t topic_len, unsigned max)
{
	struct table t = { .topic = topic, .len = topic_len };

	assert(topic_len <= TOPIC_MAX);
	if (topic[0] == '$' && filter[0] == '*')
		return max + 1;
	for (unsigned j = 0; j <= topic_len; j++)
		t.row[j] = j;
	for (;;) {
		size_t n = token_length(filter, filter_len);

		if (is(filter, n, "*") || is(filter, n, "**")) {
			read_wildcard(&t, n == 1);
		} else {
			for (size_t i = 0; i < n; i++)
				read_letter(&t, filter[i]);
		}
		if (is_hopeless(&t, max))
			return max + 1;
		if (n == filter_len)
			break;
		read_letter(&t, '.');
		filter += n + 1;
		filter_len -= n + 1;
	}
	return least(t.row[topic_len], max + 1);
}

/* ---- estimate ------------------------------------------------------------- */

/* The parts of both that are not matched yet. */
struct rest {
	const char *filter;
	size_t filter_len;
	const char *topic;
	size_t topic_len;
};

/* Remove the parts that agree at the front. False at a `**`, which matches all
   that is left. */
static bool
trim_front(struct rest *r)
{
	while (r->filter_len > 0 && r->topic_len > 0) {
		size_t n = 1;

		if (r->filter[0] == '*') {
			if (r->filter_len > 1 && r->filter[1] == '*')
				return false;
			n = token_length(r->topic, r->topic_len);
		} else if (r->filter[0] != r->topic[0]) {
			break;
		}
		r->filter++;
		r->filter_len--;
		r->topic += n;
		r->topic_len -= n;
	}
	return true;
}

static void
trim_back(struct rest *r)
{
	while (r->filter_len > 0 && r->topic_len > 0) {
		char f = r->filter[r->filter_len - 1];
		size_t n = 0;

		if (f == r->topic[r->topic_len - 1])
			n = 1;
		while (f == '*' && n < r->topic_len &&
		       r->topic[r->topic_len - 1 - n] != '.')
			n++;
		if (n == 0)
			break;
		r->filter_len--;
		r->topic_len -= n;
	}
}

unsigned
why_estimate(const char *filter, size_t filter_len, const char *topic,
             size_t topic_len)
{
	struct rest r = { filter, filter_len, topic, topic_len };

	if (!trim_front(&r))
		return 0;
	if (r.filter_len >= 2 && r.filter[r.filter_len - 1] == '*' &&
	    r.filter[r.filter_len - 2] == '*') {
		/* `**` stands for any rest of the topic, but not for an empty
		   one */
		r.filter_len -= r.topic_len > 0 ? 2 : 0;
		r.topic_len = 0;
	}
	trim_back(&r);
	return (unsigned)(r.filter_len > r.topic_len ? r.filter_len
	                                             : r.topic_len);
}
