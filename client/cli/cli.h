/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * cli - what the verbs of the command share: how they end, how they complain,
 * and the options that all of them take.
 */
#ifndef UMBEL_CLI_CLI_H
#define UMBEL_CLI_CLI_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* How the command ends; `umbel --help` has the same table for people. */
enum verdict {
	CLI_OK = 0,
	CLI_FAILED = 1,    /* anything that is not one of these */
	CLI_USAGE = 2,     /* the command line or the input is wrong */
	CLI_UNHEARD = 3,   /* --require-subscriber, and nobody listened */
	CLI_NO_BROKER = 4, /* no connection, or none any more */
	CLI_TIMEOUT = 5,   /* the time that was given is over */
	CLI_REFUSED = 6,   /* the broker said no */
	CLI_OWN = 125,     /* run: we failed, not CMD, which has all others */
	CLI_SIGNAL = 128,  /* plus the signal that ended us, or run's CMD */
};

/* What the options that all verbs take said. */
struct cli {
	const char *verb;
	const char *socket; /* NULL: as libumbel chooses */
	const char *name;   /* in the broker's logs; NULL: "umbel VERB" */
	int64_t wait_ms;    /* for a broker; CLI_FOREVER, CLI_UNSET */

	/* what some verbs leave with the broker for when they do not end in
	   order; NULL: nothing */
	const char *will_topic;
	const char *will_payload;
	bool will_retain;
};

#define CLI_FOREVER (-1)
#define CLI_UNSET   (-2)

/* One verb: `argv[0]` is its name. Returns the exit status. */
typedef int cli_verb(struct cli *cli, int argc, char **argv);

cli_verb pub_main;
cli_verb sub_main;
cli_verb req_main;
cli_verb reply_main;
cli_verb get_main;
cli_verb ls_main;
cli_verb why_main;
cli_verb metrics_main;
cli_verb match_main;
cli_verb ping_main;
cli_verb run_main;
cli_verb acl_main;
cli_verb top_main;
cli_verb bench_main;
cli_verb doctor_main;

/* ---- options ---------------------------------------------------------- */

/* Values of getopt_long() for options that have no letter. */
enum {
	CLI_OPT_WAIT = 256,
	CLI_OPT_NAME,
	CLI_OPT_WILL_TOPIC,
	CLI_OPT_WILL_PAYLOAD,
	CLI_OPT_WILL_RETAIN,
	CLI_OPT_VERB, /* the first that a verb may use for its own */
};

/* clang-format off */
#define CLI_OPTIONS                                      \
	{ "help", no_argument, NULL, 'h' },              \
	{ "socket", required_argument, NULL, 's' },      \
	{ "wait", required_argument, NULL, CLI_OPT_WAIT }, \
	{ "name", required_argument, NULL, CLI_OPT_NAME }

/* Of those that stay for long. */
#define CLI_WILL_OPTIONS                                                       \
	{ "will-topic", required_argument, NULL, CLI_OPT_WILL_TOPIC },         \
	{ "will-payload", required_argument, NULL, CLI_OPT_WILL_PAYLOAD },     \
	{ "will-retain", no_argument, NULL, CLI_OPT_WILL_RETAIN }
/* clang-format on */

#define CLI_WILL_HELP                                                          \
	"      --will-topic T   the broker publishes a message on T if we do " \
	"not\n"                                                                \
	"                       end in order, but are killed, say\n"           \
	"      --will-payload P\n"                                             \
	"                       its payload; default: none\n"                  \
	"      --will-retain    and it becomes the last value of T\n"

#define CLI_OPTIONS_HELP                                                       \
	"  -s, --socket PATH    the broker's socket; default: $UMBEL_SOCKET, " \
	"or the\n"                                                             \
	"                       user's broker if it answers, or the "          \
	"system's\n"                                                           \
	"      --wait S         wait so many seconds for a broker (or inf)\n"  \
	"      --name NAME      what the broker calls us in its logs\n"        \
	"  -h, --help           this\n"

/*
 * The next option of a verb, as getopt_long() has it; what all verbs take is
 * dealt with here. -1 behind the last one. Ends the process for --help, with
 * `help` on stdout, and for an option that is not in the table.
 */
int cli_next_option(struct cli *cli, int argc, char **argv, const char *letters,
                    const struct option *options, const char *help);

/* Seconds, such as 2 or 0.5, as milliseconds; "inf" as CLI_FOREVER. Ends the
   process when it is none, naming `option`. */
int64_t cli_seconds(const char *option, const char *text);

/* Of --timeout: more than 0 seconds. */
int64_t cli_timeout(const char *text);

/* A whole number from least to most; ends the process like cli_seconds(). */
uint64_t cli_number(const char *option, const char *text, uint64_t least,
                    uint64_t most);

/* ---- messages --------------------------------------------------------- */

/* "umbel: ..." on stderr, control characters made visible. */
void cli_complain(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* What to do about it: indented below the complaint. */
void cli_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Complain, and end with CLI_FAILED. */
_Noreturn void cli_die(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* Complain, point to --help, and end with CLI_USAGE. */
_Noreturn void cli_misused(const struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Is stderr a terminal where CLI_ERASE clears the rest of a line? */
bool cli_can_erase(void);
#define CLI_ERASE "\x1b[K"

/* A line of progress is where the cursor stands: complaints take its place. */
void cli_progress_stands(bool stands);

/*
 * Somebody draws on the whole terminal: complaints go to `sink`, the last one
 * alone, and `leave` is called before cli_die() has its say. NULL and NULL: no
 * longer.
 */
void cli_complain_into(struct buf *sink, void (*leave)(void));

/* "s" unless it is one: ("message", 2) is "2 messages". */
const char *cli_plural(uint64_t n);

/* Text on stdout; ends the process with CLI_FAILED when it cannot be written. */
void cli_print(const char *text);

/* ---- the clock -------------------------------------------------------- */

/* Microseconds and milliseconds since some point in the past. */
int64_t cli_now_us(void);
int64_t cli_now_ms(void);

/* The point in time that lies so far ahead; CLI_FOREVER for CLI_FOREVER. */
int64_t cli_deadline(int64_t in_ms);
/* What is left of it for poll(): 0 when it is over, -1 for CLI_FOREVER. */
int cli_left(int64_t deadline);

#endif
