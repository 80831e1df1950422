/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "query.h"

#include <string.h>

#include "proto/cursor.h"

static bool
is_key(const struct cursor_item *item, const char *key)
{
	return item->len == strlen(key) &&
	       memcmp(item->data, key, item->len) == 0;
}

static struct text
text_of(const struct cursor_item *item)
{
	return (struct text){ (const char *)item->data, item->len };
}

static bool
take_number(struct cursor *c, uint64_t *out)
{
	struct cursor_item item;

	if (!cursor_next(c, &item) || item.kind != CURSOR_UINT)
		return false;
	*out = item.value.u;
	return true;
}

static bool
take_text(struct cursor *c, struct text *out)
{
	struct cursor_item item;

	if (!cursor_next(c, &item) || item.kind != CURSOR_STR)
		return false;
	*out = text_of(&item);
	return true;
}

/* Read the `next` of the previous answer: a number or a text. */
static bool
take_after(struct cursor *c, struct query *out)
{
	struct cursor look = *c;
	struct cursor_item item;

	if (cursor_next(&look, &item) && item.kind == CURSOR_STR)
		return take_text(c, &out->after_text);
	return take_number(c, &out->after);
}

static bool
take_option(struct cursor *c, const struct cursor_item *key, struct query *out)
{
	if (is_key(key, "after"))
		return take_after(c, out);
	if (is_key(key, "topic"))
		return take_text(c, &out->topic);
	if (is_key(key, "filter"))
		return take_text(c, &out->filter);
	if (is_key(key, "session"))
		return take_number(c, &out->session);
	if (is_key(key, "uid"))
		return take_number(c, &out->uid);
	return cursor_skip(c, CURSOR_MAX_DEPTH, CURSOR_ANY);
}

bool
query_read(const uint8_t *payload, size_t len, struct query *out)
{
	struct cursor whole, c;
	struct cursor_item map, key;

	*out = (struct query){ .session = QUERY_ANY, .uid = QUERY_ANY };
	if (len == 0)
		return true;
	c = whole = cursor_over(payload, len);
	/* check the whole payload before any of it is used */
	if (!cursor_skip(&whole, CURSOR_MAX_DEPTH, CURSOR_STRICT) ||
	    whole.at != whole.end)
		return false;
	if (!cursor_next(&c, &map) || map.kind != CURSOR_MAP)
		return false;
	for (uint32_t i = 0; i < map.len; i++) {
		if (!cursor_next(&c, &key) || key.kind != CURSOR_STR ||
		    !take_option(&c, &key, out))
			return false;
	}
	return true;
}
