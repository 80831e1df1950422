/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * keep - the last values that this client published with the retain flag, for
 * a broker that does not know them.
 *
 * Each value is the frame as it was sent, in a block of its exact size. All of
 * them, including their index, stay below a limit set by the user.
 */
#ifndef UMBEL_CLIENT_KEEP_H
#define UMBEL_CLIENT_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "umbel.h"

struct kept {
	TAILQ_ENTRY(kept) link;
	struct kept *next; /* in its bucket */
	uint64_t hash;
	bool waits; /* for the owner's use: its message is not sent yet */
	size_t frame_len;
	uint8_t *frame; /* a block of its own */
	char topic[];
};

struct keep {
	TAILQ_HEAD(, kept) all; /* in the order in which they were published */
	struct kept **buckets;
	size_t n_buckets; /* a power of two, or 0 */
	size_t n;
	size_t bytes;
	size_t max_bytes;
	uint64_t seed;
};

void keep_init(struct keep *keep, size_t max_bytes, uint64_t seed);
void keep_fini(struct keep *keep);

/*
 * Make a value that is to replace the last value on `topic`. Nothing changes
 * until keep_put(); keep_discard() undoes this instead. 0, -ENOMEM, or
 * UMBEL_E_LIMIT: there is no room.
 */
int keep_make(struct keep *keep, const char *topic, const void *data,
              size_t len, const struct umbel_pub_options *options,
              struct kept **out);
void keep_put(struct keep *keep, struct kept *kept);
void keep_discard(struct kept *kept);

/* The last value on `topic`, or NULL. */
struct kept *keep_find(const struct keep *keep, const char *topic);

/* Forget the last value on `topic`. */
void keep_clear(struct keep *keep, const char *topic);

#endif
