/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * connection - one handle of libumbel, as a command needs it: either there is
 * a broker or a clear word why not, every change afterwards is told on stderr,
 * and whatever is waited for, a signal ends it.
 */
#ifndef UMBEL_CLI_CONNECTION_H
#define UMBEL_CLI_CONNECTION_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "cli.h"
#include "client/umbel.h"

struct connection {
	struct umbel *c;
	const struct cli *cli;
	int64_t patience_ms; /* how long it may be lost; CLI_FOREVER */

	enum umbel_state state;
	bool stood;       /* it was CONNECTED once */
	bool lost;        /* ... and then it was not */
	int64_t lost_at;  /* cli_now_ms() */
	int error;        /* why it is not CONNECTED: 0, -errno, UMBEL_E_* */
	struct buf why;   /* the same in words */
	uint64_t refused; /* complaints of the broker about what we sent */
	int64_t held_at;  /* when a hold was last told */
	uint64_t missed;  /* messages that the broker said are lost */
	struct buf *out;  /* what is to be on stdout before a loss is told: in
	                     its place; NULL: nothing */
	bool unwritten;   /* ... and could not be put there */
	bool flushed;     /* the answer to connection_flush() is here ... */
	int flush_error;  /* ... and is this */
	bool confirming;  /* connection_confirm() has asked ... */
	uint64_t asked;   /* ... about so many messages */
};

/* Make the handle; ends the process when the options do not allow one. What
   becomes of messages that we do not read in time, `overflow` says. */
void connection_open(struct connection *n, const struct cli *cli,
                     enum umbel_overflow overflow);

/*
 * Wait for the broker as long as --wait says, without it for one attempt.
 * Returns a verdict: CLI_OK, or another, and the complaint is made.
 */
int connection_establish(struct connection *n, int64_t deadline);

/* The same for who has `timeout_ms` for an answer: that is for the connection,
   too, unless --wait has another time for it. */
int connection_establish_in_time(struct connection *n, int64_t timeout_ms);

/*
 * Wait until the handle, one of `others` or a signal has something to say, and
 * let the handle do its work. `others` as for poll(); none of them has events
 * when 0 is not returned.
 *
 * Returns CLI_OK, CLI_TIMEOUT at the deadline (without a complaint),
 * CLI_NO_BROKER when it was lost for too long or for ever, or CLI_SIGNAL plus
 * the signal that asks for an end.
 */
int connection_step(struct connection *n, struct pollfd *others,
                    nfds_t n_others, int64_t deadline);

/* Ask the broker, without waiting, to confirm what was published, so that only
   what is really in doubt is called so when it is lost. Cheap when it was
   asked before. */
void connection_confirm(struct connection *n);

/* How many published messages are neither confirmed nor refused. */
uint64_t connection_unconfirmed(struct connection *n);

/* Has the broker said that it goes down, but is still there for others? */
bool connection_is_ending(const struct connection *n);

/* Wait until the broker has routed all that was published. A verdict. */
int connection_flush(struct connection *n, int64_t deadline);

/* Why there is no subscription to `filter` (any more), in the words of the
   broker, without those that say that it is about a subscription. */
const char *connection_refusal(struct umbel *c, const char *filter, int error);

/* Say goodbye, and free. */
void connection_close(struct connection *n);

#endif
