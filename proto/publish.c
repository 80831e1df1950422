/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "publish.h"

#include "cursor.h"
#include "topic.h"
#include "utf8.h"

/* The nesting limit inside a PUBLISH: the frame's own array is the first
   level. */
#define DEPTH_INSIDE (CURSOR_MAX_DEPTH - 1)

/* A str head of the plain shape: fixstr or str8, up to TOPIC_MAX bytes. */
static bool
plain_topic(const uint8_t *p, size_t left, struct publish *out,
            uint32_t *written)
{
	uint32_t head, len;

	if (left >= 1 && (p[0] & 0xe0) == 0xa0) {
		head = 1;
		len = p[0] & 0x1f;
	} else if (left >= 2 && p[0] == 0xd9) {
		head = 2;
		len = p[1];
	} else {
		return false;
	}
	if (len == 0 || left - head < len)
		return false;
	out->topic = (const char *)p + head;
	out->topic_len = len;
	*written = head + len;
	return true;
}

bool
publish_read_plain(const uint8_t *body, size_t len, struct publish *out)
{
	const uint8_t *p = body + PUBLISH_PLAIN_TOPIC;
	uint32_t topic, head;
	size_t left;

	if (len <= PUBLISH_PLAIN_TOPIC || !publish_head_is_plain(body))
		return false;
	left = len - PUBLISH_PLAIN_TOPIC;
	if (!plain_topic(p, left, out, &topic) || left - topic < 2 ||
	    p[topic] != 0xc0 || p[topic + 1] != 0xc0)
		return false;
	out->repeat = p;
	out->repeat_len = topic + 2;
	p += out->repeat_len;
	left -= out->repeat_len;
	if (!publish_payload_fills(p, left, &head))
		return false;

	out->flags = body[PUBLISH_PLAIN_FLAGS];
	out->stamp_offset = PUBLISH_PLAIN_STAMP;
	out->reply = NULL;
	out->reply_len = 0;
	out->headers = NULL;
	out->headers_len = 0;
	out->payload = p + head;
	out->payload_len = (uint32_t)(left - head);
	return true;
}

/* flags and stamp have one encoding each */
static bool
read_flags_and_stamp(struct cursor *c, const uint8_t *body, struct publish *out)
{
	if (c->end - c->at < 3 + (int)PUBLISH_STAMP_SIZE || c->at[0] >= 0x80 ||
	    c->at[1] != 0xc4 || c->at[2] != PUBLISH_STAMP_SIZE)
		return false;
	out->flags = c->at[0];
	out->stamp_offset = (uint32_t)(c->at + 3 - body);
	c->at += 3 + PUBLISH_STAMP_SIZE;
	return true;
}

/* A str, or nil if allowed; whether it is a valid topic is checked later. */
static bool
read_topic(struct cursor *c, bool or_nil, const char **at, uint32_t *len)
{
	struct cursor start = *c;
	struct cursor_item item;

	if (!cursor_next(c, &item))
		return false;
	if (or_nil && item.kind == CURSOR_NIL) {
		*at = NULL;
		*len = 0;
		return true;
	}
	if (item.kind != CURSOR_STR || !cursor_skip(&start, 0, CURSOR_STRICT))
		return false;
	*at = (const char *)item.data;
	*len = item.len;
	return true;
}

static bool
header_value_is_allowed(const struct cursor_item *value)
{
	return value->kind != CURSOR_ARRAY && value->kind != CURSOR_MAP;
}

static bool
read_headers(struct cursor *c, struct publish *out)
{
	struct cursor start = *c, inside;
	struct cursor_item item;
	uint32_t pairs;

	if (!cursor_next(c, &item))
		return false;
	if (item.kind == CURSOR_NIL) {
		out->headers = NULL;
		out->headers_len = 0;
		return true;
	}
	if (item.kind != CURSOR_MAP)
		return false;
	pairs = item.len;
	inside = *c;
	*c = start;
	if (!cursor_skip(c, DEPTH_INSIDE, CURSOR_STRICT))
		return false;
	out->headers = start.at;
	out->headers_len = (uint32_t)(c->at - start.at);

	inside.end = c->at;
	for (uint32_t i = 0; i < pairs; i++) {
		if (!cursor_next(&inside, &item) ||
		    !cursor_next(&inside, &item) ||
		    !header_value_is_allowed(&item))
			return false;
	}
	return true;
}

static bool
read_payload(struct cursor *c, struct publish *out)
{
	struct cursor_item item;

	if (!cursor_next(c, &item) || item.kind != CURSOR_BIN)
		return false;
	out->payload = item.data;
	out->payload_len = item.len;
	return true;
}

static bool
read_shape(const uint8_t *body, size_t len, struct publish *out)
{
	struct cursor c = cursor_over(body, len);
	struct cursor_item item;
	uint32_t elements;

	if (!cursor_next(&c, &item) || item.kind != CURSOR_ARRAY ||
	    item.len < 7)
		return false;
	elements = item.len;
	if (!cursor_next(&c, &item) || item.kind != CURSOR_UINT ||
	    item.value.u != PUBLISH_TYPE)
		return false;
	if (!read_flags_and_stamp(&c, body, out) ||
	    !read_topic(&c, false, &out->topic, &out->topic_len) ||
	    !read_topic(&c, true, &out->reply, &out->reply_len) ||
	    !read_headers(&c, out) || !read_payload(&c, out))
		return false;
	for (uint32_t i = 7; i < elements; i++) {
		if (!cursor_skip(&c, DEPTH_INSIDE, CURSOR_STRICT))
			return false;
	}
	return c.at == c.end;
}

/* bytes that are not UTF-8 are a malformed frame, not a bad topic */
static enum publish_result
judge_topic(const char *topic, size_t len, enum publish_result if_bad)
{
	if (topic_is_valid(topic, len))
		return PUBLISH_OK;
	return utf8_is_valid((const uint8_t *)topic, len) ? if_bad
	                                                  : PUBLISH_BAD_FRAME;
}

enum publish_result
publish_read(const uint8_t *body, size_t len, struct publish *out)
{
	enum publish_result r;

	if (!publish_read_plain(body, len, out)) {
		out->repeat = NULL;
		out->repeat_len = 0;
		if (!read_shape(body, len, out))
			return PUBLISH_BAD_FRAME;
	}
	r = judge_topic(out->topic, out->topic_len, PUBLISH_BAD_TOPIC);
	if (r == PUBLISH_OK && out->reply)
		r = judge_topic(out->reply, out->reply_len, PUBLISH_BAD_REPLY);
	return r;
}
