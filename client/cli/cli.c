/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "spelling.h"
#include "text.h"

/* ---- messages ----------------------------------------------------------- */

/* There is a line of progress where the cursor is. */
static bool progress_stands;

/* Of who draws on the whole terminal. */
static struct buf *complaints;
static void (*leave_screen)(void);

void
cli_complain_into(struct buf *sink, void (*leave)(void))
{
	complaints = sink;
	leave_screen = leave;
}

bool
cli_can_erase(void)
{
	const char *term = getenv("TERM");

	return !complaints && isatty(STDERR_FILENO) && term && *term &&
	       strcmp(term, "dumb") != 0;
}

void
cli_progress_stands(bool stands)
{
	progress_stands = stands;
}

__attribute__((format(printf, 2, 0))) static void
say(const char *before, const char *format, va_list args)
{
	char text[4096];
	struct buf line = { 0 };

	vsnprintf(text, sizeof(text), format, args);
	if (complaints) {
		complaints->len = 0;
		text_append_visible(complaints, text, strlen(text), "");
		buf_text(complaints);
		return;
	}
	if (progress_stands)
		buf_puts(&line, CLI_ERASE);
	buf_puts(&line, before);
	text_append_visible(&line, text, strlen(text), "\n");
	buf_putc(&line, '\n');
	fwrite(line.at, 1, line.len, stderr);
	buf_free(&line);
}

void
cli_complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("umbel: ", format, args);
	va_end(args);
}

void
cli_hint(const char *format, ...)
{
	va_list args;

	if (complaints)
		return; /* there is one line */
	va_start(args, format);
	say("  ", format, args);
	va_end(args);
}

/* Not with buf.c, which comes here when there is no memory. */
void
cli_die(const char *format, ...)
{
	va_list args;

	if (leave_screen)
		leave_screen();
	fputs("umbel: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(CLI_FAILED);
}

void
cli_misused(const struct cli *cli, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("umbel: ", format, args);
	va_end(args);
	cli_hint("see: umbel %s%s--help", cli->verb ? cli->verb : "",
	         cli->verb ? " " : "");
	exit(CLI_USAGE);
}

const char *
cli_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

void
cli_print(const char *text)
{
	if (fputs(text, stdout) == EOF || fflush(stdout) == EOF)
		cli_die("cannot write to stdout: %s", strerror(errno));
}

/* ---- options ------------------------------------------------------------ */

/* A slip of the fingers; NULL: more than that. */
static const struct option *
nearest_option(const char *name, const struct option *options)
{
	const struct option *best = NULL;
	size_t best_distance = 3;

	for (; options->name; options++) {
		size_t d = spelling_distance(name, options->name);

		if (d < best_distance && d < strlen(options->name)) {
			best = options;
			best_distance = d;
		}
	}
	return best;
}

/* Unknown, or the beginning of several, or one that takes no value. */
static _Noreturn void
refuse_long_option(const struct cli *cli, const char *arg,
                   const struct option *options)
{
	const struct option *meant;
	char name[32];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(arg + 2, "="),
	         arg + 2);
	meant = nearest_option(name, options);
	if (meant && strcmp(meant->name, name) == 0)
		cli_misused(cli, "--%s takes no value", name);
	if (meant)
		cli_misused(cli, "no option --%s; do you mean --%s?", name,
		            meant->name);
	cli_misused(cli, "no option --%s", name);
}

static _Noreturn void
refuse_option(const struct cli *cli, char **argv, bool lacks_value,
              const struct option *options)
{
	const char *arg = argv[optind - 1];

	if (lacks_value)
		cli_misused(cli, "option %s needs a value", arg);
	if (strncmp(arg, "--", 2) == 0)
		refuse_long_option(cli, arg, options);
	cli_complain("no option -%c", optopt);
	cli_hint("what begins with - and is no option goes behind --");
	cli_hint("see: umbel %s%s--help", cli->verb ? cli->verb : "",
	         cli->verb ? " " : "");
	exit(CLI_USAGE);
}

int
cli_next_option(struct cli *cli, int argc, char **argv, const char *letters,
                const struct option *options, const char *help)
{
	opterr = 0;
	for (;;) {
		int c = getopt_long(argc, argv, letters, options, NULL);

		switch (c) {
		case 'h':
			cli_print(help);
			exit(CLI_OK);
		case 's':
			if (!*optarg)
				cli_misused(cli, "-s: the path is empty");
			cli->socket = optarg;
			break;
		case CLI_OPT_NAME:
			cli->name = optarg;
			break;
		case CLI_OPT_WAIT:
			cli->wait_ms = cli_seconds("--wait", optarg);
			break;
		case CLI_OPT_WILL_TOPIC:
			cli->will_topic = optarg;
			break;
		case CLI_OPT_WILL_PAYLOAD:
			cli->will_payload = optarg;
			break;
		case CLI_OPT_WILL_RETAIN:
			cli->will_retain = true;
			break;
		case '?':
		case ':':
			refuse_option(cli, argv, c == ':', options);
		default:
			return c;
		}
	}
}

int64_t
cli_seconds(const char *option, const char *text)
{
	char *end;
	double seconds;

	errno = 0;
	seconds = strtod(text, &end);
	if (*end || end == text || errno || isnan(seconds) || seconds < 0) {
		cli_complain("%s: %s is not a number of seconds", option, text);
		exit(CLI_USAGE);
	}
	if (seconds > 1e9)
		return CLI_FOREVER;
	return (int64_t)(seconds * 1000 + 0.999); /* never sooner */
}

int64_t
cli_timeout(const char *text)
{
	int64_t ms = cli_seconds("--timeout", text);

	if (ms == 0) {
		cli_complain("--timeout: 0 leaves no time; inf is for ever");
		exit(CLI_USAGE);
	}
	return ms;
}

uint64_t
cli_number(const char *option, const char *text, uint64_t least, uint64_t most)
{
	char *end;
	uintmax_t n;

	errno = 0;
	n = strtoumax(text, &end, 10);
	if (*end || *text < '0' || *text > '9' || errno || n < least ||
	    n > most) {
		if (most == UINT64_MAX)
			cli_complain("%s: %s is not a whole number, at least "
			             "%" PRIu64,
			             option, text, least);
		else
			cli_complain("%s: %s is not a whole number from "
			             "%" PRIu64 " to %" PRIu64,
			             option, text, least, most);
		exit(CLI_USAGE);
	}
	return n;
}

/* ---- the clock ---------------------------------------------------------- */

int64_t
cli_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
cli_now_ms(void)
{
	return cli_now_us() / 1000;
}

int64_t
cli_deadline(int64_t in_ms)
{
	return in_ms < 0 ? CLI_FOREVER : cli_now_ms() + in_ms;
}

int
cli_left(int64_t deadline)
{
	int64_t left;

	if (deadline < 0)
		return -1;
	left = deadline - cli_now_ms();
	if (left < 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}
