/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * reference - the rules of PROTOCOL.md once more, as obvious as can be and
 * with nothing of proto/ in them, for proto/ to be compared with.
 */
#ifndef UMBEL_TESTS_REFERENCE_H
#define UMBEL_TESTS_REFERENCE_H

#include "fuzz.h"

/* ---- UTF-8: the table of well-formed sequences of the Unicode standard ---- */

/* The length of the character at the front, 0 if it is not well formed. */
static inline size_t
reference_character(const uint8_t *s, size_t len)
{
	static const struct {
		uint8_t n, range[4][2];
	} rows[] = {
		{ 1, { { 0x00, 0x7f } } },
		{ 2, { { 0xc2, 0xdf }, { 0x80, 0xbf } } },
		{ 3, { { 0xe0, 0xe0 }, { 0xa0, 0xbf }, { 0x80, 0xbf } } },
		{ 3, { { 0xe1, 0xec }, { 0x80, 0xbf }, { 0x80, 0xbf } } },
		{ 3, { { 0xed, 0xed }, { 0x80, 0x9f }, { 0x80, 0xbf } } },
		{ 3, { { 0xee, 0xef }, { 0x80, 0xbf }, { 0x80, 0xbf } } },
		{ 4,
		  { { 0xf0, 0xf0 },
		    { 0x90, 0xbf },
		    { 0x80, 0xbf },
		    { 0x80, 0xbf } } },
		{ 4,
		  { { 0xf1, 0xf3 },
		    { 0x80, 0xbf },
		    { 0x80, 0xbf },
		    { 0x80, 0xbf } } },
		{ 4,
		  { { 0xf4, 0xf4 },
		    { 0x80, 0x8f },
		    { 0x80, 0xbf },
		    { 0x80, 0xbf } } },
	};

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		size_t i = 0;

		while (i < rows[r].n && i < len &&
		       s[i] >= rows[r].range[i][0] &&
		       s[i] <= rows[r].range[i][1])
			i++;
		if (i == rows[r].n)
			return i;
	}
	return 0;
}

static inline bool
reference_is_utf8(const void *text, size_t len)
{
	const uint8_t *s = text;

	while (len > 0) {
		size_t n = reference_character(s, len);

		if (n == 0)
			return false;
		s += n;
		len -= n;
	}
	return true;
}

/* ---- topics and filters --------------------------------------------------- */

/* May this well-formed character not be in a topic? As bytes, without dots. */
static inline bool
reference_is_forbidden(const uint8_t *s, size_t n)
{
	static const char *const spaces[] = {
		"\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
		"\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85",
		"\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89",
		"\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
		"\xe2\x81\x9f", "\xe3\x80\x80",
	};

	if (n == 1)
		return s[0] <= 0x20 || s[0] == 0x7f || s[0] == '*';
	if (s[0] == 0xc2 && s[1] <= 0x9f)
		return true;
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		if (strlen(spaces[i]) == n && memcmp(spaces[i], s, n) == 0)
			return true;
	}
	return false;
}

static inline bool
reference_token_is_valid(const char *token, size_t len)
{
	const uint8_t *s = (const uint8_t *)token;
	size_t i = 0;

	while (i < len) {
		size_t n = reference_character(s + i, len - i);

		if (n == 0 || reference_is_forbidden(s + i, n))
			return false;
		i += n;
	}
	return len > 0;
}

static inline bool
reference_is_valid(const char *s, size_t len, bool is_filter)
{
	size_t start = 0;

	if (len < 1 || len > 255)
		return false;
	for (size_t i = 0; i <= len; i++) {
		const char *token = s + start;
		size_t n = i - start;

		if (i < len && s[i] != '.')
			continue;
		start = i + 1;
		if (is_filter && n == 1 && token[0] == '*')
			continue;
		if (is_filter && n == 2 && i == len && token[0] == '*' &&
		    token[1] == '*')
			continue;
		if (!reference_token_is_valid(token, n))
			return false;
	}
	return true;
}

/* ---- filters against filters: token by token -------------------------------- */

static inline bool
reference_is_token(const char *at, size_t len, const char *token)
{
	return len == strlen(token) && memcmp(at, token, len) == 0;
}

/* Is there a topic that both match? Behind their first tokens. */
static inline bool
reference_rest_meets(const char *f, const char *g)
{
	size_t fl = strcspn(f, "."), gl = strcspn(g, ".");

	if (reference_is_token(f, fl, "**") || reference_is_token(g, gl, "**"))
		return true;
	if (!reference_is_token(f, fl, "*") &&
	    !reference_is_token(g, gl, "*") &&
	    (fl != gl || memcmp(f, g, fl) != 0))
		return false;
	if (!f[fl] || !g[gl])
		return !f[fl] && !g[gl];
	return reference_rest_meets(f + fl + 1, g + gl + 1);
}

/* Does f match each topic that g matches? Behind their first tokens. */
static inline bool
reference_rest_covers(const char *f, const char *g)
{
	size_t fl = strcspn(f, "."), gl = strcspn(g, ".");

	if (reference_is_token(f, fl, "**"))
		return true;
	if (reference_is_token(g, gl, "**"))
		return false;
	if (!reference_is_token(f, fl, "*") &&
	    (fl != gl || memcmp(f, g, fl) != 0))
		return false;
	if (!f[fl] || !g[gl])
		return !f[fl] && !g[gl];
	return reference_rest_covers(f + fl + 1, g + gl + 1);
}

/* No leading wildcard matches what begins with $ (T4). */
static inline bool
reference_meets(const char *f, const char *g)
{
	if ((f[0] == '*' && g[0] == '$') || (g[0] == '*' && f[0] == '$'))
		return false;
	return reference_rest_meets(f, g);
}

static inline bool
reference_covers(const char *f, const char *g)
{
	return !(f[0] == '*' && g[0] == '$') && reference_rest_covers(f, g);
}

/* ---- msgpack: where a value ends ------------------------------------------ */

struct reference_value {
	size_t size;    /* in bytes; 0: malformed, or it claims too much */
	unsigned depth; /* arrays and maps within each other */
};

/* One row of the specification: what follows the first byte. */
struct reference_head {
	unsigned width; /* bytes of the length that follow */
	size_t fixed;   /* bytes of content besides that length */
	bool counts;    /* the length counts values, each ... */
	unsigned per;   /* ... of this many */
};

static inline bool
reference_read_head(uint8_t b, struct reference_head *h, size_t *n)
{
	*h = (struct reference_head){ 0 };
	*n = 0;
	if (b < 0x80 || b >= 0xe0 || b == 0xc0 || b == 0xc2 || b == 0xc3)
		return true;
	if (b < 0xa0) {
		h->counts = true;
		h->per = b < 0x90 ? 2 : 1;
		*n = b & 15;
	} else if (b < 0xc0) {
		*n = b & 31;
	} else if (b == 0xc1) {
		return false;
	} else if (b <= 0xc6) {
		h->width = 1u << (b - 0xc4);
	} else if (b <= 0xc9) {
		h->width = 1u << (b - 0xc7);
		h->fixed = 1;
	} else if (b <= 0xcb) {
		h->fixed = b == 0xca ? 4 : 8;
	} else if (b <= 0xcf) {
		h->fixed = (size_t)1 << (b - 0xcc);
	} else if (b <= 0xd3) {
		h->fixed = (size_t)1 << (b - 0xd0);
	} else if (b <= 0xd8) {
		h->fixed = 1 + ((size_t)1 << (b - 0xd4));
	} else if (b <= 0xdb) {
		h->width = 1u << (b - 0xd9);
	} else {
		h->width = b % 2 == 0 ? 2 : 4;
		h->counts = true;
		h->per = b < 0xde ? 1 : 2;
	}
	return true;
}

/* Recursive, but no deeper than `most`. */
static inline struct reference_value
reference_value_at(const uint8_t *s, size_t len, unsigned most)
{
	const struct reference_value none = { 0, 0 };
	struct reference_value v = { 1, 0 };
	struct reference_head h;
	size_t n;

	if (len == 0 || !reference_read_head(s[0], &h, &n) || len - 1 < h.width)
		return none;
	for (unsigned i = 0; i < h.width; i++)
		n = n << 8 | s[1 + i];
	v.size += h.width;
	if (!h.counts) {
		if (len - v.size < h.fixed || len - v.size - h.fixed < n)
			return none;
		v.size += h.fixed + n;
		return v;
	}
	/* each value takes a byte at least */
	if (most == 0 || len - v.size < n * h.per)
		return none;
	v.depth = 1;
	for (size_t i = 0; i < n * h.per; i++) {
		struct reference_value inner =
			reference_value_at(s + v.size, len - v.size, most - 1);

		if (inner.size == 0)
			return none;
		v.size += inner.size;
		if (inner.depth + 1 > v.depth)
			v.depth = inner.depth + 1;
	}
	return v;
}

#endif
