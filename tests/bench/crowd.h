/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * crowd - an actor with many clients or many filters, that nobody publishes to.
 */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "run.h"

/* The filters are crowd.<part>.<client>.<i>. */
struct crowd {
	unsigned n_clients;
	unsigned n_filters; /* of each client */
};

/* Subscribes before the start, and does nothing from then on. */
void crowd_hold(struct actor *me);

/* Waits for the start; figures[0] is how many seconds it took to connect and
   subscribe. */
void crowd_time(struct actor *me);

/* The length of its filters in all. */
size_t crowd_text(const struct crowd *c, unsigned part);

#endif
