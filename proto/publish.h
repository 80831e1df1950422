/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * publish - reads a PUBLISH body in place.
 *
 *	[3, flags, stamp, topic, reply, headers, payload, ...]
 *
 * This is the hot path: no msgpack-c, no allocation. The layout is frozen, and
 * nearly every message has the same *plain* shape: every head in its shortest
 * form, neither reply nor headers, and no retain flag:
 *
 *	97 03 flags  c4 08 stamp[8]  topic  c0 c0  payload
 *
 * publish_repeats() recognizes the next plain message on the same topic by
 * comparing bytes; publish_read() reads anything.
 */
#ifndef UMBEL_PROTO_PUBLISH_H
#define UMBEL_PROTO_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "frame.h"

#define PUBLISH_TYPE        3
#define PUBLISH_FLAG_RETAIN 0x01u
#define PUBLISH_STAMP_SIZE  8u
/* In a plain body: where flags and stamp are, and where the topic begins. */
#define PUBLISH_PLAIN_FLAGS 2u
#define PUBLISH_PLAIN_STAMP 5u
#define PUBLISH_PLAIN_TOPIC 13u

/* Borrows from the body that it was read from. */
struct publish {
	uint8_t flags;
	uint32_t topic_len;
	uint32_t reply_len;
	uint32_t stamp_offset; /* in the body: eight bytes */
	uint32_t headers_len;  /* 0: nil */
	uint32_t payload_len;
	uint32_t repeat_len; /* 0: the body is not plain */
	const char *topic;
	const char *reply;
	const uint8_t *headers; /* the msgpack map */
	const uint8_t *payload;
	/* topic, reply and headers as written, if the body is plain: what the
	   next message of a run has in common with this one */
	const uint8_t *repeat;
};

enum publish_result {
	PUBLISH_OK,
	PUBLISH_BAD_FRAME, /* shape, types, UTF-8, trailing bytes */
	PUBLISH_BAD_TOPIC,
	PUBLISH_BAD_REPLY,
};

/*
 * Read a whole body and check it against every rule of PROTOCOL.md. *out is
 * complete only on PUBLISH_OK.
 */
enum publish_result publish_read(const uint8_t *body, size_t len,
                                 struct publish *out);

/*
 * Read only the plain shape, without checking the topic: true if this is a
 * plain body. A caller that has not seen the topic before must still ask
 * topic_is_valid().
 */
bool publish_read_plain(const uint8_t *body, size_t len, struct publish *out);

/* The payload's head at `p`, which must fill the rest of the body exactly. */
static inline bool
publish_payload_fills(const uint8_t *p, size_t left, uint32_t *head_len)
{
	if (left >= 2 && p[0] == 0xc4) {
		*head_len = 2;
		return left - 2 == p[1];
	}
	if (left >= 3 && p[0] == 0xc5) {
		*head_len = 3;
		return left - 3 == load_be16(p + 1);
	}
	if (left >= 5 && p[0] == 0xc6) {
		*head_len = 5;
		return left - 5 == load_be32(p + 1);
	}
	return false;
}

/* 97 03 flags c4 08, with flags a positive fixint without the retain flag */
static inline bool
publish_head_is_plain(const uint8_t *body)
{
	return (load_be32(body) & 0xffff81ff) == 0x970300c4 &&
	       body[4] == PUBLISH_STAMP_SIZE;
}

/*
 * Is this body plain, valid, and on the topic of `first`, a plain message? Then
 * its payload's head is head_len bytes at PUBLISH_PLAIN_TOPIC + repeat_len.
 * Always inlined, because it exists to save the cost of a call.
 */
static inline __attribute__((always_inline)) bool
publish_repeats(const struct publish *first, const uint8_t *body, size_t len,
                uint32_t *head_len)
{
	size_t fixed = PUBLISH_PLAIN_TOPIC + first->repeat_len;

	return len > fixed && publish_head_is_plain(body) &&
	       bytes_equal(body + PUBLISH_PLAIN_TOPIC, first->repeat,
	                   first->repeat_len) &&
	       publish_payload_fills(body + fixed, len - fixed, head_len);
}

/*
 * The shape of a plain frame, prefix included: two frames of one shape differ
 * only in stamp and payload. Bulk publishers send only such frames, which are
 * recognized by comparing a few words.
 */
struct publish_shape {
	const uint8_t *model; /* a frame of this shape, borrowed */
	uint32_t front;       /* bytes before the payload */
	uint32_t size;        /* bytes of the whole frame */
};

/* A shape that no frame has. */
#define PUBLISH_NO_SHAPE ((struct publish_shape){ 0 })

/* The shape of a frame whose body publish_repeats() recognized. */
static inline struct publish_shape
publish_shape_of(const uint8_t *frame, const struct publish *first,
                 uint32_t body_len, uint32_t head_len)
{
	return (struct publish_shape){
		.model = frame,
		.front = FRAME_PREFIX_SIZE + PUBLISH_PLAIN_TOPIC +
		         first->repeat_len + head_len,
		.size = FRAME_PREFIX_SIZE + body_len,
	};
}

/* Frames that are counted in one go; few enough to still be in the cache when
   they are stamped. */
#define PUBLISH_AT_ONCE 64u

/*
 * How many frames of this shape, at most PUBLISH_AT_ONCE, lie at `frame` one
 * after the other, in `left` bytes? There is no call and no branch except the
 * end of the loop, and all that frames are compared with stays in registers.
 */
static inline __attribute__((always_inline)) uint32_t
publish_count(const struct publish_shape *s, const uint8_t *frame, size_t left)
{
	/* The first ten bytes are compared as two words that overlap; what
	   follows the stamp as its first and last word, and any bytes between
	   them. */
	const size_t topic = FRAME_PREFIX_SIZE + PUBLISH_PLAIN_TOPIC;
	size_t len, first_at, last_at, between;
	uint64_t mask, type, type_2, first, last;
	uint32_t n = 0, max = PUBLISH_AT_ONCE;

	if (!s->model || left < s->size)
		return 0;
	if (left < (size_t)max * s->size)
		max = (uint32_t)(left / s->size);
	len = s->front - topic;
	last_at = s->front - 8;
	first_at = len < 8 ? last_at : topic;
	between = len > 16 ? len - 16 : 0;
	mask = bytes_last(len);
	type = bytes_word(s->model);
	type_2 = bytes_word(s->model + 2);
	first = bytes_word(s->model + first_at) & mask;
	last = bytes_word(s->model + last_at) & mask;
	while (n < max) {
		uint64_t differ =
			(bytes_word(frame) ^ type) |
			(bytes_word(frame + 2) ^ type_2) |
			((bytes_word(frame + first_at) & mask) ^ first) |
			((bytes_word(frame + last_at) & mask) ^ last);

		if (differ || (between > 0 &&
		               !bytes_equal(frame + topic + 8,
		                            s->model + topic + 8, between)))
			break;
		frame += s->size;
		n++;
	}
	return n;
}

#endif
