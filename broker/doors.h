/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * doors - the sockets that clients connect to, and accepting them.
 */
#ifndef UMBELD_DOORS_H
#define UMBELD_DOORS_H

#include <event2/listener.h>
#include <stddef.h>

#include "admission.h"
#include "broker.h"
#include "config.h"
#include "deadline.h"
#include "listener.h"

/* It did not work, and why was told. */
#define SAID_WHY (-1)

struct door {
	struct doors *doors;
	const struct config_socket *socket;
	struct listener listener;
	struct evconnlistener *accepting;
	unsigned accepted; /* in this turn of the loop */
};

struct doors {
	struct broker *broker;
	struct carrier carrier;
	struct door *all;
	size_t n;                     /* that have been opened */
	size_t n_adopted;             /* of them, handed over to us */
	struct deadline_queue pauses; /* of accepting, without descriptors */
	struct deadline pause;
};

/* For connections that `carrier` is to serve. */
void doors_init(struct doors *d, struct broker *b, struct carrier carrier);

/*
 * Open `n` sockets, borrowed, that `flag` chose. Returns 0, -errno, or SAID_WHY;
 * doors_close() either way.
 */
int doors_open(struct doors *d, struct event_base *base, const char *flag,
               const struct config_socket *sockets, size_t n);

/* The turn is over: whoever waits to be accepted may come in again. */
void doors_end_turn(struct doors *d);

/* Nobody can connect any more. */
void doors_stop(struct doors *d);

/* Let go of the locks, too. */
void doors_close(struct doors *d);

#endif
