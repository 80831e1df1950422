/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * players - clients that do one thing as fast as they can, each in a thread of
 * its own: publish, receive, answer. When the process ends, however it does,
 * they are gone.
 */
#ifndef UMBEL_CLI_PLAYERS_H
#define UMBEL_CLI_PLAYERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "percentiles.h"

enum role {
	ROLE_PUBLISH, /* messages without end */
	ROLE_RECEIVE,
	ROLE_PASS,  /* one message to itself, then the next: how long it took */
	ROLE_REPLY, /* to requests, with what they say */
	ROLE_ASK,   /* a request, its reply, then the next: the same */
};

struct player {
	struct players *all;
	enum role role;
	pthread_t thread;
	struct umbel *c;
	bool active;           /* its subscription stands */
	bool arrived;          /* what it waits for */
	_Atomic uint64_t done; /* messages, or exchanges */
	_Atomic int error;     /* 0, or why it cannot: -errno, UMBEL_E_* */
	struct percentiles ns; /* of those; read it behind players_stop() */
};

struct players {
	const char *address;
	const char *topic;
	size_t size; /* of a payload */
	struct player *at;
	size_t n;
	size_t n_started;
	char *payload;
	_Atomic size_t ready;
	_Atomic bool go;
	_Atomic bool stop;
};

/* Start from zeros but for the first three; end with players_stop(). */
void players_add(struct players *p, enum role role, size_t n);

/* Let all of them connect and subscribe; ready == n when they have. Returns 0
   or -errno. */
int players_start(struct players *p);

/* The sum of what those with this role have done. */
uint64_t players_done(const struct players *p, enum role role);

/* Why one of them cannot go on; 0: all can. */
int players_error(const struct players *p);

/* Wait for all threads to be over. */
void players_stop(struct players *p);

void players_free(struct players *p);

#endif
