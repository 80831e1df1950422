/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel match - would a filter get a topic, and if not, where do they part?
 * Needs no broker.
 */

#include <string.h>

#include "buf.h"
#include "cli.h"
#include "names.h"
#include "proto/why.h"
#include "reasons.h"

static const char help[] =
	"usage: umbel match FILTER TOPIC\n"
	"\n"
	"Does FILTER match TOPIC? Exits 0 when it does; else 1, and says at\n"
	"which word they part. Needs no broker.\n"
	"\n"
	"  -h, --help           this\n";

static void
explain(const char *filter, const char *topic, enum why why, unsigned token)
{
	struct buf reason = { 0 };
	int len;
	const char *has = reasons_token(topic, token, &len);

	reasons_append(&reason, why, token, filter, topic);
	cli_complain("no match: %s", buf_text(&reason));
	buf_free(&reason);
	if (why == WHY_GOES_ON)
		cli_hint("one word more is .* and any number is .**");
	if (why == WHY_RESERVED)
		cli_hint("name its first word: %.*s.**", len, has);
}

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

int
match_main(struct cli *cli, int argc, char **argv)
{
	const char *filter, *topic;
	unsigned token = 0;
	enum why why;

	while (cli_next_option(cli, argc, argv, ":h", options, help) != -1)
		continue;
	if (argc - optind != 2)
		cli_misused(cli, "match wants a FILTER and a TOPIC; quote "
		                 "wildcards");
	filter = argv[optind];
	topic = argv[optind + 1];
	if (names_fault(filter, true))
		names_refuse(cli, filter, true);
	if (names_fault(topic, false))
		names_refuse(cli, topic, false);
	why = why_not(filter, strlen(filter), topic, strlen(topic), &token);
	if (why != WHY_MATCHES) {
		explain(filter, topic, why, token);
		return CLI_FAILED;
	}
	cli_print("it matches\n");
	return CLI_OK;
}
