/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * deliver - the head of a DELIVER, as the broker writes it.
 *
 *	[6, sub, info, publish]
 *
 * The PUBLISH body follows, unchanged. The head is written with fixed widths,
 * so that its fields can be read back in place:
 *
 *	ce length  94 06 ce sub  info
 *
 * info is nil for a message to a member of a queue group; for a retained value
 * it is the map {"retained": true, "age_ms": age}.
 */
#ifndef UMBEL_PROTO_DELIVER_H
#define UMBEL_PROTO_DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

/* Where sub and info are in the frame, prefix included. */
#define DELIVER_SUB_AT     8u
#define DELIVER_INFO_AT    12u
/* The head when info is nil, and when it is a map. */
#define DELIVER_GROUP_HEAD 13u
#define DELIVER_HEAD_MAX   39u

/* For a retained value. */
struct deliver_info {
	uint64_t age_ms;
};

/*
 * Write the head, prefix included, of a DELIVER whose PUBLISH body is
 * `publish_len` bytes long. If `info` is NULL, info is nil. Returns the head's
 * length.
 */
size_t deliver_put_head(uint8_t at[DELIVER_HEAD_MAX], uint32_t sub,
                        const struct deliver_info *info, uint32_t publish_len);

/* Borrows from the body that it was read from. */
struct deliver {
	uint32_t sub;
	bool retained;
	uint64_t age_ms;        /* of a retained value, if info says so */
	const uint8_t *publish; /* a PUBLISH body, still to be read */
	uint32_t publish_len;
};

/*
 * Read a whole body from any peer, in any encoding. False when it is not a
 * DELIVER. The caller still has to read the PUBLISH in it, and thereby to check
 * that it is one value.
 */
bool deliver_read(const uint8_t *body, size_t len, struct deliver *out);

/* The subscription of a DELIVER whose head deliver_put_head() wrote. */
static inline uint32_t
deliver_sub(const uint8_t *frame)
{
	return load_be32(frame + DELIVER_SUB_AT);
}

#endif
