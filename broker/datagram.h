/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * datagram - messages from senders too small to connect.
 *
 * What a datagram may say is in proto/datagram.h; who sent it is the kernel's
 * word. It is published at once or not at all: nobody is told, and nobody is
 * held up. What is refused is counted by cause, and each cause that occurs is
 * logged once a second.
 */
#ifndef UMBELD_DATAGRAM_H
#define UMBELD_DATAGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "broker.h"
#include "deadline.h"
#include "peer.h"
#include "proto/datagram.h"

/* Users whose datagrams are counted apart in one second. */
#define DATAGRAM_USERS 256u

/* The words of a refusal; longer ones are cut. */
#define DATAGRAM_WHY_MAX 320u

/* What is logged of one cause when its second is over. */
struct datagram_report {
	struct deadline due; /* set: do not log before */
	uint64_t n;          /* not logged yet */
	struct peer last;
	char why[DATAGRAM_WHY_MAX];
};

struct datagrams {
	struct broker *broker;
	int fd;
	struct slab *slab; /* where they are received, during a batch */
	uint32_t used;     /* of it */
	struct deadline_queue seconds;
	struct datagram_report reports[DATAGRAM_N_FATES];
	/* how many each user has sent in this second */
	uint64_t second;
	struct {
		uid_t uid;
		uint32_t n; /* 0: free */
	} users[DATAGRAM_USERS];
};

/* Read from `fd`, which is borrowed and asks for credentials. */
void datagrams_init(struct datagrams *d, struct broker *b, int fd);
void datagrams_fini(struct datagrams *d);

/*
 * Take a batch of what is there. False when there was less than a batch. Not
 * to be called while the broker is settling.
 */
bool datagrams_take(struct datagrams *d);

#endif
