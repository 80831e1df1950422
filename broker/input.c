/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "input.h"

#include <string.h>

/* Less room than this is not worth a system call, unless more than MOVE_MAX
   bytes would have to move. */
#define ROOM_MIN   (SLAB_SIZE / 4)
#define MOVE_MAX   (SLAB_SIZE / 16)
/* More than this is worth a slab even when memory is short. */
#define SHORT_MAX  (SLAB_SIZE / 8)
/* A frame of at least this length should not be cut by the end of a slab. */
#define LONG_FRAME (SLAB_SIZE / 16)
/* Large slabs are filled in steps of this. */
#define LARGE_READ (256u << 10)

/* The length of the frame at the front, from its prefix; 0 if that has not
   arrived. */
static size_t
frame_size(const struct input *in)
{
	if (input_length(in) < FRAME_PREFIX_SIZE)
		return 0;
	return (size_t)FRAME_PREFIX_SIZE + load_be32(input_frame(in) + 1);
}

size_t
input_missing(const struct input *in)
{
	size_t size = frame_size(in), len = input_length(in);

	if (size == 0)
		size = FRAME_PREFIX_SIZE;
	return size > len ? size - len : 0;
}

/* What there is goes to the front of another slab. */
static void
move_to(struct input *in, struct slab *slab)
{
	uint32_t len = (uint32_t)input_length(in);

	if (in->slab)
		memcpy(slab->data, input_frame(in), len);
	slab_unref(in->slab);
	in->slab = slab;
	in->at = 0;
	in->end = len;
}

static bool
room_in_plain(struct input *in, struct slab_pool *pool, size_t size)
{
	size_t room = in->slab ? in->slab->cap - in->end : 0;
	bool fits = in->slab && in->at + size <= in->slab->cap;
	struct slab *slab;

	if (in->slab && in->slab->cap == SLAB_SIZE && fits && room > 0 &&
	    (room >= ROOM_MIN || input_length(in) > MOVE_MAX))
		return true;
	slab = slab_new(pool);
	if (slab)
		move_to(in, slab);
	/* when memory is short, what room there is will do */
	return slab || (fits && room > 0);
}

/*
 * A large frame may begin only when all of it fits now, though it is charged as
 * it arrives. Otherwise several incomplete frames could each wait for memory
 * that the others hold.
 */
static bool
may_begin_large(const struct input *in, const struct slab_pool *pool,
                size_t size)
{
	return pool->used == in->slab->charged || slab_pool_has(pool, size);
}

static bool
room_in_large(struct input *in, struct slab_pool *pool, size_t size)
{
	uint32_t want = in->end + LARGE_READ;
	struct slab *slab = in->slab;

	if (slab->cap <= SLAB_SIZE) {
		if (!may_begin_large(in, pool, size))
			return false;
		slab = slab_new_large(pool);
		if (!slab)
			return false;
		want = (uint32_t)input_length(in) + LARGE_READ;
	}
	if (want > size)
		want = (uint32_t)size;
	if (!slab_reserve(slab, want)) {
		if (slab != in->slab)
			slab_unref(slab);
		return false;
	}
	if (slab != in->slab)
		move_to(in, slab);
	return true;
}

/*
 * Long frames are seldom alone, and mostly as long as the one before. Ask for
 * as many whole frames as fit: what the end of the slab cuts off would have to
 * be moved to another. While a slab is empty it remembers the length of its
 * last frame. That is a guess, and a wrong guess costs a shorter read.
 */
static size_t
room_for_whole_frames(struct input *in, size_t size)
{
	struct slab *slab = in->slab;
	size_t room = slab->cap - in->end, whole;

	if (size == 0)
		size = slab->frame_size;
	slab->frame_size = (uint32_t)size;
	if (size < LONG_FRAME)
		return room;
	whole = (slab->cap - in->at) / size * size;
	return whole > input_length(in) ? whole - input_length(in) : room;
}

bool
input_room(struct input *in, struct slab_pool *pool, uint8_t **at, size_t *room)
{
	size_t size = frame_size(in);
	bool large = size > SLAB_SIZE;

	if (large ? !room_in_large(in, pool, size)
	          : !room_in_plain(in, pool, size))
		return false;
	*at = in->slab->data + in->end;
	if (!large) {
		*room = room_for_whole_frames(in, size);
		return true;
	}
	*room = in->slab->charged - in->end;
	/* a large slab is for one frame: the next one begins another */
	if (*room > in->at + size - in->end)
		*room = in->at + size - in->end;
	return true;
}

bool
input_squeeze(struct input *in, struct slab_pool *pool)
{
	struct slab *slab;

	if (!in->slab || in->slab->cap != SLAB_SIZE ||
	    input_length(in) > SHORT_MAX)
		return false;
	/* one byte more: strndup() may look for the end behind its text */
	slab = slab_new_small(pool, (uint32_t)input_length(in) + 1);
	if (!slab)
		return false;
	move_to(in, slab);
	slab->data[in->end] = 0;
	return true;
}

void
input_rest(struct input *in)
{
	if (in->at == in->end)
		input_drop(in);
}

void
input_drop(struct input *in)
{
	struct slab *slab = in->slab;

	*in = (struct input){ 0 };
	/* last: this input may itself be waiting for the memory */
	slab_unref(slab);
}
