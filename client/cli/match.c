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

static const char help[] =
	"usage: umbel match [OPTION...] FILTER TOPIC\n"
	"\n"
	"Does FILTER match TOPIC? Exits 0 when it does; else 1, and says at\n"
	"which word they part. Needs no broker.\n"
	"\n" CLI_OPTIONS_HELP;

/* The words of `name` from number `n` on; its length up to the next dot. */
static const char *
word_at(const char *name, unsigned n, int *len)
{
	for (; n > 0 && strchr(name, '.'); n--)
		name = strchr(name, '.') + 1;
	*len = (int)strcspn(name, ".");
	return name;
}

static void
explain(const char *filter, const char *topic, enum why why, unsigned token)
{
	int wants_len, has_len;
	const char *wants = word_at(filter, token, &wants_len);
	const char *has = word_at(topic, token, &has_len);

	switch (why) {
	case WHY_MATCHES:
		break;
	case WHY_DIFFERS:
		cli_complain("no match: word %u of the filter is %.*s, of the "
		             "topic %.*s",
		             token + 1, wants_len, wants, has_len, has);
		break;
	case WHY_ENDS:
		cli_complain("no match: the filter wants %.*s as word %u, the "
		             "topic ends before it",
		             wants_len, wants, token + 1);
		break;
	case WHY_GOES_ON:
		cli_complain("no match: the topic goes on with %.*s as word "
		             "%u, the filter ends before it",
		             has_len, has, token + 1);
		cli_hint("one word more is .* and any number is .**");
		break;
	case WHY_RESERVED:
		cli_complain("no match: a topic that begins with $ is the "
		             "broker's, and no leading wildcard matches it");
		cli_hint("name its first word: %.*s.**", has_len, has);
		break;
	}
}

static const struct option options[] = { CLI_OPTIONS, { 0 } };

int
match_main(struct cli *cli, int argc, char **argv)
{
	const char *filter, *topic;
	unsigned token = 0;
	enum why why;

	while (cli_next_option(cli, argc, argv, ":hs:", options, help) != -1)
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
