/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * frame - the prefix that divides the stream into bodies.
 *
 *	0xce  length (u32, big-endian)  body
 *
 * The prefix is itself a msgpack uint32, so that the whole stream is valid
 * msgpack for any decoder.
 */
#ifndef UMBEL_PROTO_FRAME_H
#define UMBEL_PROTO_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

#define FRAME_MAGIC       0xce
#define FRAME_PREFIX_SIZE 5u

/* By how much bodies from the broker may be longer than those from clients. */
#define FRAME_BROKER_EXTRA 4096u
#define FRAME_MAX_DEFAULT  (4u << 20)
/* The longest body before WELCOME, when nobody needs a longer one. */
#define FRAME_MAX_HELLO    32768u

enum frame_result {
	FRAME_OK,        /* *body_len bytes of body follow the prefix */
	FRAME_SHORT,     /* not an error: try again when more has arrived */
	FRAME_BAD_MAGIC, /* the other end does not speak umbel */
	FRAME_TOO_BIG,   /* longer than max_body; do not wait for it */
};

/*
 * Read the prefix at the front of `buf`. Borrows `buf`, never reads past
 * `len`, and writes *body_len on FRAME_OK and FRAME_TOO_BIG only. The body
 * itself need not have arrived.
 */
static inline enum frame_result
frame_peek(const uint8_t *buf, size_t len, uint32_t max_body,
           uint32_t *body_len)
{
	uint32_t n;

	if (len > 0 && buf[0] != FRAME_MAGIC)
		return FRAME_BAD_MAGIC;
	if (len < FRAME_PREFIX_SIZE)
		return FRAME_SHORT;

	n = load_be32(buf + 1);
	*body_len = n;
	return n > max_body ? FRAME_TOO_BIG : FRAME_OK;
}

static inline void
frame_put_prefix(uint8_t buf[FRAME_PREFIX_SIZE], uint32_t body_len)
{
	buf[0] = FRAME_MAGIC;
	store_be32(buf + 1, body_len);
}

#endif
