/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel pub - publish, and exit 0 only when the broker has confirmed it all.
 *
 * stdin is read only when --lines or --stdin says so: a script in a `while
 * read` loop must not lose its lines to us, nor hang where there is no stdin.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "cli.h"
#include "client/umbel.h"
#include "connection.h"
#include "json.h"
#include "names.h"
#include "signals.h"
#include "text.h"

/* How much is read at a time, and so the largest batch that goes out at once.
   Whatever a pipe or terminal gave is published before more is read. */
#define CHUNK (256u * 1024)

/* A broker that was lost may take this long to return, without --wait. */
#define PATIENCE_MS 30000

enum source {
	FROM_NOWHERE,
	FROM_ARGUMENT,
	FROM_LINES,
	FROM_STDIN,
	FROM_FILE,
	FROM_EMPTY,
};

enum format { AS_IS, JSON, MSGPACK };

struct pub {
	struct cli *cli;
	struct connection connection;
	const char *topic;
	const char *payload;
	const char *file;
	enum source source;
	enum format format;
	bool require_subscriber;
	bool retain;
	int64_t deadline;
	struct umbel_header *headers;
	size_t n_headers;
	uint64_t line;     /* number of the line in hand, 0: not lines */
	struct buf packed; /* scratch of --msgpack */
};

static const char help[] =
	"usage: umbel pub [OPTION...] TOPIC PAYLOAD\n"
	"       umbel pub [OPTION...] TOPIC (--lines|--stdin|--file F|--empty)\n"
	"\n"
	"Publish PAYLOAD on TOPIC; exits 0 when the broker has confirmed it.\n"
	"\n"
	"      --lines          one message for each line of stdin, as they come\n"
	"      --stdin          all of stdin, to its end, as one message\n"
	"      --file F         the content of F as one message\n"
	"      --empty          a message without payload\n"
	"      --json           check that the payload is JSON; send it as it is\n"
	"      --msgpack        the payload is JSON; send it as msgpack\n"
	"  -H, --header K=V     add a header (may be repeated)\n"
	"      --retain         the broker keeps it as the topic's last value, for\n"
	"                       umbel get and sub --retained; --empty clears it\n"
	"      --require-subscriber\n"
	"                       exit 3 when a message reached nobody\n"
	"      --timeout S      give up after so many seconds: exit 5\n" CLI_OPTIONS_HELP
	"\n"
	"A payload that begins with - goes behind --: umbel pub -- temp -5\n"
	"When the broker is lost on the way, pub waits up to 30 s (or --wait)\n"
	"for it to return, and tells how many messages stayed unconfirmed.\n";

/* ---- one message -------------------------------------------------------- */

static void
complain_about_input(const struct pub *p, const char *format, const char *why)
{
	if (p->line > 0)
		cli_complain("line %" PRIu64 ": %s: %s", p->line, format, why);
	else
		cli_complain("%s: %s", format, why);
}

/* Check or convert as --json and --msgpack want. A verdict. */
static int
convert(struct pub *p, const char **data, size_t *len)
{
	struct buf why = { 0 };
	bool good = true;

	p->packed.len = 0;
	if (p->format == JSON)
		good = json_is_valid(*data, *len, &why);
	else if (p->format == MSGPACK)
		good = json_to_msgpack(*data, *len, &p->packed, &why);
	if (!good)
		complain_about_input(p, "not JSON", buf_text(&why));
	else if (p->format == MSGPACK)
		*data = p->packed.at, *len = p->packed.len;
	buf_free(&why);
	return good ? CLI_OK : CLI_USAGE;
}

static int
complain_too_long(const struct pub *p, size_t len, const char *or_more)
{
	size_t most = umbel_max_frame(p->connection.c);

	if (p->line > 0)
		cli_complain("line %" PRIu64 " is too long: %zu bytes%s",
		             p->line, len, or_more);
	else
		cli_complain("the payload is too long: %zu bytes%s", len,
		             or_more);
	cli_hint("this broker takes %zu bytes, topic and headers included",
	         most);
	return CLI_FAILED;
}

static bool
has_header(const struct pub *p, const char *key)
{
	for (size_t i = 0; i < p->n_headers; i++)
		if (strcmp(p->headers[i].key, key) == 0)
			return true;
	return false;
}

static const char *
content_type(const struct pub *p)
{
	if (p->format == AS_IS || has_header(p, "content-type"))
		return NULL;
	return p->format == JSON ? "json" : "msgpack";
}

/* Publish, waiting for room as long as it takes. A verdict. */
static int
publish(struct pub *p, const char *data, size_t len)
{
	struct connection *n = &p->connection;
	int r = convert(p, &data, &len);

	if (r != CLI_OK)
		return r;
	for (;;) {
		r = umbel_publish_opts(
			n->c, p->topic, data, len,
			UMBEL_PUB_OPTIONS(.headers = p->headers,
		                          .n_headers = p->n_headers,
		                          .content_type = content_type(p),
		                          .retain = p->retain));
		if (r == 0)
			return CLI_OK;
		if (r == -EMSGSIZE)
			return complain_too_long(p, len, "");
		if (r != -EAGAIN) {
			cli_complain("cannot publish: %s", umbel_strerror(r));
			return CLI_FAILED;
		}
		r = connection_step(n, NULL, 0, p->deadline);
		if (r != CLI_OK)
			return r;
	}
}

/* ---- input -------------------------------------------------------------- */

/* Read once. Returns a verdict; *ended at the end of the input. */
static int
read_some(struct pub *p, int fd, struct buf *in, bool *ended)
{
	struct pollfd input = { .fd = fd, .events = POLLIN };
	ssize_t n;
	int r;

	while (!input.revents) {
		connection_confirm(&p->connection);
		r = connection_step(&p->connection, &input, 1, p->deadline);
		if (r != CLI_OK)
			return r;
	}
	n = read(fd, buf_room(in, CHUNK), CHUNK);
	if (n < 0 && errno != EINTR && errno != EAGAIN) {
		cli_complain("cannot read %s: %s", p->file ? p->file : "stdin",
		             strerror(errno));
		return CLI_FAILED;
	}
	*ended = n == 0;
	in->len += n > 0 ? (size_t)n : 0;
	return CLI_OK;
}

static int
publish_all_of(struct pub *p, int fd)
{
	struct buf in = { 0 };
	bool ended = false;
	int r = CLI_OK;

	while (r == CLI_OK && !ended) {
		r = read_some(p, fd, &in, &ended);
		if (r == CLI_OK && in.len > umbel_max_frame(p->connection.c))
			r = complain_too_long(p, in.len, " or more");
	}
	if (r == CLI_OK)
		r = publish(p, in.at ? in.at : "", in.len);
	buf_free(&in);
	return r;
}

static int
publish_file(struct pub *p)
{
	int fd = open(p->file, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0) {
		cli_complain("cannot open %s: %s", p->file, strerror(errno));
		return CLI_FAILED;
	}
	r = publish_all_of(p, fd);
	close(fd);
	return r;
}

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
		p->line++;
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
		r = read_some(p, STDIN_FILENO, &in, &ended);
		if (r == CLI_OK && in.len > seen)
			r = publish_whole_lines(p, &in, seen);
		seen = in.len;
		if (r == CLI_OK && seen > umbel_max_frame(p->connection.c)) {
			p->line++;
			r = complain_too_long(p, seen, " or more");
		}
	}
	if (r == CLI_OK && in.len > 0) { /* a last line without its end */
		p->line++;
		r = publish(p, in.at, in.len);
	}
	buf_free(&in);
	return r;
}

static int
publish_input(struct pub *p)
{
	switch (p->source) {
	case FROM_ARGUMENT:
		return publish(p, p->payload, strlen(p->payload));
	case FROM_LINES:
		return publish_lines(p);
	case FROM_STDIN:
		return publish_all_of(p, STDIN_FILENO);
	case FROM_FILE:
		return publish_file(p);
	case FROM_EMPTY:
	case FROM_NOWHERE:
		break;
	}
	return publish(p, "", 0);
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
		r = publish_input(p);
		r = conclude(p, confirm(p, r));
	}
	if (r == CLI_TIMEOUT)
		cli_complain("the time is over");
	connection_close(&p->connection);
	return r;
}

/* ---- the command line --------------------------------------------------- */

static void
set_source(struct pub *p, enum source source)
{
	if (p->source != FROM_NOWHERE && p->source != source)
		cli_misused(p->cli, "a message has one source: PAYLOAD, "
		                    "--lines, --stdin, --file or --empty");
	p->source = source;
}

static void
set_format(struct pub *p, enum format format)
{
	if (p->format != AS_IS && p->format != format)
		cli_misused(p->cli, "--json or --msgpack, not both");
	p->format = format;
}

static void
add_header(struct pub *p, char *text)
{
	char *equals = strchr(text, '=');

	if (!equals || equals == text)
		cli_misused(p->cli, "--header wants KEY=VALUE, not %s", text);
	*equals = '\0';
	if (!text_is_utf8(text, strlen(text)) ||
	    !text_is_utf8(equals + 1, strlen(equals + 1)))
		cli_misused(p->cli, "header %s is not UTF-8", text);
	if (has_header(p, text))
		cli_misused(p->cli, "header %s is given twice", text);
	p->headers =
		realloc(p->headers, (p->n_headers + 1) * sizeof(*p->headers));
	if (!p->headers)
		cli_die("out of memory");
	p->headers[p->n_headers++] = (struct umbel_header){
		.key = text,
		.type = UMBEL_STR,
		.value.str = equals + 1,
	};
}

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
		set_source(p, FROM_ARGUMENT);
		p->payload = argv[1];
	}
	if (p->source == FROM_NOWHERE) {
		cli_complain("nothing to publish on %s", p->topic);
		cli_hint("give a PAYLOAD, or --lines or --stdin to read stdin, "
		         "--file F, or --empty");
		exit(CLI_USAGE);
	}
}

enum {
	OPT_LINES = CLI_OPT_VERB,
	OPT_STDIN,
	OPT_FILE,
	OPT_EMPTY,
	OPT_JSON,
	OPT_MSGPACK,
	OPT_RETAIN,
	OPT_REQUIRE,
	OPT_TIMEOUT,
};

static const struct option options[] = {
	CLI_OPTIONS,
	{ "lines", no_argument, NULL, OPT_LINES },
	{ "stdin", no_argument, NULL, OPT_STDIN },
	{ "file", required_argument, NULL, OPT_FILE },
	{ "empty", no_argument, NULL, OPT_EMPTY },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "msgpack", no_argument, NULL, OPT_MSGPACK },
	{ "header", required_argument, NULL, 'H' },
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
		set_source(p, FROM_LINES);
		break;
	case OPT_STDIN:
		set_source(p, FROM_STDIN);
		break;
	case OPT_FILE:
		set_source(p, FROM_FILE);
		p->file = optarg;
		break;
	case OPT_EMPTY:
		set_source(p, FROM_EMPTY);
		break;
	case OPT_JSON:
		set_format(p, JSON);
		break;
	case OPT_MSGPACK:
		set_format(p, MSGPACK);
		break;
	case 'H':
		add_header(p, optarg);
		break;
	case OPT_RETAIN:
		p->retain = true;
		break;
	case OPT_REQUIRE:
		p->require_subscriber = true;
		break;
	case OPT_TIMEOUT:
		p->deadline = cli_deadline(cli_seconds("--timeout", optarg));
		break;
	default:
		break;
	}
}

int
pub_main(struct cli *cli, int argc, char **argv)
{
	struct pub p = { .cli = cli, .deadline = CLI_FOREVER };
	int option;
	int r;

	while ((option = cli_next_option(cli, argc, argv, ":hs:H:", options,
	                                 help)) != -1)
		take_option(&p, option);
	take_arguments(&p, argc - optind, argv + optind);
	if (p.format != AS_IS && p.source == FROM_EMPTY)
		cli_misused(cli, "an empty message is not JSON");
	r = run(&p);
	free(p.headers);
	buf_free(&p.packed);
	return r;
}
