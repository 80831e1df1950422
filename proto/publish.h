/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * publish - a PUBLISH body, read where it lies.
 *
 *	[3, flags, stamp, topic, reply, headers, payload, ...]
 *
 * This is the hot path: no msgpack-c, no allocation. The layout is frozen, and
 * nearly every message on it has the same *plain* shape, with every head in
 * its shortest form, neither reply nor headers, and not to be retained:
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
#include <string.h>

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
 * Read a whole body and hold it to every rule of PROTOCOL.md. *out is complete
 * on PUBLISH_OK only.
 */
enum publish_result publish_read(const uint8_t *body, size_t len,
                                 struct publish *out);

/*
 * Only the plain shape, and without looking at the topic: true if this is a
 * plain body. A caller that has not seen the topic pass before must still ask
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
 * Is this body plain, valid, and on the topic of `first` (a plain one)? Then
 * its payload's head is head_len bytes at PUBLISH_PLAIN_TOPIC + repeat_len.
 * Inlined wherever it is used: it is there to save what a call costs.
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
 * in stamp and payload, and in nothing else. Publishers of bulk send nothing
 * but such frames, and they are told by comparing a few words.
 */
struct publish_shape {
	const uint8_t *model; /* a frame of this shape, borrowed */
	uint32_t front;       /* its bytes before the payload */
	uint32_t size;        /* and with it */
};

/* No frame has it. */
#define PUBLISH_NO_BYTES ((const uint8_t *)"")
#define PUBLISH_NO_SHAPE                                    \
	((struct publish_shape){ .model = PUBLISH_NO_BYTES, \
	                         .size = UINT32_MAX })

/* Of a frame whose body publish_repeats() recognized. */
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

/* Is what lies at `frame`, `left` bytes of it, a frame of this shape? */
static inline __attribute__((always_inline)) bool
publish_has_shape(const struct publish_shape *s, const uint8_t *frame,
                  size_t left)
{
	const size_t stamp = FRAME_PREFIX_SIZE + PUBLISH_PLAIN_STAMP;
	const size_t topic = FRAME_PREFIX_SIZE + PUBLISH_PLAIN_TOPIC;

	return left >= s->size && bytes_equal(frame, s->model, stamp) &&
	       bytes_equal(frame + topic, s->model + topic, s->front - topic);
}

#endif
