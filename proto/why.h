/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * why - why a filter does not match a topic, and how little is missing.
 *
 * For people who wonder why their subscriber gets nothing.
 */
#ifndef UMBEL_PROTO_WHY_H
#define UMBEL_PROTO_WHY_H

#include <stddef.h>

enum why {
	WHY_MATCHES,
	WHY_DIFFERS,  /* the token of the filter is not that of the topic */
	WHY_ENDS,     /* the topic ends where the filter has this token */
	WHY_GOES_ON,  /* the topic has this token, the filter none */
	WHY_RESERVED, /* a leading wildcard, and a topic that begins with $ */
};

/*
 * Why does the filter not match? Both must be valid. *token is the first token
 * at which they part, counted from 0; of WHY_MATCHES it means nothing.
 */
enum why why_not(const char *filter, size_t filter_len, const char *topic,
                 size_t topic_len, unsigned *token);

/* "matches", "differs", "ends", "goes_on", "reserved" */
const char *why_word(enum why why);

/*
 * How many bytes have to be put in, taken out or replaced to make the filter
 * match; more than `max` is max + 1. A `*` stands for any one token and `**`
 * for any rest. The work is about the product of both lengths.
 */
unsigned why_distance(const char *filter, size_t filter_len, const char *topic,
                      size_t topic_len, unsigned max);

/*
 * No less than that, for about the sum of both lengths: what is left when both
 * ends, as far as they agree, are taken away. Right for what was mistyped in
 * one place.
 */
unsigned why_estimate(const char *filter, size_t filter_len, const char *topic,
                      size_t topic_len);

#endif
