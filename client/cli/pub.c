/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel pub - publish, and exit 0 only when the broker has confirmed it all.
 *
 * stdin is read only when --lines or --stdin says so: a script in a `while
 * read` loop must not lose its lines to us, nor hang where there is no stdin.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "cli.h"
#include "client/umbel.h"
#include "connection.h"
#include "names.h"
#include "payload.h"
#include "signals.h"

/* A broker that was lost may take this long to return, without --wait. */
#define PATIENCE_MS 30000

struct pub {
	struct cli *cli;
	struct connection connection;
	const char *topic;
	struct payload payload;
	bool require_subscriber;
	bool retain;
	int64_t deadline;
};

static const char help[] =
	"usage: umbel pub [OPTION...] TOPIC PAYLOAD\n"
	"       umbel pub [OPTION...] TOPIC (--lines|--stdin|--file F|--empty)\n"
	"\n"
	"Publish PAYLOAD on TOPIC; exits 0 when the broker has confirmed it.\n"
	"\n"
	"      --lines          one message for each line of stdin, as they come\n" PAYLOAD_OPTIONS_HELP
	"      --retain         the broker keeps it as the topic's last value, for\n"
	"                       umbel get and sub --retained; --empty clears it\n"
	"      --require-subscriber\n"
	"                       exit 3 when a message reached nobody\n"
	"      --timeout S      give up after so many seconds: exit 5\n" CLI_WILL_HELP
		CLI_OPTIONS_HELP "\n"
	"A payload that begins with - goes behind --: umbel pub -- temp -5\n"
	"When the broker is lost on the way, pub waits up to 30 s (or --wait)\n"
	"for it to return, and tells how many messages stayed unconfirmed.\n";

/* ---- one message -------------------------------------------------------- */

/* Publish, waiting for room as long as it takes. A verdict. */
static int
publish(struct pub *p, const char *data, size_t len)
{
	struct connection *n = &p->connection;
	const struct payload *payload = &p->payload;
	int r = payload_convert(&p->payload, &data, &len);

	if (r != CLI_OK)
		return r;
	for (;;) {
		r = umbel_publish_opts(
			n->c, p->topic, data, len,
			UMBEL_PUB_OPTIONS(.headers = payload->headers,
		                          .n_headers = payload->n_headers,
		                          .content_type =
		                                  payload_content_type(payload),
		                          .retain = p->retain));
		if (r == 0)
			return CLI_OK;
		if (r == -EMSGSIZE)
			return payload_too_long(payload, n, len, false);
		if (r != -EAGAIN) {
			cli_complain("cannot publish: %s", umbel_strerror(r));
			return CLI_FAILED;
		}
		r = progress_step(&p->payload.progress, n, NULL, 0,
		                  p->deadline);
		payload_tell(&p->payload, len);
		if (r != CLI_OK)
			return r;
	}
}

/* ---- input -------------------------------------------------------------- */

/* Publish the whole lines in `in` and keep the rest; `seen` bytes at its front
   are known to hold no end of line. */
static int
publish_whole_lines(struct pub *p, struct buf *in, size_t seen)
{
	char *line = in->at;
	char *end = in->at + in->len;
	char *newline = memchr(line + seen, '\n', in->len - seen);
	int r = CLI_OK;

	if (!newline)
		return CLI_OK;
	umbel_cork(p->connection.c);
	while (newline && r == CLI_OK) {
		p->payload.line++;
		r = publish(p, line, (size_t)(newline - line));
		line = newline + 1;
		newline = memchr(line, '\n', (size_t)(end - line));
	}
	umbel_uncork(p->connection.c);
	in->len = (size_t)(end - line);
	memmove(in->at, line, in->len);
	return r;
}

static int
publish_lines(struct pub *p)
{
	struct buf in = { 0 };
	bool ended = false;
	size_t seen = 0;
	int r = CLI_OK;

	while (r == CLI_OK && !ended) {
		r = payload_read_some(&p->payload, &p->connection, STDIN_FILENO,
		                      p->deadline, &in, &ended);
		if (r == CLI_OK && in.len > seen)
			r = publish_whole_lines(p, &in, seen);
		seen = in.len;
		if (r == CLI_OK && seen > umbel_max_frame(p->connection.c)) {
			p->payload.line++;
			r = payload_too_long(&p->payload, &p->connection, seen,
			                     true);
		}
	}
	if (r == CLI_OK && in.len > 0) { /* a last line without its end */
		p->payload.line++;
		r = publish(p, in.at, in.len);
	}
	buf_free(&in);
	return r;
}

static int
publish_one(struct pub *p)
{
	struct buf in = { 0 };
	int r = payload_read(&p->payload, &p->connection, p->deadline, &in);

	if (r == CLI_OK)
		r = publish(p, in.at, in.len);
	buf_free(&in);
	return r;
}

static int
publish_input(struct pub *p)
{
	return p->payload.source == FROM_LINES ? publish_lines(p)
	                                       : publish_one(p);
}

/* ---- the end ------------------------------------------------------------ */

/* The input is over, or something ended it: what became of what was taken? */
static int
conclude(struct pub *p, int r)
{
	struct umbel_stats stats;
	uint64_t missing = connection_unconfirmed(&p->connection);

	umbel_get_stats(p->connection.c, &stats, sizeof(stats));
	if (missing > 0) {
		cli_complain("%" PRIu64 " of %" PRIu64
		             " message%s unconfirmed: "
		             "may or may not have arrived",
		             missing, stats.published,
		             cli_plural(stats.published));
		return r != CLI_OK ? r : CLI_NO_BROKER;
	}
	if (r == CLI_OK && (stats.refused > 0 || p->connection.refused > 0))
		return CLI_REFUSED;
	if (r == CLI_OK && p->require_subscriber && stats.unmatched > 0) {
		cli_complain("nobody listened to %" PRIu64 " of %" PRIu64
		             " message%s",
		             stats.unmatched, stats.published,
		             cli_plural(stats.published));
		return CLI_UNHEARD;
	}
	return r;
}

/* Whatever ended the input, what was taken from it is to be confirmed. */
static int
confirm(struct pub *p, int r)
{
	int64_t deadline = p->deadline;
	int flushed;

	if (r == CLI_TIMEOUT || r == CLI_NO_BROKER ||
	    connection_unconfirmed(&p->connection) == 0)
		return r;
	if (r > CLI_SIGNAL) {
		signals_forgive();
		deadline = cli_deadline(2000);
	}
	flushed = connection_flush(&p->connection, deadline);
	return r == CLI_OK ? flushed : r;
}

static int
run(struct pub *p)
{
	int r;

	signals_watch();
	connection_open(&p->connection, p->cli, UMBEL_BLOCK);
	r = connection_establish(&p->connection, p->deadline);
	if (r == CLI_OK) {
		p->connection.patience_ms = p->cli->wait_ms == CLI_UNSET
		                                    ? PATIENCE_MS
		                                    : p->cli->wait_ms;
		progress_begin(&p->payload.progress);
		r = publish_input(p);
		progress_end(&p->payload.progress);
		r = conclude(p, confirm(p, r));
	}
	if (r == CLI_TIMEOUT)
		cli_complain("timed out");
	connection_close(&p->connection);
	return r;
}

/* ---- the command line --------------------------------------------------- */

static void
take_arguments(struct pub *p, int argc, char **argv)
{
	if (argc == 0)
		cli_misused(p->cli, "which topic?");
	p->topic = argv[0];
	if (argc > 2 && names_are_files(argv, argc - 1)) {
		cli_complain("too many arguments, and they are names of files");
		cli_hint("did the shell replace a wildcard? a topic has none");
		exit(CLI_USAGE);
	}
	if (argc > 2)
		cli_misused(p->cli, "too many arguments: quote a PAYLOAD that "
		                    "has spaces");
	if (names_fault(p->topic, false))
		names_refuse(p->cli, p->topic, false);
	if (argc == 2) {
		payload_set_source(&p->payload, FROM_ARGUMENT);
		p->payload.text = argv[1];
	}
	if (p->payload.source == FROM_NOWHERE) {
		cli_complain("nothing to publish on %s", p->topic);
		cli_hint("give a PAYLOAD, or --lines or --stdin to read stdin, "
		         "--file F, or --empty");
		exit(CLI_USAGE);
	}
}

enum {
	OPT_LINES = CLI_OPT_VERB,
	OPT_RETAIN,
	OPT_REQUIRE,
	OPT_TIMEOUT,
};

static const struct option options[] = {
	CLI_OPTIONS,
	CLI_WILL_OPTIONS,
	{ "lines", no_argument, NULL, OPT_LINES },
	PAYLOAD_OPTIONS,
	{ "retain", no_argument, NULL, OPT_RETAIN },
	{ "require-subscriber", no_argument, NULL, OPT_REQUIRE },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ 0 },
};

static void
take_option(struct pub *p, int option)
{
	switch (option) {
	case OPT_LINES:
		payload_set_source(&p->payload, FROM_LINES);
		break;
	case OPT_RETAIN:
		p->retain = true;
		break;
	case OPT_REQUIRE:
		p->require_subscriber = true;
		break;
	case OPT_TIMEOUT:
		p->deadline = cli_deadline(cli_timeout(optarg));
		break;
	default:
		payload_take_option(&p->payload, option);
		break;
	}
}

int
pub_main(struct cli *cli, int argc, char **argv)
{
	struct pub p = {
		.cli = cli,
		.payload.cli = cli,
		.deadline = CLI_FOREVER,
	};
	int option;
	int r;

	while ((option = cli_next_option(cli, argc, argv, ":hs:H:", options,
	                                 help)) != -1)
		take_option(&p, option);
	take_arguments(&p, argc - optind, argv + optind);
	if (p.payload.format != AS_IS && p.payload.source == FROM_EMPTY)
		cli_misused(cli, "an empty message is not JSON");
	r = run(&p);
	payload_free(&p.payload);
	return r;
}
