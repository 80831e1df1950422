/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * encode - everything before the payload of a PUBLISH: prefix, flags, stamp,
 * topic, reply, headers, and the payload's own head.
 *
 * The same function measures (with NULL) and writes, so that the two cannot
 * differ.
 */
#ifndef UMBEL_CLIENT_ENCODE_H
#define UMBEL_CLIENT_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/bytes.h"
#include "umbel.h"

#define ENCODE_BIN_HEAD_MAX 5u

static inline size_t
encode_bin_head_size(size_t len)
{
	return len < 256 ? 2 : len < 65536 ? 3 : 5;
}

/* Write the head of a bin; returns its size. */
static inline size_t
encode_bin_head(uint8_t *p, size_t len)
{
	if (len < 256) {
		p[0] = 0xc4;
		p[1] = (uint8_t)len;
		return 2;
	}
	if (len < 65536) {
		p[0] = 0xc5;
		store_be16(p + 1, (uint16_t)len);
		return 3;
	}
	p[0] = 0xc6;
	store_be32(p + 1, (uint32_t)len);
	return 5;
}

static inline size_t
encode_str_head_size(size_t len)
{
	return len < 32 ? 1 : len < 256 ? 2 : len < 65536 ? 3 : 5;
}

/* Write the head of a str; returns its size. */
static inline size_t
encode_str_head(uint8_t *p, size_t len)
{
	if (len < 32) {
		p[0] = (uint8_t)(0xa0 | len);
		return 1;
	}
	if (len < 256) {
		p[0] = 0xd9;
		p[1] = (uint8_t)len;
		return 2;
	}
	if (len < 65536) {
		p[0] = 0xda;
		store_be16(p + 1, (uint16_t)len);
		return 3;
	}
	p[0] = 0xdb;
	store_be32(p + 1, (uint32_t)len);
	return 5;
}

/*
 * Encode everything up to, but without, the payload's head; the prefix is left
 * open. `options` must have passed encode_check(). Writes at `to` unless it is
 * NULL. Returns the length.
 */
size_t encode_front(uint8_t *to, const char *topic, size_t topic_len,
                    const struct umbel_pub_options *options);

/* Encode the whole frame into a block of exactly its size, which the caller
   owns. 0 or -ENOMEM. */
int encode_frame(uint8_t **frame, size_t *frame_len, const char *topic,
                 const void *data, size_t len,
                 const struct umbel_pub_options *options);

/* Copy and check `in`, which may come from an older umbel.h with fewer members;
   NULL means no options. 0, or as encode_check(). */
int encode_take_options(struct umbel_pub_options *out,
                        const struct umbel_pub_options *in);

/* May these options be sent? 0, UMBEL_E_TOPIC (the reply topic), -EINVAL. A
   broker would treat invalid ones as a protocol violation. */
int encode_check(const struct umbel_pub_options *o);

#endif
