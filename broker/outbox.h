/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * outbox - what waits for one session's socket, oldest first.
 *
 * Who routes appends messages, who has something to tell its client appends
 * answers, and what carries the session drains it. Besides, messages are
 * taken out again: by shed when there are too many, by handover when others
 * are to have them, and all of them when the session is cut off. Whoever
 * makes it owe less sees to those who wait (hold.h). What waits is described
 * by spans: runs of whole frames that lie in somebody's slab, referenced and
 * never copied, and answers of the broker itself, which lie in small slabs of
 * the outbox's own. One publish is thus received once and sent from where it
 * lies, however many outboxes it is in. A DELIVER is a head of the outbox's
 * own and the publish behind it.
 *
 * A span that continues the last one extends it, so a subscriber that keeps up
 * costs one span per batch, not per message.
 *
 * Invariants: bytes == sum of spans' len - sent;
 *             answer_bytes == what of that is no message;
 *             retained_bytes == what of that are retained values;
 *             every span begins with the first byte of a frame, but for the
 *             body of a DELIVER, which comes right behind its head.
 */
#ifndef UMBELD_OUTBOX_H
#define UMBELD_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "deadline.h"
#include "proto/deliver.h"
#include "proto/overflow.h"
#include "slab.h"
#include "spans.h"
#include "waiters.h"

/* The marks, shared by all outboxes; in bytes. */
struct outbox_limits {
	size_t high;     /* full: whoever publishes to it waits ... */
	size_t low;      /* ... until no more than this is left */
	size_t answers;  /* unread answers beyond which a session is not read */
	size_t soft;     /* the same as high ... */
	size_t soft_low; /* ... and low while its reader keeps up */
};

struct outbox {
	struct spans spans;
	uint32_t n_packed; /* spans that outbox_pack() has dealt with */
	uint32_t sent;     /* of the first span, taken by the kernel */
	uint32_t own_used;
	bool awake : 1;  /* wake was called and outbox_sleep() not since */
	bool closed : 1; /* takes nothing any more */
	bool moved : 1;  /* sent or dropped from since outbox_pack() */
	bool slow : 1;   /* full at the high mark, not at the soft one */
	enum overflow policy : 8;
	struct slab *own; /* where answers and packed spans are written */
	size_t bytes;
	size_t answer_bytes;
	size_t retained_bytes;
	uint64_t messages; /* that it was ever given */

	const struct outbox_limits *limits;
	/* something was appended to an outbox that had nothing new */
	void (*wake)(struct outbox *o);
	uint64_t route_mark;    /* router: the last walk that met it */
	struct waiters waiters; /* publishers that wait for room in this one */
	/* in one of three queues: its reader has to make room soon (paces) or to
	   take a byte (stalls), since others wait; or, as it had rather lose
	   messages or be cut off, to make room at once (overflows) */
	struct deadline clock;
};

void outbox_init(struct outbox *o, const struct outbox_limits *limits,
                 struct slab_pool *pool, void (*wake)(struct outbox *));
/* Give everything back. There may be no waiters. */
void outbox_fini(struct outbox *o);

/* The next message has to wait: it is full, or others wait already. */
static inline bool
outbox_is_full(const struct outbox *o)
{
	size_t mark = o->slow ? o->limits->high : o->limits->soft;

	return o->bytes >= mark || !waiters_are_empty(&o->waiters);
}

/* A batch is over, and the kernel has not taken all of it. */
static inline bool
outbox_is_behind(const struct outbox *o)
{
	return o->n_packed > 0;
}

/* Its publishers wait for moments at the soft mark, not at the high one. */
static inline bool
outbox_keeps_up(const struct outbox *o)
{
	return !o->slow && o->limits->soft < o->limits->high;
}

/*
 * Append `frames` whole PUBLISH frames, `len` bytes at `off` of `slab`, of
 * which the outbox takes a reference of its own. To a closed outbox: nothing.
 * Returns 0 or -ENOMEM with nothing changed.
 */
int outbox_push(struct outbox *o, struct slab *slab, uint32_t off, uint32_t len,
                uint32_t frames);

/*
 * Append a DELIVER to subscription `sub` of the PUBLISH whose body (without
 * prefix) is `len` bytes at `off` of `slab`. `info` NULL: as a member of a queue
 * group; else it is a retained value. A long body is referenced, a short one
 * copied, for that costs less. It counts as one message of the whole DELIVER's
 * length. To a closed outbox: nothing. Returns 0 or -ENOMEM with nothing
 * changed.
 */
int outbox_deliver(struct outbox *o, uint32_t sub,
                   const struct deliver_info *info, struct slab *slab,
                   uint32_t off, uint32_t len);

/*
 * A PUBLISH body, borrowed, that was to go to subscription `sub`: true takes
 * it, false leaves it here.
 */
typedef bool outbox_taker(void *user, uint32_t sub, struct slab *slab,
                          uint32_t off, uint32_t len);

/*
 * Offer every message of a queue group that the kernel has no byte of to
 * `taker`, in order, and forget what it takes: others get that, as this session
 * or its subscription ends. `taker` must leave this outbox alone.
 */
void outbox_take_group_messages(struct outbox *o, outbox_taker *taker,
                                void *user);

/* Append a copy of a frame of the broker's own. Returns 0 or -ENOMEM. */
int outbox_answer(struct outbox *o, const uint8_t *frame, size_t len);

/*
 * Announce here that `frames` messages of `bytes` bytes are lost. Adjacent
 * losses merge into one GAP. Returns 0 or -ENOMEM.
 */
int outbox_gap(struct outbox *o, uint64_t frames, uint64_t bytes,
               const char *reason);

/* Describe what is first in at most `max` iovecs; returns how many. */
int outbox_iov(const struct outbox *o, struct iovec *iov, int max);

/*
 * Less is owed than before. Whoever waits is resumed once no more than the low
 * mark is left; at the soft one the reader has caught up. For those who took
 * something out: that may not be the moment to resume anybody.
 */
void outbox_made_room(struct outbox *o);

/* The kernel took `n` bytes, and that made room. */
void outbox_sent(struct outbox *o, size_t n);

/*
 * Copy what pins much and owes little: where this outbox owes less than an
 * eighth of a slab, it moves into the outbox's own memory. So no outbox pins
 * more than eight times what it owes. Call it when a batch is over.
 */
void outbox_pack(struct outbox *o);

/*
 * The same for what lies in its own memory, which is left alone otherwise: it
 * may have been made for much more than is still owed. For when memory is
 * short: each time that costs a copy and a slab in the right size.
 */
void outbox_squeeze(struct outbox *o);

/*
 * Cut everything behind the frame that is being written, answers included,
 * and count the messages that are lost by it, with those of which a GAP was to
 * tell. What is left is bounded by one frame.
 */
void outbox_cut(struct outbox *o, uint64_t *frames, uint64_t *bytes);

/* Messages that wait in it, the one that is being written among them; of a run
   of which a part was sent, an estimate. It looks at every span. */
uint64_t outbox_messages(const struct outbox *o);

/*
 * What is owed, but for retained values: they were asked for, their number was
 * told, and the store bounds them, so that no mark applies to them.
 */
static inline size_t
outbox_owes(const struct outbox *o)
{
	return o->bytes - o->retained_bytes;
}

/*
 * Drop the oldest messages until no more than `keep` bytes are owed, or only
 * what cannot be dropped: the frame that is being written, answers, retained
 * values. Where the first of them was stands a GAP; losses side by side are one,
 * and none moves past an answer. What was dropped now is counted. Returns 0 or
 * -ENOMEM, with nothing lost that is not announced.
 */
int outbox_drop_oldest(struct outbox *o, size_t keep, uint64_t *frames,
                       uint64_t *bytes);

/* Drop everything, for good: the socket takes no more bytes. */
void outbox_close(struct outbox *o);

static inline bool
outbox_is_empty(const struct outbox *o)
{
	return o->spans.n == 0;
}

/* From now on wake is called again. */
static inline void
outbox_sleep(struct outbox *o)
{
	o->awake = false;
}

#endif
