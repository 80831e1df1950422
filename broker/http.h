/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * http - a parser for requests in HTTP/1.1 and 1.0 (RFC 9112). It works in
 * place: no sockets, no allocation, no clock.
 *
 * It is strict where two parsers could disagree about where a message ends. All
 * other malformed requests get 400.
 */
#ifndef UMBELD_HTTP_H
#define UMBELD_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

/* Borrows from the bytes that it was parsed from. */
struct http_head {
	struct text method;
	struct text path;   /* not decoded: see http_decode() */
	struct text query;  /* after the "?"; nil if there is none */
	struct text fields; /* all header lines */
	unsigned minor;     /* of HTTP/1. */
	bool keep_alive;    /* another request may follow */
	bool chunked;       /* of the body; else it has `length` bytes */
	bool waits;         /* for 100 Continue before sending the body */
	uint64_t length;
};

/* The length of the head that begins at `bytes`, with its final empty line; 0
   if it is not complete. Empty lines before it are part of it. */
size_t http_head_length(const char *bytes, size_t len);

/*
 * Parse such a head. Returns 0, or the HTTP status that says what is wrong. On
 * an error *out holds what was parsed so far, and the rest of the connection
 * cannot be interpreted.
 */
unsigned http_read_head(const char *bytes, size_t len, struct http_head *out);

/* The value of a header field, without surrounding white space; nil if
   absent. */
struct text http_field(const struct http_head *h, const char *name);

/* ---- the target ----------------------------------------------------------- */

/*
 * Percent-decode into `out`. Returns the length, or -1 if `in` is malformed or
 * longer than `cap`. `in` must not be nil.
 */
int http_decode(struct text in, char *out, size_t cap);

/*
 * The `nth` (from 0) value of this name in the query, decoded ("+" is a space).
 * Returns its length, -1 like http_decode(), or HTTP_ABSENT.
 */
#define HTTP_ABSENT (-2)
int http_query(const struct http_head *h, const char *name, unsigned nth,
               char *out, size_t cap);

/* Take the next name from what is left of a query, as it was sent: it may be
   empty. False: there is none. */
bool http_query_next(struct text *rest, struct text *name);

/* ---- a body in chunks ----------------------------------------------------- */

struct http_chunks {
	enum {
		HTTP_SIZE, /* expects the line with the next chunk's size */
		HTTP_DATA,
		HTTP_DATA_END, /* the end of line after a chunk */
		HTTP_TRAILER,
	} at;
	uint64_t left;    /* of the chunk */
	uint32_t trailer; /* bytes of it so far */
};

enum http_piece {
	HTTP_PIECE,      /* *data is part of the body */
	HTTP_PIECE_LAST, /* the body has ended */
	HTTP_PIECE_MORE, /* more input is needed */
	HTTP_PIECE_BAD,
};

/*
 * Get the next piece of the body from these bytes, at most `most` bytes of it.
 * *used is the number of input bytes consumed. The initial state is {0}.
 */
enum http_piece http_next_piece(struct http_chunks *c, const char *bytes,
                                size_t len, size_t most, size_t *used,
                                struct text *data);

/* ---- answers -------------------------------------------------------------- */

/* "Not Found" */
const char *http_phrase(unsigned status);

/* "Sun, 06 Nov 1994 08:49:37 GMT", from seconds since 1970. */
#define HTTP_DATE_SIZE 32
void http_date(int64_t seconds, char out[HTTP_DATE_SIZE]);

#endif
