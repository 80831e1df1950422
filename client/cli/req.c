/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel req - ask, and print what is answered.
 */

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "cli.h"
#include "client/umbel.h"
#include "connection.h"
#include "names.h"
#include "output.h"
#include "payload.h"
#include "progress.h"
#include "show.h"
#include "signals.h"

/* Without --timeout. */
#define ANSWER_MS 5000

enum form { READABLE, OBJECTS, RAW };

struct req {
	struct cli *cli;
	struct connection connection;
	const char *topic;
	struct payload payload;
	int64_t timeout_ms;
	uint64_t replies; /* 0: however many there are */
	bool gather;
	enum form form;

	struct buf out;
	uint64_t n_replies;
	bool done;
	int verdict; /* when done */
};

static const char help[] =
	"usage: umbel req [OPTION...] TOPIC [PAYLOAD]\n"
	"\n"
	"Ask on TOPIC, and print the reply: its payload and a newline. Nobody\n"
	"there: exit 3, at once. A reply that says that it failed: exit 1.\n"
	"\n"
	"      --replies N      up to N replies; 0: all until the responder says\n"
	"                       that it was the last\n"
	"      --gather         those of all responders, until --timeout or\n"
	"                       --replies; exit 5 if there was none\n"
	"      --timeout S      wait so long; default 5: exit 5\n"
	"      --form FORM      how to print: readable (the default), json (one\n"
	"                       object a line, as of umbel sub), or raw\n" PAYLOAD_OPTIONS_HELP
		CLI_OPTIONS_HELP "\n"
	"Without PAYLOAD, --stdin or --file an empty message asks.\n";

static void
show(struct req *q, const struct umbel_msg *m)
{
	size_t len;
	const void *data = umbel_msg_data(m, &len);

	switch (q->form) {
	case READABLE:
		show_payload(&q->out, umbel_msg_header_str(m, "content-type"),
		             data, len);
		buf_putc(&q->out, '\n');
		break;
	case OBJECTS:
		show_object(&q->out, m);
		break;
	case RAW:
		show_raw(&q->out, m, '\n', isatty(STDOUT_FILENO));
		break;
	}
}

/* What it means that no reply came, or none any more. */
static int
verdict(struct req *q, const struct umbel_reply_info *info)
{
	switch (info->error) {
	case -ETIMEDOUT:
		if (q->gather && q->n_replies > 0)
			return CLI_OK;
		cli_complain("no reply on %s in %.1f s", q->topic,
		             (double)q->timeout_ms / 1000);
		return CLI_TIMEOUT;
	case UMBEL_E_NO_RESPONDER:
		cli_complain("nobody answers on %s", q->topic);
		return CLI_UNHEARD;
	case UMBEL_E_REPLY:
		cli_complain("%s: %s (code %" PRId64 ")", q->topic, info->text,
		             info->code);
		return CLI_FAILED;
	case UMBEL_E_LOST:
		cli_complain("replies on %s may be among what was lost",
		             q->topic);
		return CLI_FAILED;
	case -ECONNRESET:
		cli_complain("the broker was lost: whether anybody got the "
		             "request is not known");
		return CLI_NO_BROKER;
	default:
		cli_complain("cannot ask on %s: %s", q->topic,
		             *info->text ? info->text
		                         : umbel_strerror(info->error));
		return CLI_REFUSED;
	}
}

/* Replies that nobody can read need not be waited for, nor do they count. */
static void
end(struct req *q, int verdict)
{
	if (q->verdict == CLI_OK)
		q->verdict = verdict;
	q->done = true;
}

static void
flush_output(struct req *q)
{
	switch (output_flush(&q->out)) {
	case OUTPUT_WRITTEN:
	case OUTPUT_ENDED:
		break;
	case OUTPUT_UNREAD:
		end(q, CLI_OK);
		break;
	case OUTPUT_FAILED:
		end(q, CLI_FAILED);
		break;
	}
}

static void
on_reply(struct umbel *c, const struct umbel_reply_info *info, void *user)
{
	struct req *q = user;

	(void)c;
	if (q->done)
		return;
	if (info->error == 0) {
		q->n_replies++;
		show(q, info->msg);
		flush_output(q);
	} else {
		end(q, verdict(q, info));
	}
	q->done |= !info->more;
}

static int
ask(struct req *q, const char *data, size_t len)
{
	const struct payload *payload = &q->payload;
	int r = payload_convert(&q->payload, &data, &len);

	if (r != CLI_OK)
		return r;
	r = umbel_request_opts(
		q->connection.c, q->topic, data, len, on_reply, q,
		UMBEL_REQUEST_OPTIONS(
				.headers = payload->headers,
				.n_headers = payload->n_headers,
				.content_type = payload_content_type(payload),
				.timeout_ms = q->timeout_ms == CLI_FOREVER
	                                              ? -1
	                                              : (int)q->timeout_ms,
				.max_replies = q->replies ? (unsigned)q->replies
	                                                  : UINT_MAX,
				.gather = q->gather));
	if (r == -EMSGSIZE)
		return payload_too_long(payload, &q->connection, len, false);
	if (r < 0) {
		cli_complain("cannot ask: %s", umbel_strerror(r));
		return CLI_FAILED;
	}
	return CLI_OK;
}

static int
ask_and_wait(struct req *q)
{
	struct progress progress;
	struct buf in = { 0 };
	int r;

	progress_begin(&q->payload.progress);
	r = payload_read(&q->payload, &q->connection, CLI_FOREVER, &in);
	progress_end(&q->payload.progress);
	if (r == CLI_OK)
		r = ask(q, in.at, in.len);
	buf_free(&in);
	progress_begin(&progress);
	while (r == CLI_OK && !q->done) {
		r = progress_step(&progress, &q->connection, NULL, 0,
		                  CLI_FOREVER);
		if (!isatty(STDOUT_FILENO) || q->n_replies == 0)
			progress_tell(&progress,
			              "waiting for a reply, %d s ...",
			              progress_seconds(&progress));
	}
	progress_end(&progress);
	return r == CLI_OK ? q->verdict : r;
}

static int
run(struct req *q)
{
	int r;

	signals_watch();
	connection_open(&q->connection, q->cli, UMBEL_BLOCK);
	r = connection_establish_in_time(&q->connection, q->timeout_ms);
	if (r == CLI_OK)
		r = ask_and_wait(q);
	connection_close(&q->connection);
	return r;
}

/* ---- the command line --------------------------------------------------- */

static void
set_form(struct req *q, const char *word)
{
	static const char *const words[] = { "readable", "json", "raw" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		q->form = (enum form)i;
		if (strcmp(word, words[i]) == 0)
			return;
	}
	cli_misused(q->cli, "--form: readable, json or raw, not %s", word);
}

static void
take_arguments(struct req *q, int argc, char **argv)
{
	if (argc == 0)
		cli_misused(q->cli, "which topic?");
	if (argc > 2)
		cli_misused(q->cli, "too many arguments: quote a PAYLOAD that "
		                    "has spaces");
	q->topic = argv[0];
	if (names_fault(q->topic, false))
		names_refuse(q->cli, q->topic, false);
	if (argc == 2) {
		payload_set_source(&q->payload, FROM_ARGUMENT);
		q->payload.text = argv[1];
	}
}

enum {
	OPT_REPLIES = CLI_OPT_VERB,
	OPT_GATHER,
	OPT_TIMEOUT,
	OPT_FORM,
};

static const struct option options[] = {
	CLI_OPTIONS,
	PAYLOAD_OPTIONS,
	{ "replies", required_argument, NULL, OPT_REPLIES },
	{ "gather", no_argument, NULL, OPT_GATHER },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "form", required_argument, NULL, OPT_FORM },
	{ 0 },
};

static int64_t
timeout_of(const char *text)
{
	int64_t ms = cli_timeout(text);

	return ms > INT_MAX ? CLI_FOREVER : ms;
}

static void
take_option(struct req *q, int option)
{
	switch (option) {
	case OPT_REPLIES:
		q->replies = cli_number("--replies", optarg, 0, UINT_MAX);
		break;
	case OPT_GATHER:
		q->gather = true;
		break;
	case OPT_TIMEOUT:
		q->timeout_ms = timeout_of(optarg);
		break;
	case OPT_FORM:
		set_form(q, optarg);
		break;
	default:
		payload_take_option(&q->payload, option);
		break;
	}
}

int
req_main(struct cli *cli, int argc, char **argv)
{
	struct req q = {
		.cli = cli,
		.payload.cli = cli,
		.timeout_ms = ANSWER_MS,
		.replies = UINT64_MAX, /* not said */
	};
	int option;
	int r;

	while ((option = cli_next_option(cli, argc, argv, ":hs:H:", options,
	                                 help)) != -1)
		take_option(&q, option);
	if (q.replies == UINT64_MAX)
		q.replies = q.gather ? 0 : 1;
	take_arguments(&q, argc - optind, argv + optind);
	r = run(&q);
	payload_free(&q.payload);
	buf_free(&q.out);
	return r;
}
