/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * datagram - one datagram, one message.
 *
 * A datagram is either a PUBLISH frame or a line of text, `topic payload`, for
 * senders that have nothing but printf: the topic ends at the first space or
 * tab, the payload is the rest, without one newline at the very end. No topic
 * can begin with the first two bytes of a frame, because the second is 0.
 *
 * A text becomes a frame in place: the head of the frame is written before the
 * payload.
 */
#ifndef UMBEL_PROTO_DATAGRAM_H
#define UMBEL_PROTO_DATAGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "publish.h"

/* The longest datagram, and the room needed before it for a head. */
#define DATAGRAM_MAX      (64u << 10)
#define DATAGRAM_HEAD_MAX 288u

/* What happened to a datagram. */
enum datagram_fate {
	DATAGRAM_TAKEN,
	DATAGRAM_MALFORMED, /* neither a frame nor a text with a topic */
	DATAGRAM_TOO_BIG,
	DATAGRAM_DENIED,
	DATAGRAM_TOO_MANY, /* from this user in this second */
	DATAGRAM_NO_MEMORY,
	DATAGRAM_N_FATES,
};

/* "taken", "malformed", "too_big", "denied", "too_many", "no_memory" */
const char *datagram_word(enum datagram_fate fate);

struct datagram {
	uint8_t *frame; /* a whole PUBLISH frame */
	uint32_t len;
	struct publish publish; /* the contents of its body */
	const char *fault;      /* words, when it is malformed */
};

/*
 * Read the `len` bytes at `at`; the DATAGRAM_HEAD_MAX bytes before `at` must be
 * writable. A frame's body may have at most `max_frame` bytes. Returns
 * DATAGRAM_TAKEN, DATAGRAM_MALFORMED or DATAGRAM_TOO_BIG.
 */
enum datagram_fate datagram_read(uint8_t *at, size_t len, uint32_t max_frame,
                                 struct datagram *out);

#endif
