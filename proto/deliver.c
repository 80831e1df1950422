/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "deliver.h"

#include <string.h>

#include "cursor.h"
#include "frame.h"

#define DELIVER_TYPE 6u

static size_t
put_info(uint8_t *at, const struct deliver_info *info)
{
	static const char map[] = "\x82\xa8retained\xc3\xa6"
				  "age_ms\xcf";
	size_t len = sizeof(map) - 1;

	if (!info) {
		*at = 0xc0;
		return 1;
	}
	memcpy(at, map, len);
	store_be64(at + len, info->age_ms);
	return len + 8;
}

size_t
deliver_put_head(uint8_t at[DELIVER_HEAD_MAX], uint32_t sub,
                 const struct deliver_info *info, uint32_t publish_len)
{
	size_t len = DELIVER_INFO_AT + put_info(at + DELIVER_INFO_AT, info);

	frame_put_prefix(at, (uint32_t)(len - FRAME_PREFIX_SIZE) + publish_len);
	at[5] = 0x94;
	at[6] = DELIVER_TYPE;
	at[7] = 0xce;
	store_be32(at + DELIVER_SUB_AT, sub);
	return len;
}

/* ---- reading ------------------------------------------------------------------ */

static bool
is_key(const struct cursor_item *item, const char *key)
{
	return item->kind == CURSOR_STR && item->len == strlen(key) &&
	       memcmp(item->data, key, item->len) == 0;
}

/* Read one pair of info. */
static bool
read_pair(struct cursor *in, struct deliver *out)
{
	struct cursor_item key, value;
	struct cursor rest;

	if (!cursor_next(in, &key) || key.kind != CURSOR_STR)
		return false;
	rest = *in;
	if (!cursor_next(&rest, &value))
		return false;
	if (is_key(&key, "retained")) {
		if (value.kind != CURSOR_BOOL)
			return false;
		out->retained = value.value.b;
	} else if (is_key(&key, "age_ms")) {
		if (value.kind != CURSOR_UINT)
			return false;
		out->age_ms = value.value.u;
	}
	return cursor_skip(in, CURSOR_MAX_DEPTH, CURSOR_STRICT);
}

static bool
read_info(struct cursor *in, struct deliver *out)
{
	struct cursor_item info;

	if (!cursor_next(in, &info))
		return false;
	if (info.kind == CURSOR_NIL)
		return true;
	if (info.kind != CURSOR_MAP)
		return false;
	for (uint32_t i = 0; i < info.len; i++) {
		if (!read_pair(in, out))
			return false;
	}
	return true;
}

static bool
read_publish(struct cursor *in, struct deliver *out)
{
	out->publish = in->at;
	if (!cursor_skip(in, CURSOR_MAX_DEPTH, CURSOR_STRICT))
		return false;
	out->publish_len = (uint32_t)(in->at - out->publish);
	return true;
}

/* The length of what this broker writes before the PUBLISH for a group; the
   rest of the body is the PUBLISH. */
#define AS_WRITTEN (DELIVER_GROUP_HEAD - FRAME_PREFIX_SIZE)

static bool
is_as_written(const uint8_t *body, size_t len)
{
	return len > AS_WRITTEN && body[0] == 0x94 && body[1] == DELIVER_TYPE &&
	       body[2] == 0xce && body[AS_WRITTEN - 1] == 0xc0;
}

bool
deliver_read(const uint8_t *body, size_t len, struct deliver *out)
{
	struct cursor in = cursor_over(body, len);
	struct cursor_item array, type, sub;

	*out = (struct deliver){ 0 };
	if (is_as_written(body, len)) {
		out->sub = load_be32(body + DELIVER_SUB_AT - FRAME_PREFIX_SIZE);
		out->publish = body + AS_WRITTEN;
		out->publish_len = (uint32_t)(len - AS_WRITTEN);
		return true;
	}
	if (!cursor_next(&in, &array) || array.kind != CURSOR_ARRAY ||
	    array.len < 4)
		return false;
	if (!cursor_next(&in, &type) || type.kind != CURSOR_UINT ||
	    type.value.u != DELIVER_TYPE)
		return false;
	if (!cursor_next(&in, &sub) || sub.kind != CURSOR_UINT ||
	    sub.value.u > UINT32_MAX)
		return false;
	out->sub = (uint32_t)sub.value.u;
	if (!read_info(&in, out) || !read_publish(&in, out))
		return false;
	/* elements of later versions */
	for (uint32_t i = 4; i < array.len; i++) {
		if (!cursor_skip(&in, CURSOR_MAX_DEPTH, CURSOR_STRICT))
			return false;
	}
	return in.at == in.end;
}
