/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * datagram - messages from senders that do not connect.
 *
 * The format of a datagram is defined in proto/datagram.h. The kernel's
 * credentials say who sent it. A datagram is published at once or not at all;
 * the sender is not told, and nobody is held. Refused datagrams are counted by
 * cause, and each cause is logged at most once a second.
 */
#ifndef UMBELD_DATAGRAM_H
#define UMBELD_DATAGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "broker.h"
#include "deadline.h"
#include "peer.h"
#include "proto/datagram.h"

/* The number of users whose datagrams are counted separately in one second. */
#define DATAGRAM_USERS 256u

/* Longest reason of a refusal; longer ones are cut. */
#define DATAGRAM_WHY_MAX 320u

/* What is logged about one cause when its second is over. */
struct datagram_report {
	struct deadline due; /* while it is set, nothing is logged */
	uint64_t n;          /* not logged yet */
	struct peer last;
	char why[DATAGRAM_WHY_MAX];
};

struct datagrams {
	struct broker *broker;
	int fd;
	struct slab *slab; /* where datagrams are received, during a batch */
	uint32_t used;     /* bytes of the slab in use */
	struct deadline_queue seconds;
	struct datagram_report reports[DATAGRAM_N_FATES];
	/* how many datagrams each user has sent in this second */
	uint64_t second;
	struct {
		uid_t uid;
		uint32_t n; /* 0: free */
	} users[DATAGRAM_USERS];
};

/* Read from `fd`, which is borrowed and must have credentials enabled. */
void datagrams_init(struct datagrams *d, struct broker *b, int fd);
void datagrams_fini(struct datagrams *d);

/*
 * Take up to one batch of waiting datagrams. Returns false if there was less
 * than a batch. Must not be called while the broker is settling.
 */
bool datagrams_take(struct datagrams *d);

#endif
