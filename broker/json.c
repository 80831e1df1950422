/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "proto/utf8.h"

/* ---- strings -------------------------------------------------------------- */

/* The number of bytes at the front that need no escape. */
static size_t
plain_length(const uint8_t *at, size_t len)
{
	size_t n = 0;

	while (n < len && at[n] >= ' ' && at[n] < 0x7f && at[n] != '"' &&
	       at[n] != '\\')
		n++;
	return n;
}

/* Print one character that may need an escape. Returns its length in bytes. */
static size_t
print_character(struct print *out, const uint8_t *at, size_t len)
{
	uint32_t c;
	size_t n = utf8_decode(at, len, &c);

	if (n == 0)
		print_text(out, "\\ufffd");
	else if (c == '"' || c == '\\')
		print_format(out, "\\%c", (char)c);
	else if (c == '\n')
		print_text(out, "\\n");
	/* this includes what ends a line in JavaScript */
	else if (c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0x2028 ||
	         c == 0x2029)
		print_format(out, "\\u%04" PRIx32, c);
	else
		print_bytes(out, (const char *)at, n);
	return n > 0 ? n : 1;
}

void
json_print_string(struct print *out, const void *text, size_t len)
{
	const uint8_t *at = text;

	print_text(out, "\"");
	while (len > 0) {
		size_t n = plain_length(at, len);

		if (n > 0)
			print_bytes(out, (const char *)at, n);
		else
			n = print_character(out, at, len);
		at += n;
		len -= n;
	}
	print_text(out, "\"");
}

void
json_print_text(struct print *out, const char *text)
{
	json_print_string(out, text, strlen(text));
}

void
json_print_base64(struct print *out, const void *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *at = data;
	char *to = print_room(out, (len + 2) / 3 * 4 + 2);

	if (!to)
		return;
	*to++ = '"';
	for (; len > 0; at += 3) {
		size_t n = len < 3 ? len : 3;
		uint32_t bits = (uint32_t)at[0] << 16;

		if (n > 1)
			bits |= (uint32_t)at[1] << 8;
		if (n > 2)
			bits |= at[2];
		to[0] = digits[bits >> 18];
		to[1] = digits[bits >> 12 & 63];
		to[2] = n > 1 ? digits[bits >> 6 & 63] : '=';
		to[3] = n > 2 ? digits[bits & 63] : '=';
		to += 4;
		len -= n;
	}
	*to = '"';
}

/* ---- values --------------------------------------------------------------- */

static void
print_float(struct print *out, double f)
{
	if (isfinite(f))
		print_format(out, "%.17g", f);
	else
		print_text(out, "null");
}

static void
print_scalar(struct print *out, const struct cursor_item *item)
{
	switch (item->kind) {
	case CURSOR_NIL:
	case CURSOR_EXT:
	case CURSOR_ARRAY:
	case CURSOR_MAP:
		print_text(out, "null");
		break;
	case CURSOR_BOOL:
		print_text(out, item->value.b ? "true" : "false");
		break;
	case CURSOR_UINT:
		print_format(out, "%" PRIu64, item->value.u);
		break;
	case CURSOR_INT:
		print_format(out, "%" PRId64, item->value.i);
		break;
	case CURSOR_FLOAT:
		print_float(out, item->value.f);
		break;
	case CURSOR_STR:
		json_print_string(out, item->data, item->len);
		break;
	case CURSOR_BIN:
		print_text(out, "{\"base64\":");
		json_print_base64(out, item->data, item->len);
		print_text(out, "}");
		break;
	}
}

/* An open array or map. */
struct level {
	uint64_t left; /* items left; keys of a map count, too */
	bool map;
	bool begun;
};

static bool
opens(const struct cursor_item *item)
{
	return item->kind == CURSOR_ARRAY || item->kind == CURSOR_MAP;
}

static struct level
open_level(struct print *out, const struct cursor_item *item)
{
	bool map = item->kind == CURSOR_MAP;

	print_text(out, map ? "{" : "[");
	return (struct level){
		.left = map ? 2 * (uint64_t)item->len : item->len,
		.map = map,
	};
}

/* Print the separator before the next item of this level. */
static void
separate(struct print *out, const struct level *l)
{
	if (l->map && l->left % 2 == 1)
		print_text(out, ":");
	else if (l->begun)
		print_text(out, ",");
}

/* Close all complete levels. Returns how many are left open. */
static unsigned
close_levels(struct print *out, const struct level *levels, unsigned depth)
{
	while (depth > 0 && levels[depth - 1].left == 0) {
		depth--;
		print_text(out, levels[depth].map ? "}" : "]");
	}
	return depth;
}

/* Count one item, and print the separator before it. */
static bool
begin_item(struct print *out, struct level *l, const struct cursor_item *item)
{
	separate(out, l);
	if (l->map && l->left % 2 == 0 && item->kind != CURSOR_STR)
		return false; /* JSON allows only strings as keys */
	l->left--;
	l->begun = true;
	return true;
}

bool
json_print_value(struct print *out, struct cursor *value)
{
	struct level levels[CURSOR_MAX_DEPTH];
	unsigned depth = 0;

	do {
		struct cursor_item item;

		if (!cursor_next(value, &item))
			return false;
		if (depth > 0 && !begin_item(out, &levels[depth - 1], &item))
			return false;
		if (opens(&item) && depth == CURSOR_MAX_DEPTH)
			return false;
		if (opens(&item))
			levels[depth++] = open_level(out, &item);
		else
			print_scalar(out, &item);
		depth = close_levels(out, levels, depth);
	} while (depth > 0);
	return true;
}
