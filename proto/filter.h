/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * filter - filters against filters: what one matches and another does not.
 *
 * Both arguments must be valid; a topic is a filter that matches itself alone.
 * That a topic has at most TOPIC_MAX bytes is left out of account: where it
 * alone would decide, covers says no and intersects says yes, the careful
 * answer for whoever grants rights by them.
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
