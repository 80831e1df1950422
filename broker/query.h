/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * query - what a request for introspection asks for: the options in its
 * payload.
 */
#ifndef UMBELD_QUERY_H
#define UMBELD_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

/* Of a number: it was not asked for. */
#define QUERY_ANY UINT64_MAX

/* Texts are borrowed from the payload; those not asked for are nil. */
struct query {
	uint64_t after;         /* 0: from the start */
	struct text after_text; /* it was a str */
	struct text topic;
	struct text filter;
	uint64_t session;
	uint64_t uid;
};

/* Where the next page is to begin was no number: of most lists it has to be. */
#define QUERY_WRONG_AFTER \
	"the option after has to be what the answer before gave as next"

/*
 * An empty payload, or a map of options. False when it is neither, or when an
 * option that is known is of another type than it should be.
 */
bool query_read(const uint8_t *payload, size_t len, struct query *out);

#endif
