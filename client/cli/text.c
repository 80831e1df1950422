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
