/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "text.h"

#include <string.h>

static size_t
sequence_length(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	if (first >= 0xf0 && first < 0xf5)
		return 4;
	return 0;
}

size_t
text_next(const char *s, size_t len, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = len > 0 ? sequence_length((uint8_t)s[0]) : 0;
	uint32_t v;

	if (n == 0 || n > len)
		return 0;
	v = n == 1 ? (uint8_t)s[0] : (uint8_t)s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (((uint8_t)s[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | ((uint8_t)s[i] & 0x3f);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return 0;
	*c = v;
	return n;
}

bool
text_is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

static bool
is_text(const char *s, size_t len, bool any_control)
{
	while (len > 0) {
		uint32_t c;
		size_t n = text_next(s, len, &c);

		if (n == 0)
			return false;
		if (!any_control && text_is_control(c) && c != '\t' &&
		    c != '\n' && c != '\r')
			return false;
		s += n;
		len -= n;
	}
	return true;
}

bool
text_is_utf8(const char *s, size_t len)
{
	return is_text(s, len, true);
}

bool
text_is_plain(const char *s, size_t len)
{
	return is_text(s, len, false);
}

static void
append_control(struct buf *b, uint32_t c)
{
	switch (c) {
	case '\n':
		buf_puts(b, "\\n");
		break;
	case '\t':
		buf_puts(b, "\\t");
		break;
	case '\r':
		buf_puts(b, "\\r");
		break;
	default:
		buf_printf(b, c < 0x80 ? "\\x%02x" : "\\u%04x", (unsigned)c);
	}
}

void
text_append_visible(struct buf *b, const char *s, size_t len, const char *keep)
{
	while (len > 0) {
		uint32_t c;
		size_t n = text_next(s, len, &c);

		if (n == 0) {
			buf_printf(b, "\\x%02x", (unsigned)(uint8_t)s[0]);
			n = 1;
		} else if (text_is_control(c) &&
		           !(c > 0 && c < 0x80 && strchr(keep, (int)c))) {
			append_control(b, c);
		} else {
			buf_append(b, s, n);
		}
		s += n;
		len -= n;
	}
}

/* ---- how wide it is ----------------------------------------------------- */

struct range {
	uint32_t first;
	uint32_t last;
};

/* Marks that join the letter before them, and what is not seen at all. */
static const struct range narrow[] = {
	{ 0x0300, 0x036f },   { 0x0483, 0x0489 }, { 0x0591, 0x05bd },
	{ 0x0610, 0x061a },   { 0x064b, 0x065f }, { 0x0900, 0x0902 },
	{ 0x093c, 0x093c },   { 0x0941, 0x0948 }, { 0x094d, 0x094d },
	{ 0x0e31, 0x0e31 },   { 0x0e34, 0x0e3a }, { 0x0e47, 0x0e4e },
	{ 0x1ab0, 0x1aff },   { 0x1dc0, 0x1dff }, { 0x200b, 0x200f },
	{ 0x202a, 0x202e },   { 0x2060, 0x2064 }, { 0x20d0, 0x20f0 },
	{ 0xfe00, 0xfe0f },   { 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff },
	{ 0xe0100, 0xe01ef },
};

/* East Asian wide and full-width ones, and pictures. */
static const struct range wide[] = {
	{ 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x2329, 0x232a },
	{ 0x23e9, 0x23ec },   { 0x25fd, 0x25fe },   { 0x2614, 0x2615 },
	{ 0x2648, 0x2653 },   { 0x26a1, 0x26a1 },   { 0x2705, 0x2705 },
	{ 0x274c, 0x274c },   { 0x2753, 0x2755 },   { 0x2795, 0x2797 },
	{ 0x2b1b, 0x2b1c },   { 0x2b50, 0x2b50 },   { 0x2e80, 0x303e },
	{ 0x3041, 0x33ff },   { 0x3400, 0x4dbf },   { 0x4e00, 0x9fff },
	{ 0xa000, 0xa4cf },   { 0xa960, 0xa97f },   { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 },   { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff },
	{ 0x1f7e0, 0x1f7eb }, { 0x1f900, 0x1f9ff }, { 0x1fa70, 0x1faff },
	{ 0x20000, 0x3fffd },
};

static bool
is_in(uint32_t c, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n && c >= ranges[i].first; i++)
		if (c <= ranges[i].last)
			return true;
	return false;
}

unsigned
text_width(uint32_t c)
{
	if (c < narrow[0].first)
		return 1;
	if (is_in(c, narrow, sizeof(narrow) / sizeof(narrow[0])))
		return 0;
	return is_in(c, wide, sizeof(wide) / sizeof(wide[0])) ? 2 : 1;
}
