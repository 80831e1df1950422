/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * However a stream is cut into pieces, the input of a connection finds the
 * same frames in it, and pays for bytes that came, not for those claimed.
 *
 * The input's first byte says how to cut, the rest puts the stream together:
 * bytes as they are, frames of any length, and prefixes that lie.
 */
#include "broker/input.h"

#include "fuzz.h"

#define MAX_FRAME  (300u << 10) /* more than a slab */
#define MAX_STREAM (640u << 10)
#define MEMORY     (8u << 20)
/* Slabs are paid for in steps, and hold one step ahead. */
#define AHEAD      (320u << 10)

struct stream {
	uint8_t *at;
	size_t len;
};

/* ---- the stream ----------------------------------------------------------- */

static void
put(struct stream *s, const uint8_t *at, size_t n)
{
	if (n > MAX_STREAM - s->len)
		n = MAX_STREAM - s->len;
	if (n > 0)
		memcpy(s->at + s->len, at, n);
	s->len += n;
}

static void
put_prefix(struct stream *s, uint32_t body_len)
{
	uint8_t prefix[5] = { 0xce };

	for (int i = 0; i < 4; i++)
		prefix[1 + i] = (uint8_t)(body_len >> (24 - 8 * i));
	put(s, prefix, sizeof(prefix));
}

/* Content that differs from frame to frame, and that tells where it is. */
static void
put_frame(struct stream *s, uint32_t body_len)
{
	uint8_t pattern[4093]; /* a prime: no power of two shifts it */
	uint8_t seed = (uint8_t)(s->len * 7 + body_len);

	put_prefix(s, body_len);
	for (size_t i = 0; i < sizeof(pattern) && i < body_len; i++)
		pattern[i] = (uint8_t)(seed + i * 13 + (i >> 8));
	while (body_len > 0) {
		uint32_t n =
			body_len < sizeof(pattern) ? body_len : sizeof(pattern);

		put(s, pattern, n);
		body_len -= n;
	}
}

static void
put_next(struct stream *s, struct feed *f)
{
	const uint8_t *at;
	size_t n;

	switch (feed_byte(f) % 5) {
	case 0:
		n = feed_bytes(f, feed_byte(f), &at);
		put(s, at, n);
		break;
	case 1:
		put_prefix(s, feed_number(f, 4));
		break;
	case 2:
		put_frame(s, feed_byte(f));
		break;
	case 3:
		put_frame(s, feed_number(f, 2));
		break;
	case 4: /* about as large as may be */
		put_frame(s, feed_number(f, 3) % (MAX_FRAME + 2));
		break;
	}
}

/* ---- what should be found ------------------------------------------------- */

/* What is at the front of the stream, of which all has come. */
static enum frame_result
reference_peek(const uint8_t *at, size_t left, size_t *size)
{
	if (left == 0)
		return FRAME_SHORT;
	if (at[0] != 0xce)
		return FRAME_BAD_MAGIC;
	if (left < 5)
		return FRAME_SHORT;
	*size = (size_t)at[1] << 24 | (size_t)at[2] << 16 | (size_t)at[3] << 8 |
	        (size_t)at[4];
	if (*size > MAX_FRAME)
		return FRAME_TOO_BIG;
	*size += 5;
	return left < *size ? FRAME_SHORT : FRAME_OK;
}

/* ---- what is found -------------------------------------------------------- */

struct reader {
	struct slab_pool pool;
	struct input in;
	const struct stream *stream;
	size_t received;
	size_t found; /* the frames up to here */
	uint32_t cut;
};

/* A piece, of a size that depends on how the input wants it cut. */
static size_t
next_piece(struct reader *r, uint8_t how)
{
	r->cut = r->cut * 1664525 + 1013904223;
	switch (how % 4) {
	case 0:
		return MAX_STREAM;
	case 1:
		return 1 + (r->cut >> 24) % 8;
	case 2:
		return 1 + (r->cut >> 16) % 9000;
	default: /* now and then a few bytes, then many */
		return r->cut >> 30 ? 1 + (r->cut >> 14) : 1 + (r->cut >> 27);
	}
}

static void
receive(struct reader *r, uint8_t how)
{
	size_t left = r->stream->len - r->received;
	size_t n = next_piece(r, how), room = 0;
	uint8_t *at = NULL;

	CHECK(input_room(&r->in, &r->pool, &at, &room));
	CHECK(room > 0);
	n = n < room ? n : room;
	n = n < left ? n : left;
	memcpy(at, r->stream->at + r->received, n);
	input_received(&r->in, n);
	r->received += n;
	CHECK(r->pool.used <= input_length(&r->in) + AHEAD);
}

/* Every frame that has come whole, as the reference has them. False: a fault,
   behind which nothing is looked at. */
static bool
find_frames(struct reader *r)
{
	for (;;) {
		const uint8_t *want = r->stream->at + r->found;
		size_t left = r->received - r->found, size = 0;
		enum frame_result expected = reference_peek(want, left, &size);
		uint32_t len = 0;

		CHECK(input_length(&r->in) == left);
		CHECK(input_peek(&r->in, MAX_FRAME, &len) == expected);
		if (expected == FRAME_SHORT)
			return true;
		if (expected == FRAME_BAD_MAGIC || expected == FRAME_TOO_BIG)
			return false;
		CHECK(5 + (size_t)len == size);
		CHECK(memcmp(input_frame(&r->in), want, size) == 0);
		input_skip(&r->in, size);
		r->found += size;
	}
}

static void
read_stream(const struct stream *s, uint8_t how)
{
	struct reader r = { .stream = s, .cut = how };
	bool goes_on = true;

	CHECK(slab_pool_init(&r.pool, MEMORY, MAX_FRAME) == 0);
	while (goes_on && r.received < s->len) {
		receive(&r, how);
		goes_on = find_frames(&r);
		input_rest(&r.in);
		CHECK(input_length(&r.in) > 0 || r.pool.used == 0);
	}
	input_drop(&r.in);
	CHECK(r.pool.used == 0);
	slab_pool_fini(&r.pool);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct feed f = { data, len };
	uint8_t how = feed_byte(&f);
	struct stream s = { malloc(MAX_STREAM), 0 };

	CHECK(s.at);
	while (f.left > 0 && s.len < MAX_STREAM)
		put_next(&s, &f);
	/* byte by byte only what is not too long for it */
	if (how % 4 != 1 || s.len < 20000)
		read_stream(&s, how);
	free(s.at);
	return 0;
}
