/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * What message_decode() takes, message_encode() can say, and it means the same
 * then. The input is a body.
 */
#include "proto/message.h"

#include "fuzz.h"
#include "proto/cursor.h"
#include "proto/frame.h"

struct frame {
	uint8_t *at;
	size_t len;
};

/* Encoded it may be longer than it came, but only by so much. */
static struct frame
encode(const struct message *m, size_t body_len)
{
	size_t cap = body_len + 256;
	struct frame f = { malloc(cap), 0 };

	CHECK(f.at);
	f.len = message_encode(m, f.at, cap);
	CHECK(f.len > FRAME_PREFIX_SIZE);
	return f;
}

/* A buffer that is too small is told so, and not written beyond. */
static void
check_too_small(const struct message *m, const struct frame *whole)
{
	size_t cap = whole->len - 1;
	uint8_t *small = malloc(cap);

	CHECK(small);
	CHECK(message_encode(m, small, cap) == 0);
	free(small);
}

static void
decode(const struct frame *f, struct message *m)
{
	const uint8_t *body = f->at + FRAME_PREFIX_SIZE;
	uint32_t body_len = 0, type;

	CHECK(frame_peek(f->at, f->len, UINT32_MAX, &body_len) == FRAME_OK);
	CHECK(body_len == f->len - FRAME_PREFIX_SIZE);
	CHECK(cursor_check_body(body, body_len, &type));
	CHECK(message_decode(body, body_len, m) == MESSAGE_OK);
	CHECK(m->type == type);
}

static void
check_round_trip(const struct message *m, size_t body_len)
{
	struct frame once = encode(m, body_len), twice;
	struct message again = { .type = 0 };

	decode(&once, &again);
	CHECK(again.type == m->type);
	twice = encode(&again, body_len);
	/* each value has one way to be written here: same bytes, same values */
	CHECK(once.len == twice.len);
	CHECK(memcmp(once.at, twice.at, once.len) == 0);
	check_too_small(m, &once);
	free(once.at);
	free(twice.at);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum message_result r;
	struct message m;
	uint32_t type;

	if (!cursor_check_body(data, len, &type) || message_ways(type) == 0)
		return 0;
	r = message_decode(data, len, &m);
	CHECK(r != MESSAGE_NO_MEMORY);
	if (r == MESSAGE_OK) {
		CHECK(m.type == type);
		check_round_trip(&m, len);
	}
	return 0;
}
