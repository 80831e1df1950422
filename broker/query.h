/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * query - the options in the payload of an introspection request.
 */
#ifndef UMBELD_QUERY_H
#define UMBELD_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

/* The value of a number option that was not given. */
#define QUERY_ANY UINT64_MAX

/* Texts are borrowed from the payload; those that were not given are nil. */
struct query {
	uint64_t after;         /* 0: from the start */
	struct text after_text; /* `after`, if it was a str */
	struct text topic;
	struct text filter;
	uint64_t session;
	uint64_t uid;
};

/* The error for an `after` that is not a number; most lists require one. */
#define QUERY_WRONG_AFTER \
	"the option after has to be what the answer before gave as next"

/*
 * Read a payload, which is empty or a map of options. Returns false if it is
 * neither, or if a known option has the wrong type.
 */
bool query_read(const uint8_t *payload, size_t len, struct query *out);

#endif
