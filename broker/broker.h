/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * broker - what all sessions share: limits, memory, the router, and the list of
 * sessions.
 *
 * It holds data only and has no event loop: the server creates it and drives
 * its deadlines, and tests do the same without a socket.
 */
#ifndef UMBELD_BROKER_H
#define UMBELD_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "acl.h"
#include "config.h"
#include "deadline.h"
#include "log.h"
#include "outbox.h"
#include "proto/datagram.h"
#include "quota.h"
#include "retained.h"
#include "roster.h"
#include "router.h"
#include "slab.h"
#include "stalled.h"
#include "waiters.h"

struct session;

/* A PUBLISH frame that waits to be routed. */
struct letter {
	STAILQ_ENTRY(letter) link;
	struct slab *frame; /* and nothing else */
};

/* "$inbox." and a random part, which is different after every start. */
#define INBOX_RANDOM_BYTES 8u
#define INBOX_ROOT_MAX     (sizeof("$inbox.") + 2 * INBOX_RANDOM_BYTES)

/* Counters since the start. */
struct broker_counts {
	uint64_t messages_in; /* accepted */
	uint64_t bytes_in;
	uint64_t messages_out; /* counted once per receiver */
	uint64_t bytes_out;
	uint64_t unmatched; /* messages with no receiver */
	uint64_t refused;
	uint64_t dropped; /* for receivers that are still connected */
	uint64_t dropped_bytes;
	uint64_t holds;
	uint64_t evicted;
	uint64_t http_requests;
};

struct broker {
	const struct config *config;
	struct acl *acl; /* borrowed; NULL: everything is allowed */
	struct log log;
	struct slab_pool pool;
	struct router router;
	struct retained retained;
	struct outbox_limits limits;

	TAILQ_HEAD(, session) sessions;
	size_t n_sessions;
	uint32_t last_session;           /* the number that was assigned last */
	char inbox_root[INBOX_ROOT_MAX]; /* "$inbox.0123456789abcdef" */

	struct roster roster; /* of sessions that have said HELLO */
	struct quota quota;

	size_t will_bytes;             /* of all sessions */
	STAILQ_HEAD(, letter) letters; /* routed at the end of the turn */

	/* for introspection; see introspect.h */
	uint64_t started_ms;
	struct broker_counts counts;
	uint64_t datagrams[DATAGRAM_N_FATES];

	/* counts operations that take much longer than reading a frame; see
	   broker_work() */
	uint64_t work;
	uint64_t spent_at; /* broker_work() at which this turn's budget ends */

	bool gated;    /* settling, passing, or a publish-rate: see gate.h */
	bool passing;  /* input is still in the kernel; see conn.h */
	bool settling; /* publishers wait in `settlers` */
	struct waiters settlers;
	struct deadline settle;   /* set while settling ... */
	uint64_t settle_until_ms; /* ... and never extended beyond this time */
	bool draining;            /* GOAWAY was sent to all sessions */
	size_t n_undrained;       /* sessions that have not answered it */

	/* sessions that wait for the tick; see throttle.h */
	struct waiters throttled;
	struct link slowed; /* list of struct throttle */

	struct stalled stalled; /* clients that may not hold others */

	/* all deadline queues, those of its connections included ... */
	struct deadlines deadlines;
	/* ... and the broker's own, one for each kind; hold.h and session.h
	   explain most of them */
	struct deadline_queue paces;
	struct deadline_queue stalls;
	struct deadline_queue hold_notices;
	struct deadline_queue hold_ends;
	struct deadline_queue overdue_holds;
	struct deadline_queue unread_notices;
	struct deadline_queue overflows;
	struct deadline_queue memory_waits;
	struct deadline_queue memory_ticks;
	struct deadline_queue reports;
	struct deadline_queue settles;
	struct deadline_queue throttle_ticks;
	struct deadline_queue spares;
	struct deadline memory_wait; /* set while any session waits */
	struct deadline memory_tick; /* or while others know that one does */
	/* waiting sessions announced to others */
	size_t n_need_told;
	uint64_t memory_cut_ms;        /* last eviction for lack of memory */
	uint64_t memory_short_ms;      /* memory_tick runs since then */
	struct deadline throttle_tick; /* set while any session is slowed */
	struct deadline spare;         /* set while there is any; see spare.h */
	size_t heap_freed;             /* by ended sessions, approximate */
};

/* Initialize; `config` is borrowed. Returns 0 or -errno. */
int broker_init(struct broker *b, const struct config *config);
/* All sessions must have ended. */
void broker_fini(struct broker *b);

/*
 * Route a PUBLISH as soon as this turn is over. The broker takes ownership of
 * the letter.
 */
void broker_post(struct broker *b, struct letter *letter);

/* A letter with an uninitialized frame of `len` bytes. NULL if out of
   memory. */
struct letter *letter_new(struct slab_pool *pool, uint32_t len);
void letter_free(struct letter *letter);

/*
 * Start settling: publishers wait until no client has connected for settle_ms,
 * but for at most SETTLE_MAX times that. This gives the clients that were
 * connected before a restart time to return before the first message is routed.
 */
#define SETTLE_MAX 5u
void broker_start_settling(struct broker *b);

/*
 * The work done so far to answer and to route, in units of about a tenth of a
 * microsecond: each value, filter or node that was looked at counts as one, and
 * commands count, too. In one turn of the loop, sessions that have sent many
 * frames get at most TURN_WORK of it; then the other sessions have their turn.
 * Until the first turn begins there is no limit.
 */
#define TURN_WORK 10000u
static inline uint64_t
broker_work(const struct broker *b)
{
	return b->work + b->router.trie.visits + b->router.n_doubles;
}

static inline bool
broker_is_spent(const struct broker *b)
{
	return broker_work(b) >= b->spent_at;
}

void broker_begin_turn(struct broker *b);

/* Stop settling: let the publishers continue. */
void broker_settle(struct broker *b);

/* Set whether published messages may only pass through, and not be kept. */
void broker_lets_pass(struct broker *b, bool passing);

/* A client has connected and said HELLO. */
void broker_welcomes(struct broker *b);

/* Send GOAWAY to every session that has said HELLO, and to those that say it
   later. */
void broker_drain(struct broker *b);

#endif
