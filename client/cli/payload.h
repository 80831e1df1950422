/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * payload - what is to be sent, as the command line says it: where it comes
 * from, what it is checked for or turned into, and its headers.
 */
#ifndef UMBEL_CLI_PAYLOAD_H
#define UMBEL_CLI_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "cli.h"
#include "client/umbel.h"
#include "connection.h"
#include "progress.h"

enum payload_source {
	FROM_NOWHERE,
	FROM_ARGUMENT,
	FROM_LINES,
	FROM_STDIN,
	FROM_FILE,
	FROM_EMPTY,
};

enum payload_format { AS_IS, JSON, MSGPACK };

/* Starts from zeros but for `cli` and `progress`;
   ends with payload_free(). */
struct payload {
	const struct cli *cli;
	enum payload_source source;
	enum payload_format format;
	const char *text; /* the argument */
	const char *file;
	struct umbel_header *headers;
	size_t n_headers;
	uint64_t line;            /* number of the line in hand, 0: not lines */
	struct buf packed;        /* scratch of --msgpack */
	struct progress progress; /* of reading and sending it */
};

/* ---- the command line --------------------------------------------------- */

enum {
	PAYLOAD_OPT_STDIN = 512,
	PAYLOAD_OPT_FILE,
	PAYLOAD_OPT_EMPTY,
	PAYLOAD_OPT_JSON,
	PAYLOAD_OPT_MSGPACK,
};

/* clang-format off */
#define PAYLOAD_OPTIONS                                            \
	{ "stdin", no_argument, NULL, PAYLOAD_OPT_STDIN },         \
	{ "file", required_argument, NULL, PAYLOAD_OPT_FILE },     \
	{ "empty", no_argument, NULL, PAYLOAD_OPT_EMPTY },         \
	{ "json", no_argument, NULL, PAYLOAD_OPT_JSON },           \
	{ "msgpack", no_argument, NULL, PAYLOAD_OPT_MSGPACK },     \
	{ "header", required_argument, NULL, 'H' }
/* clang-format on */

#define PAYLOAD_OPTIONS_HELP                                                    \
	"      --stdin          all of stdin, to its end, as one message\n"     \
	"      --file F         the content of F as one message\n"              \
	"      --empty          a message without payload\n"                    \
	"      --json           check that the payload is JSON; send it as it " \
	"is\n"                                                                  \
	"      --msgpack        the payload is JSON; send it as msgpack\n"      \
	"  -H, --header K=V     add a header (may be repeated)\n"

/* If `option` is one of these, with its value in optarg, take it. */
bool payload_take_option(struct payload *p, int option);

/* These end the process when it is a second one. */
void payload_set_source(struct payload *p, enum payload_source source);
void payload_set_format(struct payload *p, enum payload_format format);

/* ---- the bytes ---------------------------------------------------------- */

/* How far it is, if it is time to tell: so many lines, or bytes. */
void payload_tell(struct payload *p, size_t len);

/* Read once from `fd`, whenever there is something, and let the handle do its
   work meanwhile. A verdict; *ended at the end of the input. */
int payload_read_some(struct payload *p, struct connection *n, int fd,
                      int64_t deadline, struct buf *in, bool *ended);

/* Argument, stdin or file, whole, into `in`. A verdict. */
int payload_read(struct payload *p, struct connection *n, int64_t deadline,
                 struct buf *in);

/* Check or convert as --json and --msgpack want. A verdict. */
int payload_convert(struct payload *p, const char **data, size_t *len);

/* What the format says, NULL: nothing, or a header says it. */
const char *payload_content_type(const struct payload *p);

/* Complain that `len` bytes (`or_more`: or more) are not taken. The verdict. */
int payload_too_long(const struct payload *p, struct connection *n, size_t len,
                     bool or_more);

void payload_free(struct payload *p);

#endif
