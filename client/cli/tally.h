/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * tally - how many messages came on each topic, and from whom, as somebody saw
 * who watches. Start from zeros, end with tally_free().
 */
#ifndef UMBEL_CLI_TALLY_H
#define UMBEL_CLI_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More topics are counted together. */
#define TALLY_MAX 20000u

struct tally_topic {
	const char *name;
	uint32_t session;  /* who published last ... */
	bool several;      /* ... but not alone */
	unsigned silent;   /* rounds without a message */
	uint64_t messages; /* of this round */
	uint64_t bytes;
	double per_second; /* of the last one */
	double bytes_per_second;
};

struct tally_entry;

struct tally {
	struct tally_entry *entries; /* in the order in which they came */
	uint64_t others; /* messages on topics for which there is no room */
};

void tally_count(struct tally *t, const char *topic, uint32_t session,
                 size_t bytes);

/* A round of so many microseconds is over: rates are those of it. Topics that
   were silent for many rounds are forgotten. */
void tally_turn(struct tally *t, int64_t us);

size_t tally_size(const struct tally *t);

/* NULL: nothing came. */
const struct tally_topic *tally_find(const struct tally *t, const char *topic);

/* The one behind this; the first behind NULL. NULL: there are no more. */
const struct tally_topic *tally_next(const struct tally *t,
                                     const struct tally_topic *topic);

void tally_free(struct tally *t);

#endif
