/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "gap.h"

#include <assert.h>
#include <string.h>

#include "proto/bytes.h"
#include "proto/frame.h"
#include "proto/message.h"

/* 94 07 cf frames cf bytes reason */
#define FRAMES_AT (FRAME_PREFIX_SIZE + 3)
#define BYTES_AT  (FRAMES_AT + 9)

size_t
gap_put(uint8_t frame[GAP_MAX], struct loss loss, const char *reason)
{
	struct message m = { .type = TYPE_GAP };
	size_t len;

	m.gap.frames = loss.frames;
	m.gap.bytes = loss.bytes;
	m.gap.reason = text_from(reason);
	len = message_encode(&m, frame, GAP_MAX);
	assert(len > 0);
	return len;
}

struct loss
gap_loss(const uint8_t *frame)
{
	return (struct loss){
		.frames = load_be64(frame + FRAMES_AT),
		.bytes = load_be64(frame + BYTES_AT),
	};
}

/* The reason is the end of the frame. */
static bool
has_reason(const uint8_t *frame, size_t len, const char *reason)
{
	size_t n = strlen(reason);
	size_t head = n < 32 ? 1 : 2;

	return len == BYTES_AT + 8 + head + n &&
	       memcmp(frame + len - n, reason, n) == 0;
}

bool
gap_raise(uint8_t *frame, size_t len, struct loss more, const char *reason)
{
	struct loss sum = gap_loss(frame);

	if (!has_reason(frame, len, reason))
		return false;
	loss_add(&sum, more);
	store_be64(frame + FRAMES_AT, sum.frames);
	store_be64(frame + BYTES_AT, sum.bytes);
	return true;
}
