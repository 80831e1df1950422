/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * http - what a request looks like in HTTP/1.1 and 1.0 (RFC 9112), read where
 * it lies: no sockets, no memory, no clock.
 *
 * Strict where two readers could come to different ends of a message, for
 * everything else a program that speaks HTTP badly gets 400.
 */
#ifndef UMBELD_HTTP_H
#define UMBELD_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

/* Borrows from the bytes that it was read from. */
struct http_head {
	struct text method;
	struct text path;   /* as it was sent: see http_decode() */
	struct text query;  /* behind the ?; nil */
	struct text fields; /* the header lines, whole */
	unsigned minor;     /* of HTTP/1. */
	bool keep_alive;    /* another request may follow */
	bool chunked;       /* of the body; else it has `length` bytes */
	bool waits;         /* for 100 Continue, before it sends the body */
	uint64_t length;
};

/* Where the head that begins at `bytes` ends: behind its empty line. 0: not in
   these bytes. Empty lines in front of it are part of it. */
size_t http_head_length(const char *bytes, size_t len);

/*
 * Read such a head. Returns 0, or the status that says what is wrong with it:
 * then *out is as far as it was read, and what follows it on the connection is
 * nobody's guess.
 */
unsigned http_read_head(const char *bytes, size_t len, struct http_head *out);

/* The value of a header field, without white space around it; nil. */
struct text http_field(const struct http_head *h, const char *name);

/* ---- the target ----------------------------------------------------------- */

/*
 * Percent-decode into `out`. Returns the length, or -1 when it is malformed or
 * longer than `cap`. `in` may not be nil.
 */
int http_decode(struct text in, char *out, size_t cap);

/*
 * The `nth` (from 0) value of this name in the query, decoded (+ is a space):
 * its length, -1 as http_decode(), or HTTP_ABSENT.
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
		HTTP_SIZE, /* a line with the next chunk's size comes */
		HTTP_DATA,
		HTTP_DATA_END, /* the end of line behind a chunk */
		HTTP_TRAILER,
	} at;
	uint64_t left;    /* of the chunk */
	uint32_t trailer; /* bytes of it so far */
};

enum http_piece {
	HTTP_PIECE,      /* of the body: *data */
	HTTP_PIECE_LAST, /* there is no more: the body has ended */
	HTTP_PIECE_MORE, /* too little has come */
	HTTP_PIECE_BAD,
};

/*
 * The next piece of the body in these bytes, at most `most` of it, of which
 * *used have been dealt with. {0} is the state before the first.
 */
enum http_piece http_next_piece(struct http_chunks *c, const char *bytes,
                                size_t len, size_t most, size_t *used,
                                struct text *data);

/* ---- answers -------------------------------------------------------------- */

/* "Not Found" */
const char *http_phrase(unsigned status);

/* "Sun, 06 Nov 1994 08:49:37 GMT", of seconds since 1970. */
#define HTTP_DATE_SIZE 32
void http_date(int64_t seconds, char out[HTTP_DATE_SIZE]);

#endif
