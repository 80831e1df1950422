/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "utf8.h"

#include <string.h>

size_t
utf8_decode(const uint8_t *s, size_t len, uint32_t *code_point)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c;
	size_t n;

	if (len == 0)
		return 0;
	c = s[0];
	if (c < 0x80) {
		*code_point = c;
		return 1;
	}
	if ((c & 0xe0) == 0xc0) {
		n = 2;
		c &= 0x1f;
	} else if ((c & 0xf0) == 0xe0) {
		n = 3;
		c &= 0x0f;
	} else if ((c & 0xf8) == 0xf0) {
		n = 4;
		c &= 0x07;
	} else {
		return 0;
	}
	if (len < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code_point = c;
	return n;
}

bool
utf8_is_valid(const uint8_t *s, size_t len)
{
	const uint8_t *end = s + len;

	while (s < end) {
		uint64_t eight;
		uint32_t c;
		size_t n;

		/* nearly all strings are ASCII: check eight bytes at a time */
		if (end - s >= 8) {
			memcpy(&eight, s, sizeof(eight));
			if (!(eight & UINT64_C(0x8080808080808080))) {
				s += 8;
				continue;
			}
		}
		n = utf8_decode(s, (size_t)(end - s), &c);
		if (n == 0)
			return false;
		s += n;
	}
	return true;
}

bool
utf8_is_control(uint32_t code_point)
{
	return code_point < 0x20 || (code_point >= 0x7f && code_point <= 0x9f);
}

bool
utf8_is_space(uint32_t code_point)
{
	switch (code_point) {
	case 0x20:
	case 0xa0:
	case 0x1680:
	case 0x2028:
	case 0x2029:
	case 0x202f:
	case 0x205f:
	case 0x3000:
		return true;
	default:
		return code_point >= 0x2000 && code_point <= 0x200a;
	}
}

bool
utf8_is_text(const uint8_t *s, size_t len)
{
	while (len > 0) {
		uint32_t c;
		size_t n = utf8_decode(s, len, &c);

		if (n == 0 || utf8_is_control(c))
			return false;
		s += n;
		len -= n;
	}
	return true;
}
