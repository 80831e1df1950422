/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * roster - all sessions by their numbers.
 *
 * Numbers rise (but once in 2^32), and sessions come nearly in their order, so it
 * is an array in that order; a session that has gone leaves an empty seat, and the empty seats
 * go when they are the most.
 * Whoever asks for the next number, again and again, meets every session that
 * was there all the time exactly once.
 */
#ifndef UMBELD_ROSTER_H
#define UMBELD_ROSTER_H

#include <stddef.h>
#include <stdint.h>

struct session;

struct roster {
	struct seat *seats;
	size_t n; /* seats, including the empty ones */
	size_t n_empty;
	size_t cap;
};

void roster_fini(struct roster *r);

/* `id` must not be on the roster. Returns 0, or -ENOMEM with nothing
   changed. */
int roster_add(struct roster *r, uint32_t id, struct session *s);

/* Does nothing if `id` is not there. */
void roster_remove(struct roster *r, uint32_t id);

/* The session with this number, or NULL. */
struct session *roster_find(const struct roster *r, uint32_t id);

/* The first session whose number is `id` or above; NULL if there is none. */
struct session *roster_from(const struct roster *r, uint64_t id);

#endif
