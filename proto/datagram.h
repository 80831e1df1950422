/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * datagram - one datagram, one message.
 *
 * It is either a PUBLISH frame or a line of text, `topic payload`, for senders
 * that have nothing but printf: the topic goes up to the first space or tab,
 * the payload is the rest, one newline at the end of all is dropped. No topic
 * begins with the two bytes that a frame begins with: the second is 0.
 *
 * A text becomes a frame where it lies: its head is written before it.
 */
#ifndef UMBEL_PROTO_DATAGRAM_H
#define UMBEL_PROTO_DATAGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "publish.h"

/* The longest datagram, and the room for a head before it. */
#define DATAGRAM_MAX      (64u << 10)
#define DATAGRAM_HEAD_MAX 288u

/* What becomes of one. */
enum datagram_fate {
	DATAGRAM_TAKEN,
	DATAGRAM_MALFORMED, /* neither a frame nor a text with a topic */
	DATAGRAM_TOO_BIG,
	DATAGRAM_DENIED,
	DATAGRAM_TOO_MANY, /* from this user, in this second */
	DATAGRAM_NO_MEMORY,
	DATAGRAM_N_FATES,
};

/* "taken", "malformed", "too_big", "denied", "too_many", "no_memory" */
const char *datagram_word(enum datagram_fate fate);

struct datagram {
	uint8_t *frame; /* a whole PUBLISH frame */
	uint32_t len;
	struct publish publish; /* what its body says */
	const char *fault;      /* in words, when it is malformed */
};

/*
 * Read the `len` bytes at `at`, before which DATAGRAM_HEAD_MAX bytes are free
 * to be written to. A frame's body may have `max_frame` bytes.
 * DATAGRAM_TAKEN, DATAGRAM_MALFORMED or DATAGRAM_TOO_BIG.
 */
enum datagram_fate datagram_read(uint8_t *at, size_t len, uint32_t max_frame,
                                 struct datagram *out);

#endif
