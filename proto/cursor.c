/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "cursor.h"

#include <string.h>

#include "utf8.h"

/* The big-endian unsigned integer of `width` bytes at the cursor. */
static bool
take_uint(struct cursor *c, unsigned width, uint64_t *out)
{
	uint64_t v = 0;

	if ((size_t)(c->end - c->at) < width)
		return false;
	for (unsigned i = 0; i < width; i++)
		v = v << 8 | c->at[i];
	c->at += width;
	*out = v;
	return true;
}

static bool
take_int(struct cursor *c, unsigned width, struct cursor_item *item)
{
	uint64_t v;

	if (!take_uint(c, width, &v))
		return false;
	if (width < 8 && v >> (8 * width - 1))
		v |= ~UINT64_C(0) << (8 * width);
	item->kind = v >> 63 ? CURSOR_INT : CURSOR_UINT;
	item->value.u = v;
	return true;
}

static bool
take_float(struct cursor *c, unsigned width, struct cursor_item *item)
{
	uint64_t v;

	if (!take_uint(c, width, &v))
		return false;
	item->kind = CURSOR_FLOAT;
	if (width == 4) {
		uint32_t bits = (uint32_t)v;
		float f;

		memcpy(&f, &bits, sizeof(f));
		item->value.f = (double)f;
	} else {
		memcpy(&item->value.f, &v, sizeof(v));
	}
	return true;
}

/* `len` bytes of content; false when fewer are left. */
static bool
take_bytes(struct cursor *c, enum cursor_kind kind, uint64_t len,
           struct cursor_item *item)
{
	if (len > (uint64_t)(c->end - c->at))
		return false;
	item->kind = kind;
	item->len = (uint32_t)len;
	item->data = c->at;
	c->at += len;
	return true;
}

static bool
take_sized(struct cursor *c, enum cursor_kind kind, unsigned width,
           struct cursor_item *item)
{
	uint64_t len;

	return take_uint(c, width, &len) && take_bytes(c, kind, len, item);
}

/* An ext's content is its type byte and its data. */
static bool
take_ext(struct cursor *c, unsigned width, struct cursor_item *item)
{
	uint64_t len;

	return take_uint(c, width, &len) &&
	       take_bytes(c, CURSOR_EXT, len + 1, item);
}

/* Every element takes at least one byte, so a larger count is false. */
static bool
take_count(struct cursor *c, enum cursor_kind kind, uint64_t count,
           struct cursor_item *item)
{
	uint64_t least = kind == CURSOR_MAP ? 2 * count : count;

	if (least > (uint64_t)(c->end - c->at))
		return false;
	item->kind = kind;
	item->len = (uint32_t)count;
	return true;
}

static bool
take_counted(struct cursor *c, enum cursor_kind kind, unsigned width,
             struct cursor_item *item)
{
	uint64_t count;

	return take_uint(c, width, &count) && take_count(c, kind, count, item);
}

static bool
take_literal(enum cursor_kind kind, uint64_t value, struct cursor_item *item)
{
	item->kind = kind;
	item->value.u = value;
	return true;
}

static bool
take_bool(bool value, struct cursor_item *item)
{
	item->kind = CURSOR_BOOL;
	item->value.b = value;
	return true;
}

static bool
take_unsigned(struct cursor *c, unsigned width, struct cursor_item *item)
{
	item->kind = CURSOR_UINT;
	return take_uint(c, width, &item->value.u);
}

/* The items with an explicit length or count: in each family of heads the width
   of that number doubles from one head to the next. */
static bool
take_long(struct cursor *c, uint8_t head, struct cursor_item *item)
{
	switch (head) {
	case 0xc0:
		return take_literal(CURSOR_NIL, 0, item);
	case 0xc2:
	case 0xc3:
		return take_bool(head == 0xc3, item);
	case 0xc4:
	case 0xc5:
	case 0xc6:
		return take_sized(c, CURSOR_BIN, 1u << (head - 0xc4), item);
	case 0xc7:
	case 0xc8:
	case 0xc9:
		return take_ext(c, 1u << (head - 0xc7), item);
	case 0xca:
	case 0xcb:
		return take_float(c, 4u << (head - 0xca), item);
	case 0xcc:
	case 0xcd:
	case 0xce:
	case 0xcf:
		return take_unsigned(c, 1u << (head - 0xcc), item);
	case 0xd0:
	case 0xd1:
	case 0xd2:
	case 0xd3:
		return take_int(c, 1u << (head - 0xd0), item);
	case 0xd4:
	case 0xd5:
	case 0xd6:
	case 0xd7:
	case 0xd8: /* fixext: a type byte and 1, 2, 4, 8 or 16 more */
		return take_bytes(c, CURSOR_EXT,
		                  1 + (UINT64_C(1) << (head - 0xd4)), item);
	case 0xd9:
	case 0xda:
	case 0xdb:
		return take_sized(c, CURSOR_STR, 1u << (head - 0xd9), item);
	case 0xdc:
	case 0xdd:
		return take_counted(c, CURSOR_ARRAY, 2u << (head - 0xdc), item);
	case 0xde:
	case 0xdf:
		return take_counted(c, CURSOR_MAP, 2u << (head - 0xde), item);
	default: /* 0xc1: never used */
		return false;
	}
}

bool
cursor_next(struct cursor *c, struct cursor_item *item)
{
	uint8_t head;

	if (c->at == c->end)
		return false;
	head = *c->at++;
	item->len = 0;
	item->data = NULL;

	if (head < 0x80)
		return take_literal(CURSOR_UINT, head, item);
	if (head < 0x90)
		return take_count(c, CURSOR_MAP, head & 0x0f, item);
	if (head < 0xa0)
		return take_count(c, CURSOR_ARRAY, head & 0x0f, item);
	if (head < 0xc0)
		return take_bytes(c, CURSOR_STR, head & 0x1f, item);
	if (head >= 0xe0)
		return take_literal(CURSOR_INT, (uint64_t)((int64_t)head - 256),
		                    item);
	return take_long(c, head, item);
}

static bool
obeys(const struct cursor_item *item, bool is_key)
{
	if (is_key && item->kind != CURSOR_STR)
		return false;
	if (item->kind == CURSOR_STR)
		return utf8_is_valid(item->data, item->len);
	return item->kind != CURSOR_EXT;
}

bool
cursor_skip(struct cursor *c, unsigned depth, enum cursor_rules rules)
{
	/* what is left in each array or map that we are in */
	struct {
		uint64_t left;
		bool is_map; /* an even number left: a key is next */
	} in[CURSOR_MAX_DEPTH];
	unsigned level = 0;

	if (depth > CURSOR_MAX_DEPTH)
		depth = CURSOR_MAX_DEPTH;
	do {
		struct cursor_item item;
		bool is_key = false;

		if (level > 0) {
			is_key = in[level - 1].is_map &&
			         in[level - 1].left % 2 == 0;
			in[level - 1].left--;
		}
		if (!cursor_next(c, &item))
			return false;
		if (rules == CURSOR_STRICT && !obeys(&item, is_key))
			return false;
		if (item.kind == CURSOR_ARRAY || item.kind == CURSOR_MAP) {
			if (level == depth)
				return false;
			in[level].is_map = item.kind == CURSOR_MAP;
			in[level].left = (uint64_t)item.len << in[level].is_map;
			level++;
		}
		while (level > 0 && in[level - 1].left == 0)
			level--;
	} while (level > 0);
	return true;
}

bool
cursor_check_body(const uint8_t *body, size_t len, uint32_t *type)
{
	struct cursor c = cursor_over(body, len);
	struct cursor_item item;

	if (!cursor_skip(&c, CURSOR_MAX_DEPTH, CURSOR_ANY) || c.at != c.end)
		return false;

	c = cursor_over(body, len);
	if (!cursor_next(&c, &item) || item.kind != CURSOR_ARRAY ||
	    item.len == 0)
		return false;
	if (!cursor_next(&c, &item) || item.kind != CURSOR_UINT)
		return false;
	*type = item.value.u < UINT32_MAX ? (uint32_t)item.value.u : UINT32_MAX;
	return true;
}
