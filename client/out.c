/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"
#include "proto/publish.h"

#define FIRST_CAPACITY (4u << 10)

void
out_fini(struct out *o)
{
	free(o->data);
	*o = (struct out){ 0 };
}

static size_t
frame_size(const struct out *o, size_t at)
{
	return FRAME_PREFIX_SIZE + (size_t)load_be32(o->data + at + 1);
}

static bool
is_publish(const uint8_t *frame)
{
	const uint8_t *body = frame + FRAME_PREFIX_SIZE;

	/* no other frame that we write has seven elements */
	return body[0] == 0x97 && body[1] == PUBLISH_TYPE;
}

static void
move_to_front(struct out *o)
{
	if (o->frame == 0)
		return;
	memmove(o->data, o->data + o->frame, o->tail - o->frame);
	o->head -= o->frame;
	o->tail -= o->frame;
	o->frame = 0;
}

bool
out_has_room(const struct out *o, size_t n)
{
	size_t used = o->tail - o->frame;

	/* moving pays off when it frees more than it moves */
	return n <= o->cap - o->tail ||
	       (used <= o->frame && n <= o->cap - used);
}

int
out_reserve(struct out *o, size_t n)
{
	size_t cap = o->cap ? o->cap : FIRST_CAPACITY;
	uint8_t *data;

	if (n <= o->cap - o->tail)
		return 0;
	if (out_has_room(o, n)) {
		move_to_front(o);
		return 0;
	}
	while (cap - o->tail < n)
		cap *= 2;
	data = realloc(o->data, cap + OUT_SLACK);
	if (!data)
		return -ENOMEM;
	o->data = data;
	o->cap = cap;
	return 0;
}

uint64_t
out_sent(struct out *o, size_t n)
{
	uint64_t publishes = 0;

	o->head += n;
	while (o->frame < o->head) {
		size_t size = frame_size(o, o->frame);

		if (size > o->head - o->frame)
			break;
		publishes += is_publish(o->data + o->frame);
		o->frame += size;
	}
	if (o->frame == o->tail)
		o->frame = o->head = o->tail = 0;
	return publishes;
}

bool
out_is_publish_in_hand(const struct out *o)
{
	return out_is_mid_frame(o) && is_publish(o->data + o->frame);
}

size_t
out_rest_of_frame(const struct out *o)
{
	if (!out_is_mid_frame(o))
		return 0;
	return o->frame + frame_size(o, o->frame) - o->head;
}

uint64_t
out_filter(struct out *o,
           bool (*keep)(const uint8_t *frame, size_t size, void *arg),
           void *arg)
{
	uint64_t dropped = 0;
	size_t to = 0;
	size_t at;

	for (at = o->frame; at < o->tail;) {
		size_t size = frame_size(o, at);

		if (keep(o->data + at, size, arg)) {
			memmove(o->data + to, o->data + at, size);
			to += size;
		} else {
			dropped++;
		}
		at += size;
	}
	o->frame = o->head = 0;
	o->tail = to;
	return dropped;
}

static bool
keep_publish(const uint8_t *frame, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	return is_publish(frame);
}

static bool
keep_short(const uint8_t *frame, size_t size, void *arg)
{
	(void)frame;
	return size - FRAME_PREFIX_SIZE <= *(const size_t *)arg;
}

uint64_t
out_restart(struct out *o, bool drop_in_hand)
{
	uint64_t dropped = 0;

	if (drop_in_hand && out_is_mid_frame(o)) {
		dropped = is_publish(o->data + o->frame);
		o->frame += frame_size(o, o->frame);
	}
	out_filter(o, keep_publish, NULL);
	return dropped;
}

uint64_t
out_drop_longer(struct out *o, size_t max)
{
	return out_filter(o, keep_short, &max);
}

int
out_rewrite(struct out *o,
            size_t (*make)(const uint8_t *frame, size_t size, uint8_t *to,
                           void *arg),
            void *arg, uint64_t *dropped)
{
	struct out made = { 0 };
	size_t size = 0;
	size_t at;

	*dropped = 0;
	for (at = o->frame; at < o->tail; at += frame_size(o, at))
		size += make(o->data + at, frame_size(o, at), NULL, arg);
	if (out_reserve(&made, size ? size : 1) < 0)
		return -ENOMEM;
	for (at = o->frame; at < o->tail; at += frame_size(o, at)) {
		size_t n = make(o->data + at, frame_size(o, at),
		                made.data + made.tail, arg);

		made.tail += n;
		*dropped += n == 0;
	}
	out_fini(o);
	*o = made;
	return 0;
}

void
out_shrink(struct out *o, size_t keep)
{
	if (o->tail == 0 && o->cap > keep)
		out_fini(o);
}
