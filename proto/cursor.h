/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * cursor - reads msgpack in place: iterative, allocation-free.
 *
 * Everything that comes from a socket passes through here first. A cursor never
 * reads past its end, never believes a count that the remaining bytes could not
 * hold, and never recurses. msgpack-c, which allocates as much as a count
 * claims, only sees bodies that cursor_check_body() has accepted.
 */
#ifndef UMBEL_PROTO_CURSOR_H
#define UMBEL_PROTO_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nesting depth of arrays and maps, including the outermost. */
#define CURSOR_MAX_DEPTH 8u

enum cursor_kind {
	CURSOR_NIL,
	CURSOR_BOOL,
	CURSOR_UINT, /* any integer >= 0, in any encoding */
	CURSOR_INT,  /* an integer < 0 */
	CURSOR_FLOAT,
	CURSOR_STR,
	CURSOR_BIN,
	CURSOR_ARRAY,
	CURSOR_MAP,
	CURSOR_EXT,
};

struct cursor {
	const uint8_t *at;
	const uint8_t *end;
};

struct cursor_item {
	enum cursor_kind kind;
	uint32_t len; /* str, bin, ext: bytes; array: elements; map: pairs */
	const uint8_t *data; /* str, bin, ext: borrowed from the input */
	union {
		bool b;
		uint64_t u;
		int64_t i;
		double f;
	} value;
};

static inline struct cursor
cursor_over(const void *data, size_t len)
{
	const uint8_t *at = data;

	return (struct cursor){ .at = at, .end = at + len };
}

/*
 * Read one item and step over it; for an array or a map that is only the head,
 * and its elements come next. False when there is none: the end, a truncated or
 * impossible item, or a count that cannot fit in the remaining bytes.
 */
bool cursor_next(struct cursor *c, struct cursor_item *item);

/* What cursor_skip() demands of the values that it steps over. */
enum cursor_rules {
	CURSOR_ANY = 0,
	/* valid UTF-8 in every str, a str for every key, no ext */
	CURSOR_STRICT = 1,
};

/*
 * Step over one whole value, with arrays and maps nested at most `depth` deep.
 * False when it is malformed, too deep, or breaks `rules`.
 */
bool cursor_skip(struct cursor *c, unsigned depth, enum cursor_rules rules);

/*
 * Is this a frame's body: one array that begins with an unsigned integer, well
 * formed to its end, not too deep, with nothing after it? Its first element
 * goes to *type; a value of 2^32 or more becomes UINT32_MAX.
 */
bool cursor_check_body(const uint8_t *body, size_t len, uint32_t *type);

#endif
