/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "encode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "proto/frame.h"
#include "proto/publish.h"
#include "proto/topic.h"
#include "proto/utf8.h"

#define CONTENT_TYPE "content-type"
#define MORE         "more"

struct pen {
	uint8_t *to; /* NULL: only measure */
	size_t len;
};

static void
put(struct pen *pen, const void *bytes, size_t n)
{
	if (pen->to && n > 0)
		memcpy(pen->to + pen->len, bytes, n);
	pen->len += n;
}

static void
put_byte(struct pen *pen, uint8_t byte)
{
	put(pen, &byte, 1);
}

static void
put_be16(struct pen *pen, uint8_t head, uint16_t v)
{
	uint8_t bytes[3] = { head };

	store_be16(bytes + 1, v);
	put(pen, bytes, sizeof(bytes));
}

static void
put_be32(struct pen *pen, uint8_t head, uint32_t v)
{
	uint8_t bytes[5] = { head };

	store_be32(bytes + 1, v);
	put(pen, bytes, sizeof(bytes));
}

static void
put_be64(struct pen *pen, uint8_t head, uint64_t v)
{
	uint8_t bytes[9] = { head };

	store_be32(bytes + 1, (uint32_t)(v >> 32));
	store_be32(bytes + 5, (uint32_t)v);
	put(pen, bytes, sizeof(bytes));
}

static void
put_uint(struct pen *pen, uint64_t v)
{
	if (v < 0x80) {
		put_byte(pen, (uint8_t)v);
	} else if (v <= UINT8_MAX) {
		put_byte(pen, 0xcc);
		put_byte(pen, (uint8_t)v);
	} else if (v <= UINT16_MAX) {
		put_be16(pen, 0xcd, (uint16_t)v);
	} else if (v <= UINT32_MAX) {
		put_be32(pen, 0xce, (uint32_t)v);
	} else {
		put_be64(pen, 0xcf, v);
	}
}

static void
put_int(struct pen *pen, int64_t v)
{
	if (v >= 0) {
		put_uint(pen, (uint64_t)v);
	} else if (v >= -32) {
		put_byte(pen, (uint8_t)v);
	} else if (v >= INT8_MIN) {
		put_byte(pen, 0xd0);
		put_byte(pen, (uint8_t)v);
	} else if (v >= INT16_MIN) {
		put_be16(pen, 0xd1, (uint16_t)v);
	} else if (v >= INT32_MIN) {
		put_be32(pen, 0xd2, (uint32_t)v);
	} else {
		put_be64(pen, 0xd3, (uint64_t)v);
	}
}

static void
put_float(struct pen *pen, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	put_be64(pen, 0xcb, bits);
}

static void
put_str(struct pen *pen, const char *s, size_t n)
{
	uint8_t head[5];

	put(pen, head, encode_str_head(head, n));
	put(pen, s, n);
}

static void
put_bin(struct pen *pen, const void *data, size_t n)
{
	uint8_t head[5];

	put(pen, head, encode_bin_head(head, n));
	put(pen, data, n);
}

static void
put_value(struct pen *pen, const struct umbel_header *h)
{
	switch (h->type) {
	case UMBEL_NIL:
		put_byte(pen, 0xc0);
		break;
	case UMBEL_BOOL:
		put_byte(pen, h->value.b ? 0xc3 : 0xc2);
		break;
	case UMBEL_INT:
		put_int(pen, h->value.i);
		break;
	case UMBEL_UINT:
		put_uint(pen, h->value.u);
		break;
	case UMBEL_FLOAT:
		put_float(pen, h->value.f);
		break;
	case UMBEL_STR:
		put_str(pen, h->value.str, strlen(h->value.str));
		break;
	case UMBEL_BIN:
		put_bin(pen, h->value.bin.data, h->value.bin.len);
		break;
	}
}

static void
put_headers(struct pen *pen, const struct umbel_pub_options *o)
{
	size_t n = o->n_headers + (o->content_type != NULL) + o->more;

	if (n == 0) {
		put_byte(pen, 0xc0);
		return;
	}
	if (n < 16)
		put_byte(pen, (uint8_t)(0x80 | n));
	else if (n <= UINT16_MAX)
		put_be16(pen, 0xde, (uint16_t)n);
	else
		put_be32(pen, 0xdf, (uint32_t)n);
	if (o->content_type) {
		put_str(pen, CONTENT_TYPE, strlen(CONTENT_TYPE));
		put_str(pen, o->content_type, strlen(o->content_type));
	}
	if (o->more) {
		put_str(pen, MORE, strlen(MORE));
		put_byte(pen, 0xc3);
	}
	for (size_t i = 0; i < o->n_headers; i++) {
		put_str(pen, o->headers[i].key, strlen(o->headers[i].key));
		put_value(pen, &o->headers[i]);
	}
}

size_t
encode_front(uint8_t *to, const char *topic, size_t topic_len,
             const struct umbel_pub_options *options)
{
	static const struct umbel_pub_options none;
	const struct umbel_pub_options *o = options ? options : &none;
	const uint8_t stamp[PUBLISH_STAMP_SIZE] = { 0 };
	struct pen pen = { .to = to };

	put_be32(&pen, FRAME_MAGIC, 0);
	put_byte(&pen, 0x97);
	put_byte(&pen, PUBLISH_TYPE);
	put_byte(&pen, o->retain ? PUBLISH_FLAG_RETAIN : 0);
	put_bin(&pen, stamp, sizeof(stamp));
	put_str(&pen, topic, topic_len);
	if (o->reply)
		put_str(&pen, o->reply, strlen(o->reply));
	else
		put_byte(&pen, 0xc0);
	put_headers(&pen, o);
	return pen.len;
}

int
encode_frame(uint8_t **frame, size_t *frame_len, const char *topic,
             const void *data, size_t len,
             const struct umbel_pub_options *options)
{
	size_t topic_len = strlen(topic);
	size_t front = encode_front(NULL, topic, topic_len, options);
	size_t size = front + encode_bin_head_size(len) + len;
	uint8_t *at = malloc(size);

	if (!at)
		return -ENOMEM;
	encode_front(at, topic, topic_len, options);
	frame_put_prefix(at, (uint32_t)(size - FRAME_PREFIX_SIZE));
	front += encode_bin_head(at + front, len);
	if (len > 0)
		memcpy(at + front, data, len);
	*frame = at;
	*frame_len = size;
	return 0;
}

static bool
is_utf8(const char *s)
{
	return s && utf8_is_valid((const uint8_t *)s, strlen(s));
}

bool
umbel_header_key_is_valid(const char *key)
{
	return is_utf8(key);
}

static bool
header_is_valid(const struct umbel_header *h)
{
	if (!is_utf8(h->key))
		return false;
	switch (h->type) {
	case UMBEL_NIL:
	case UMBEL_BOOL:
	case UMBEL_INT:
	case UMBEL_UINT:
	case UMBEL_FLOAT:
		return true;
	case UMBEL_STR:
		return is_utf8(h->value.str);
	case UMBEL_BIN:
		return (h->value.bin.data || h->value.bin.len == 0) &&
		       h->value.bin.len <= UINT32_MAX;
	}
	return false;
}

/* Is the key set by a shorthand, too? A map must not have a key twice. */
static bool
is_said_already(const struct umbel_pub_options *o, const char *key)
{
	return (o->content_type && strcmp(key, CONTENT_TYPE) == 0) ||
	       (o->more && strcmp(key, MORE) == 0);
}

int
encode_check(const struct umbel_pub_options *o)
{
	if (o->reply &&
	    !topic_is_valid(o->reply, strnlen(o->reply, TOPIC_MAX + 1)))
		return UMBEL_E_TOPIC;
	if (o->content_type && !is_utf8(o->content_type))
		return -EINVAL;
	if (o->n_headers > 0 && !o->headers)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(o->reserved); i++) {
		if (o->reserved[i] != 0)
			return -EINVAL;
	}
	for (size_t i = 0; i < o->n_headers; i++) {
		if (!header_is_valid(&o->headers[i]) ||
		    is_said_already(o, o->headers[i].key))
			return -EINVAL;
	}
	return 0;
}

int
encode_take_options(struct umbel_pub_options *out,
                    const struct umbel_pub_options *in)
{
	int r;

	*out = (struct umbel_pub_options){ .size = sizeof(*out) };
	r = options_take(out, sizeof(*out), in);
	return r < 0 ? r : encode_check(out);
}
