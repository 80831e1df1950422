/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * The receive buffer: how large it is, and how it is filled.
 */
#include "parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The buffer of a handle that receives little, and the buffer of one that
   receives much, but not all the time. */
#define RECEIVE_FIRST    (RECEIVE_BUFFER / 8)
#define RECEIVE_USUAL    (RECEIVE_BUFFER / 2)
/* The number of consecutive reads that filled the buffer before it grows beyond
   RECEIVE_USUAL, and before we look for anything else than input. */
#define FULL_MANY        16u
/* The most bytes that are moved to the front of the buffer in any case. The end
   of the buffer should not cut longer frames, so that they need not be
   moved. */
#define MOVE_MAX         (16u << 10)
/* A buffer that grew is given back after this many reads that did not need
   it. */
#define RECEIVE_PATIENCE 64u

static struct rx *
allocate(size_t cap)
{
	struct rx *rx = malloc(sizeof(*rx) + cap);

	if (!rx)
		return NULL;
	rx->refs = 1;
	rx->cap = cap;
	rx->head = rx->tail = 0;
	return rx;
}

void
rx_unref(struct rx *rx)
{
	if (rx && atomic_fetch_sub(&rx->refs, 1) == 1)
		free(rx);
}

void
rx_reset(struct umbel *c)
{
	c->rx_full = 0;
	c->rx_cap = 0;
	rx_unref(c->rx);
	c->rx = NULL;
}

/* Switch to a buffer of `cap` bytes, with the waiting bytes at its front. */
static int
replace(struct umbel *c, size_t cap)
{
	struct rx *old = c->rx;
	struct rx *rx = allocate(cap);

	if (!rx)
		return -ENOMEM;
	if (old) {
		rx->tail = old->tail - old->head;
		memcpy(rx->data, old->data + old->head, rx->tail);
		rx_unref(old);
	}
	c->rx = rx;
	return 0;
}

static void
move_to_front(struct rx *rx)
{
	size_t waiting = rx->tail - rx->head;

	memmove(rx->data, rx->data + rx->head, waiting);
	rx->head = 0;
	rx->tail = waiting;
}

/* The kernel had enough to fill the buffer: there may be more. */
static bool
wants_larger(const struct umbel *c)
{
	if (c->rx->cap < RECEIVE_USUAL)
		return c->rx_full > 0;
	return c->rx->cap < RECEIVE_BUFFER && c->rx_full >= FULL_MANY;
}

/*
 * Make room for more bytes. The buffer doubles as bytes arrive; a length that a
 * frame merely claims costs nothing. It grows up to RECEIVE_BUFFER when there
 * is much to read, and beyond that for a longer frame. Then it stays for a
 * while, because long frames are seldom alone.
 */
static int
make_room(struct umbel *c)
{
	struct rx *rx = c->rx;
	size_t waiting;

	if (!rx)
		return replace(c, c->rx_cap ? c->rx_cap : RECEIVE_FIRST);
	waiting = rx->tail - rx->head;
	if (wants_larger(c))
		return replace(c, rx->cap * 2);
	if (waiting >= RECEIVE_BUFFER / 2)
		c->rx_patience = RECEIVE_PATIENCE;
	else if (rx->cap > RECEIVE_BUFFER && c->rx_patience-- == 0)
		return replace(c, RECEIVE_BUFFER);
	if (atomic_load(&rx->refs) > 1)
		return replace(c, rx->cap);
	if (waiting == rx->cap)
		return replace(c, rx->cap * 2);
	/* not worth it while there is room and much would have to move */
	if (waiting <= MOVE_MAX || rx->cap - rx->tail < rx->cap / 4)
		move_to_front(rx);
	return 0;
}

/*
 * All input was processed, and the kernel had no more: give back a buffer that
 * grew; the next one will have the same size. So the handles of a process, no
 * matter how many, read into the same memory in turn, and it stays in the
 * processor's cache. A small buffer is kept because replacing it would cost
 * more than it gains, and so is one that grew because of consecutive reads.
 */
void
rx_rest(struct umbel *c)
{
	struct rx *rx = c->rx;

	if (!rx || rx->head < rx->tail || c->rx_full > 0 ||
	    rx->cap <= RECEIVE_FIRST || rx->cap > RECEIVE_USUAL)
		return;
	c->rx_cap = rx->cap;
	rx_unref(rx);
	c->rx = NULL;
}

/*
 * Long frames are seldom alone, and most are as long as the one before. Ask for
 * as many bytes as fit in whole frames, because a frame cut off by the end of
 * the buffer would have to be moved to the front. A wrong guess only costs a
 * shorter read.
 */
static size_t
room_for_whole_frames(struct umbel *c)
{
	const struct rx *rx = c->rx;
	size_t waiting = rx->tail - rx->head, room = rx->cap - rx->tail, whole;

	if (waiting >= FRAME_PREFIX_SIZE)
		c->rx_frame = FRAME_PREFIX_SIZE +
		              (size_t)load_be32(rx->data + rx->head + 1);
	if (c->rx_frame <= MOVE_MAX)
		return room;
	whole = (rx->cap - rx->head) / c->rx_frame * c->rx_frame;
	return whole > waiting ? whole - waiting : room;
}

ssize_t
rx_fill(struct umbel *c)
{
	struct rx *rx;
	size_t room;
	ssize_t n;

	if (make_room(c) < 0)
		return -ENOMEM;
	rx = c->rx;
	room = room_for_whole_frames(c);
	do
		n = recv(c->fd, rx->data + rx->tail, room, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		c->rx_full = 0;
	if (n < 0)
		return -errno;
	rx->tail += (size_t)n;
	c->rx_full = (size_t)n == room ? c->rx_full + 1 : 0;
	return n;
}

bool
rx_expects_more(const struct umbel *c)
{
	return c->rx_full % FULL_MANY != 0 && !next_is_full(c);
}
