/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel metrics - the broker's figures in the text format of Prometheus, as
 * the broker writes them.
 */

#include <jansson.h>

#include "ask.h"
#include "cli.h"
#include "connection.h"
#include "signals.h"

static const char help[] =
	"usage: umbel metrics [OPTION...]\n"
	"\n"
	"Print the broker's figures in the text format of Prometheus, such as\n"
	"node_exporter's textfile collector reads (*.prom). It must never see half\n"
	"a file: umbel metrics >umbel.tmp && mv umbel.tmp umbel.prom\n"
	"\n" CLI_OPTIONS_HELP;

static int
ask(struct connection *n)
{
	json_t *none = json_object(), *answer;
	int r = ask_broker(n, "metrics", none, NULL, &answer);

	json_decref(none);
	if (r != CLI_OK)
		return r;
	cli_print(ask_text(answer, "text"));
	json_decref(answer);
	return CLI_OK;
}

static const struct option options[] = {
	CLI_OPTIONS,
	{ 0 },
};

int
metrics_main(struct cli *cli, int argc, char **argv)
{
	struct connection n = { 0 };
	int r;

	while (cli_next_option(cli, argc, argv, ":hs:", options, help) != -1)
		continue;
	if (optind < argc)
		cli_misused(cli, "metrics takes no arguments");
	signals_watch();
	connection_open(&n, cli, UMBEL_BLOCK);
	r = connection_establish(&n, CLI_FOREVER);
	if (r == CLI_OK)
		r = ask(&n);
	connection_close(&n);
	return r;
}
