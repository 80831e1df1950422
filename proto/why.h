/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * why - explains why a filter does not match a topic, and how little is
 * missing.
 *
 * For people who wonder why their subscriber gets no messages.
 */
#ifndef UMBEL_PROTO_WHY_H
#define UMBEL_PROTO_WHY_H

#include <stddef.h>

enum why {
	WHY_MATCHES,
	WHY_DIFFERS,  /* the tokens of filter and topic differ */
	WHY_ENDS,     /* the topic ends where the filter has this token */
	WHY_GOES_ON,  /* the topic has this token, the filter none */
	WHY_RESERVED, /* a leading wildcard, and a topic that begins with $ */
};

/*
 * Why does the filter not match? Both must be valid. *token is the first token
 * at which they differ, counted from 0; it means nothing for WHY_MATCHES.
 */
enum why why_not(const char *filter, size_t filter_len, const char *topic,
                 size_t topic_len, unsigned *token);

/* "matches", "differs", "ends", "goes_on", "reserved" */
const char *why_word(enum why why);

/*
 * How many bytes must be inserted, removed or replaced to make the filter
 * match; max + 1 if more than `max`. A `*` stands for any one token and `**`
 * for any rest. Takes time proportional to the product of both lengths.
 */
unsigned why_distance(const char *filter, size_t filter_len, const char *topic,
                      size_t topic_len, unsigned max);

/*
 * An upper bound of why_distance(), in time proportional to the sum of both
 * lengths: what is left when the parts that agree at both ends are removed.
 * Exact for a typing error in one place.
 */
unsigned why_estimate(const char *filter, size_t filter_len, const char *topic,
                      size_t topic_len);

#endif
