/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * filter - compares filters: whether one covers another, or both intersect.
 *
 * Both arguments must be valid; a topic is a filter that matches only itself.
 * The limit of TOPIC_MAX bytes for a topic is ignored: where it alone would
 * decide, covers says no and intersects says yes, which is the safe answer for
 * granting rights.
 */
#ifndef UMBEL_PROTO_FILTER_H
#define UMBEL_PROTO_FILTER_H

#include <stdbool.h>
#include <stddef.h>

/* Does `a` match every topic that `b` matches? */
bool filter_covers(const char *a, size_t a_len, const char *b, size_t b_len);

/* Is there a topic that both match? */
bool filter_intersects(const char *a, size_t a_len, const char *b,
                       size_t b_len);

#endif
