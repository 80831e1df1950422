/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel get - print last values, and end: of one topic its payload alone, of
 * all that match a filter a line each.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "cli.h"
#include "client/umbel.h"
#include "connection.h"
#include "names.h"
#include "output.h"
#include "progress.h"
#include "show.h"
#include "signals.h"

/* Without --timeout; a broker that is there answers at once. */
#define ANSWER_MS 5000

struct get {
	struct cli *cli;
	struct connection connection;
	const char *filter;
	bool objects;
	int64_t timeout_ms;
	struct buf out;
	size_t found;
	bool done;
	int verdict; /* when done */
};

static const char help[] =
	"usage: umbel get [OPTION...] TOPIC\n"
	"\n"
	"Print the last value of TOPIC: the payload that was last published\n"
	"there with umbel pub --retain, and a newline. With wildcards: all that\n"
	"match, one line each, topic and payload, in the order of the topics.\n"
	"Exits 1 when there is none.\n"
	"\n"
	"      --json           one JSON object a line, with sender and age_ms\n"
	"      --timeout S      wait so long for the answer; default 5: exit "
	"5\n" CLI_OPTIONS_HELP;

static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct get *g = user;

	(void)c;
	if (!umbel_msg_retained(m) || g->done)
		return; /* it comes just now: not what was asked for */
	g->found++;
	if (g->objects)
		show_object(&g->out, m);
	else if (strchr(g->filter, '*'))
		show_line(&g->out, m, NULL);
	else
		show_raw(&g->out, m, '\n', isatty(STDOUT_FILENO));
}

static void
on_active(struct umbel *c, struct umbel_sub *sub, void *user)
{
	struct get *g = user;

	(void)c;
	(void)sub;
	g->done = true;
	g->verdict = CLI_OK;
}

static void
on_end(struct umbel *c, struct umbel_sub *sub, int error, void *user)
{
	struct get *g = user;

	(void)sub;
	if (error == 0)
		return;
	cli_complain("cannot get %s: %s", g->filter,
	             connection_refusal(c, g->filter, error));
	g->done = true;
	g->verdict = CLI_REFUSED;
}

static int
conclude(struct get *g, int r)
{
	if (r != CLI_OK || g->verdict != CLI_OK)
		return r != CLI_OK ? r : g->verdict;
	if (output_flush(&g->out) == OUTPUT_FAILED)
		return CLI_FAILED;
	if (g->found > 0)
		return CLI_OK;
	cli_complain("no last value of %s", g->filter);
	cli_hint("the broker keeps what is published with: umbel pub --retain");
	return CLI_FAILED;
}

static int
run(struct get *g)
{
	struct progress progress;
	int64_t deadline;
	int r;

	signals_watch();
	connection_open(&g->connection, g->cli, UMBEL_BLOCK);
	r = umbel_subscribe(g->connection.c, g->filter, on_message, g,
	                    UMBEL_SUB_OPTIONS(.monitor = true, .retained = true,
	                                      .on_active = on_active,
	                                      .on_end = on_end),
	                    NULL);
	if (r < 0)
		cli_die("cannot subscribe to %s: %s", g->filter,
		        umbel_strerror(r));
	r = connection_establish_in_time(&g->connection, g->timeout_ms);
	deadline = cli_deadline(g->timeout_ms);
	progress_begin(&progress);
	while (r == CLI_OK && !g->done) {
		r = progress_step(&progress, &g->connection, NULL, 0, deadline);
		progress_tell(&progress, "%zu value%s so far ...", g->found,
		              cli_plural(g->found));
	}
	progress_end(&progress);
	if (r == CLI_TIMEOUT && g->connection.stood)
		cli_complain("no answer in %.1f s",
		             (double)g->timeout_ms / 1000);
	connection_close(&g->connection);
	return conclude(g, r);
}

enum { OPT_JSON = CLI_OPT_VERB, OPT_TIMEOUT };

static const struct option options[] = {
	CLI_OPTIONS,
	{ "json", no_argument, NULL, OPT_JSON },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ 0 },
};

int
get_main(struct cli *cli, int argc, char **argv)
{
	struct get g = { .cli = cli, .timeout_ms = ANSWER_MS };
	int option;
	int r;

	while ((option = cli_next_option(cli, argc, argv, ":hs:", options,
	                                 help)) != -1) {
		if (option == OPT_JSON)
			g.objects = true;
		else
			g.timeout_ms = cli_timeout(optarg);
	}
	if (argc - optind != 1)
		cli_misused(cli, "get wants one topic, or one filter: quote "
		                 "wildcards");
	g.filter = argv[optind];
	if (names_fault(g.filter, true))
		names_refuse(cli, g.filter, true);
	r = run(&g);
	buf_free(&g.out);
	return r;
}
