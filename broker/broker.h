/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * broker - what all sessions share: limits, memory, the router, each other.
 *
 * Data only, and no events: the server puts it together and drives its
 * deadlines, tests do the same without a socket.
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

/* A PUBLISH frame that somebody left behind to be routed. */
struct letter {
	STAILQ_ENTRY(letter) link;
	struct slab *frame; /* and nothing else */
};

/* "$inbox." and the random part, which is another at every start */
#define INBOX_RANDOM_BYTES 8u
#define INBOX_ROOT_MAX     (sizeof("$inbox.") + 2 * INBOX_RANDOM_BYTES)

/* What has happened since the start. */
struct broker_counts {
	uint64_t messages_in; /* that were taken */
	uint64_t bytes_in;
	uint64_t messages_out; /* one for each receiver */
	uint64_t bytes_out;
	uint64_t unmatched; /* that reached nobody */
	uint64_t refused;
	uint64_t dropped; /* for a receiver that is still there */
	uint64_t dropped_bytes;
	uint64_t holds;
	uint64_t evicted;
	uint64_t http_requests;
};

struct broker {
	const struct config *config;
	struct acl *acl; /* borrowed; NULL: everybody may do all */
	struct log log;
	struct slab_pool pool;
	struct router router;
	struct retained retained;
	struct outbox_limits limits;

	TAILQ_HEAD(, session) sessions;
	size_t n_sessions;
	uint32_t last_session;           /* the number given last */
	char inbox_root[INBOX_ROOT_MAX]; /* "$inbox.0123456789abcdef" */

	struct roster roster; /* of sessions that have said HELLO */
	struct quota quota;

	size_t will_bytes;             /* of all sessions */
	STAILQ_HEAD(, letter) letters; /* to be routed when nothing else is */

	/* for those who ask; see introspect.h */
	uint64_t started_ms;
	struct broker_counts counts;
	uint64_t datagrams[DATAGRAM_N_FATES];

	/* what takes much longer than a frame to read is counted; see below */
	uint64_t work;
	uint64_t spent_at; /* of broker_work(), this turn */

	bool gated;    /* look whether to settle, at publish-rate, and ... */
	bool passing;  /* ... at what is still the kernel's; see conn.h */
	bool settling; /* publishers wait in `settlers` */
	struct waiters settlers;
	struct deadline settle;   /* set while settling ... */
	uint64_t settle_until_ms; /* ... and not put off beyond this */
	bool draining;            /* GOAWAY was said to all */
	size_t n_undrained;       /* sessions that have not answered it */

	struct waiters throttled; /* wait for the tick; see throttle.h */
	struct link slowed;       /* throttles */

	struct stalled stalled; /* may not hold others up for a while */

	/* what has to happen in time: of all that carry its sessions, too ... */
	struct deadlines deadlines;
	/* ... and here, each kind in its queue; see hold.h and session.h for
	   what they are for */
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
	struct deadline memory_wait;   /* set while anybody waits for memory */
	struct deadline memory_tick;   /* or others were told that they do */
	size_t n_need_told;            /* of how many others were told */
	uint64_t memory_cut_ms;        /* somebody had to go, for want of it */
	struct deadline throttle_tick; /* set while anybody is slowed */
	struct deadline spare;         /* set while there is any; see spare.h */
	size_t heap_freed;             /* by sessions that have ended, about */
};

/* Put together; `config` is borrowed. Returns 0 or -errno. */
int broker_init(struct broker *b, const struct config *config);
/* There may be no sessions left. */
void broker_fini(struct broker *b);

/*
 * Have a PUBLISH routed as soon as this turn is over. It takes over the letter,
 * which is the broker's until it is routed.
 */
void broker_post(struct broker *b, struct letter *letter);

/* A frame of `len` bytes that is still to be filled in; NULL without memory. */
struct letter *letter_new(struct slab_pool *pool, uint32_t len);
void letter_free(struct letter *letter);

/*
 * From now on publishers wait, until no client has come for settle_ms, but not
 * for more than SETTLE_MAX times that: those who were here before a restart
 * are to be back before the first message is routed.
 */
#define SETTLE_MAX 5u
void broker_start_settling(struct broker *b);

/*
 * What was looked at so far, to answer and to route: values, filters, nodes,
 * each for about a tenth of a microsecond; and commands. In one turn of the
 * loop so much of that is done for who has sent many frames; then others have
 * theirs. Until the first turn begins there is no end to it.
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

/* Enough: let the publishers go on. */
void broker_settle(struct broker *b);

/* What is published from now on may not stay, or it may. */
void broker_lets_pass(struct broker *b, bool passing);

/* A client has come, and said HELLO. */
void broker_welcomes(struct broker *b);

/* Say GOAWAY to every session that has said HELLO, and to those that will. */
void broker_drain(struct broker *b);

#endif
