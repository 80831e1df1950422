/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * doors - the sockets that clients connect to, and how connections are
 * accepted.
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

/* An error whose reason has already been printed. */
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
	size_t n; /* that have been opened */
	/* of them, handed over by the supervisor */
	size_t n_adopted;
	struct deadline_queue pauses; /* when out of descriptors */
	struct deadline pause;
};

/* `carrier` will serve the accepted connections. */
void doors_init(struct doors *d, struct broker *b, struct carrier carrier);

/*
 * Open `n` sockets, which are borrowed; `flag` is the option that chose them.
 * Returns 0, -errno, or SAID_WHY. Call doors_close() in each case.
 */
int doors_open(struct doors *d, struct event_base *base, const char *flag,
               const struct config_socket *sockets, size_t n);

/* Call at the end of each turn: accepting continues. */
void doors_end_turn(struct doors *d);

/* Stop: nobody can connect any more. */
void doors_stop(struct doors *d);

/* Stop, and release the locks, too. */
void doors_close(struct doors *d);

#endif
