/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * bytes - frames put together by hand: nothing of proto/ in here, so that what
 * proto/ makes of them can be compared.
 */
#ifndef UMBEL_TESTS_BYTES_H
#define UMBEL_TESTS_BYTES_H

#include <string.h>

#include "unit.h"

struct bytes {
	uint8_t *at;
	size_t len;
	size_t cap;
};

static inline void
bytes_free(struct bytes *b)
{
	free(b->at);
	*b = (struct bytes){ 0 };
}

static inline void
put(struct bytes *b, const void *data, size_t len)
{
	if (b->len + len > b->cap) {
		b->cap = (b->len + len) * 2 + 64;
		b->at = realloc(b->at, b->cap);
		assert_non_null(b->at);
	}
	if (len > 0)
		memcpy(b->at + b->len, data, len);
	b->len += len;
}

static inline void
put_fill(struct bytes *b, uint8_t value, size_t n)
{
	while (n-- > 0)
		put(b, &value, 1);
}

/* A big-endian integer of `width` bytes. */
static inline void
put_be(struct bytes *b, uint64_t value, unsigned width)
{
	while (width-- > 0)
		put_fill(b, (uint8_t)(value >> (8 * width)), 1);
}

static inline int
hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* "ce 00 01"; spaces are for reading */
static inline void
put_hex(struct bytes *b, const char *hex)
{
	while (*hex) {
		int high, low;

		if (*hex == ' ') {
			hex++;
			continue;
		}
		high = hex_digit(hex[0]);
		low = hex_digit(hex[1]);
		assert_true(high >= 0 && low >= 0);
		put_fill(b, (uint8_t)(high * 16 + low), 1);
		hex += 2;
	}
}

static inline void
put_str_of(struct bytes *b, const void *text, size_t len)
{
	if (len < 32) {
		put_be(b, 0xa0 | len, 1);
	} else if (len < 256) {
		put_be(b, 0xd9, 1);
		put_be(b, len, 1);
	} else {
		put_be(b, 0xda, 1);
		put_be(b, len, 2);
	}
	put(b, text, len);
}

static inline void
put_str(struct bytes *b, const char *text)
{
	put_str_of(b, text, strlen(text));
}

static inline void
put_bin(struct bytes *b, const void *data, size_t len)
{
	if (len < 256) {
		put_be(b, 0xc4, 1);
		put_be(b, len, 1);
	} else if (len < 65536) {
		put_be(b, 0xc5, 1);
		put_be(b, len, 2);
	} else {
		put_be(b, 0xc6, 1);
		put_be(b, len, 4);
	}
	put(b, data, len);
}

/* The frame's prefix is put before what is there. */
static inline void
put_prefix_before(struct bytes *b, size_t start)
{
	size_t len = b->len - start;

	put_fill(b, 0, 5);
	memmove(b->at + start + 5, b->at + start, len);
	b->at[start] = 0xce;
	for (int i = 0; i < 4; i++)
		b->at[start + 1 + (size_t)i] = (uint8_t)(len >> (24 - 8 * i));
}

/* A whole frame of a body in hex. */
static inline void
put_frame(struct bytes *b, const char *hex)
{
	size_t start = b->len;

	put_hex(b, hex);
	put_prefix_before(b, start);
}

/* [3, flags, stamp, topic, reply, nil, payload]; reply may be NULL */
static inline void
put_publish_with(struct bytes *b, uint8_t flags, const char *topic,
                 const char *reply, const void *payload, size_t len)
{
	size_t start = b->len;

	put_hex(b, "97 03");
	put_be(b, flags, 1);
	put_hex(b, "c4 08 00 00 00 00 00 00 00 00");
	put_str(b, topic);
	if (reply)
		put_str(b, reply);
	else
		put_hex(b, "c0");
	put_hex(b, "c0");
	put_bin(b, payload, len);
	put_prefix_before(b, start);
}

static inline void
put_publish(struct bytes *b, const char *topic, const char *reply,
            const void *payload, size_t len)
{
	put_publish_with(b, 0, topic, reply, payload, len);
}

static inline void
assert_bytes_are(const struct bytes *b, const char *hex)
{
	struct bytes want = { 0 };

	put_hex(&want, hex);
	assert_int_equal(b->len, want.len);
	if (want.len > 0)
		assert_memory_equal(b->at, want.at, want.len);
	bytes_free(&want);
}

#endif
