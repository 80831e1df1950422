/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * outbox - the queue of frames to send to one session, oldest first.
 *
 * The router appends messages, the broker appends answers for the client, and
 * the session's transport drains the outbox. Messages can also be removed: by
 * shed when there are too many, by handover when other sessions are to get
 * them, and all of them when the session is cut off. Whoever reduces what the
 * outbox owes is responsible for those who wait for that (hold.h). The queue
 * consists of spans: runs of whole frames that lie in a publisher's slab,
 * referenced and never copied, and answers of the broker itself, which lie in
 * small slabs that the outbox owns. Thus one publish is received once and sent
 * from where it lies, however many outboxes it is in. A DELIVER is a head that
 * the outbox owns, followed by the publish.
 *
 * A span that continues the last one extends it, so a subscriber that keeps up
 * costs one span per batch, not per message.
 *
 * Invariants: bytes == sum of spans' len - sent;
 *             answer_bytes == the part of bytes that is no message;
 *             retained_bytes == the part of bytes that is retained values;
 *             every span begins with the first byte of a frame, except the
 *             body of a DELIVER, which comes right after its head.
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

/* The high- and low-water marks, in bytes, shared by all outboxes. */
struct outbox_limits {
	size_t high; /* full: publishers to it wait ... */
	size_t low;  /* ... until at most this is left */
	/* bytes of answers beyond which a session is not read */
	size_t answers;
	size_t soft;     /* in place of high ... */
	size_t soft_low; /* ... and low while the reader keeps up */
};

struct outbox {
	struct spans spans;
	uint32_t n_packed; /* spans that outbox_pack() has looked at */
	uint32_t sent;     /* bytes of the first span taken by the kernel */
	uint32_t own_used;
	bool awake : 1;  /* wake was called, outbox_sleep() not yet */
	bool closed : 1; /* accepts nothing any more */
	bool moved : 1;  /* its front has shrunk since outbox_pack() */
	bool slow : 1;   /* full at the high mark, not at the soft one */
	enum overflow policy : 8;
	struct slab *own; /* where answers and packed spans are written */
	size_t bytes;
	size_t answer_bytes;
	size_t retained_bytes;
	uint64_t messages; /* all that were ever appended */

	const struct outbox_limits *limits;
	/* called when something is appended while the outbox is not awake */
	void (*wake)(struct outbox *o);
	/* router: number of the last walk that met it */
	uint64_t route_mark;
	struct waiters waiters; /* publishers that wait for room in this one */
	/* The time limit that runs. It is in one of three queues: the reader
	   has to make room soon (paces) or to take a byte (stalls), because
	   others wait; or, if its policy is to drop messages or be
	   disconnected, to make room at once (overflows). */
	struct deadline clock;
};

void outbox_init(struct outbox *o, const struct outbox_limits *limits,
                 struct slab_pool *pool, void (*wake)(struct outbox *));
/* Give everything back. There must be no waiters. */
void outbox_fini(struct outbox *o);

/* Must the next message wait, because the outbox is full or others wait
   already? */
static inline bool
outbox_is_full(const struct outbox *o)
{
	size_t mark = o->slow ? o->limits->high : o->limits->soft;

	return o->bytes >= mark || !waiters_are_empty(&o->waiters);
}

/* Did a flush leave bytes that the kernel has not taken? */
static inline bool
outbox_is_behind(const struct outbox *o)
{
	return o->n_packed > 0;
}

/* Does the reader keep up, so that publishers wait briefly, at the soft mark
   rather than the high one? */
static inline bool
outbox_keeps_up(const struct outbox *o)
{
	return !o->slow && o->limits->soft < o->limits->high;
}

/*
 * Append `frames` whole PUBLISH frames, `len` bytes at `off` of `slab`. The
 * outbox takes a reference of its own. A closed outbox ignores them. Returns 0,
 * or -ENOMEM with nothing changed.
 */
int outbox_push(struct outbox *o, struct slab *slab, uint32_t off, uint32_t len,
                uint32_t frames);

/*
 * Append a DELIVER to subscription `sub` of the PUBLISH whose body (without
 * prefix) is `len` bytes at `off` of `slab`. If `info` is NULL, it goes to a
 * member of a queue group; otherwise it is a retained value. A long body is
 * referenced; a short one is copied, because that costs less. The DELIVER
 * counts as one message of its whole length. A closed outbox ignores it.
 * Returns 0, or -ENOMEM with nothing changed.
 */
int outbox_deliver(struct outbox *o, uint32_t sub,
                   const struct deliver_info *info, struct slab *slab,
                   uint32_t off, uint32_t len);

/*
 * Called with a PUBLISH body, borrowed, that was meant for subscription `sub`.
 * True takes the message, false leaves it in the outbox.
 */
typedef bool outbox_taker(void *user, uint32_t sub, struct slab *slab,
                          uint32_t off, uint32_t len);

/*
 * Offer every message of a queue group to `taker`, in order, unless the kernel
 * has some of its bytes already, and remove those that it takes: other members
 * get them, because this session or its subscription ends. `taker` must not
 * touch this outbox.
 */
void outbox_take_group_messages(struct outbox *o, outbox_taker *taker,
                                void *user);

/* Append a copy of a frame that the broker wrote. Returns 0 or -ENOMEM. */
int outbox_answer(struct outbox *o, const uint8_t *frame, size_t len);

/*
 * Announce at this point that `frames` messages of `bytes` bytes are lost.
 * Adjacent losses merge into one GAP. Returns 0 or -ENOMEM.
 */
int outbox_gap(struct outbox *o, uint64_t frames, uint64_t bytes,
               const char *reason);

/* Describe the front of the queue in at most `max` iovecs; returns how many. */
int outbox_iov(const struct outbox *o, struct iovec *iov, int max);

/*
 * To be called after something was removed. Resumes the waiters once at most
 * the low mark is left; at the soft low mark the reader has caught up. This is
 * a call of its own, because the moment of removal may be the wrong one for
 * resuming anybody.
 */
void outbox_made_room(struct outbox *o);

/* The kernel took `n` bytes; this also calls outbox_made_room(). */
void outbox_sent(struct outbox *o, size_t n);

/*
 * Copy what pins much memory for few bytes: where this outbox owes less than an
 * eighth of a slab, that part moves into memory of its own. So no outbox pins
 * more than eight times what it owes. Call this when a batch is over.
 */
void outbox_pack(struct outbox *o);

/*
 * Do the same for what lies in the outbox's own memory, which may have been
 * allocated for much more than is still owed and which outbox_pack() leaves
 * alone. Only for when memory is short: each call costs a copy and a slab of
 * the right size.
 */
void outbox_squeeze(struct outbox *o);

/*
 * Remove everything behind the frame that is being written, answers included,
 * and count the messages lost by it, with those that a GAP was to report. What
 * remains is bounded by one frame.
 */
void outbox_cut(struct outbox *o, uint64_t *frames, uint64_t *bytes);

/* How many messages are queued, including the one that is being written. For a
   run of which a part was sent this is an estimate. Looks at every span. */
uint64_t outbox_messages(const struct outbox *o);

/*
 * What is owed without retained values. No mark applies to those: the client
 * asked for them, their number was told, and the store bounds them.
 */
static inline size_t
outbox_owes(const struct outbox *o)
{
	return o->bytes - o->retained_bytes;
}

/*
 * Drop the oldest messages until at most `keep` bytes are owed, or until only
 * what cannot be dropped is left: the frame that is being written, answers,
 * retained values. A GAP takes the place of the first message dropped; adjacent
 * losses are one GAP, and no GAP moves past an answer. `frames` and `bytes`
 * count what was dropped by this call. Returns 0 or -ENOMEM; even then every
 * loss is announced.
 */
int outbox_drop_oldest(struct outbox *o, size_t keep, uint64_t *frames,
                       uint64_t *bytes);

/* Drop everything and accept nothing more: the socket takes no more bytes. */
void outbox_close(struct outbox *o);

static inline bool
outbox_is_empty(const struct outbox *o)
{
	return o->spans.n == 0;
}

/* The next append calls wake again. */
static inline void
outbox_sleep(struct outbox *o)
{
	o->awake = false;
}

#endif
