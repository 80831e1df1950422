/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel ping - round trips to the broker, through everything that a message
 * goes through but a subscriber.
 */

#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "client/umbel.h"
#include "connection.h"
#include "signals.h"

struct ping {
	struct cli *cli;
	struct connection connection;
	uint64_t count; /* 0: no end */
	int64_t interval_ms;
	int64_t answer_ms; /* longest to wait for one answer */

	uint64_t sent;
	uint64_t answered;
	int64_t least_us;
	int64_t most_us;
	int64_t sum_us;
};

static const char help[] =
	"usage: umbel ping [OPTION...]\n"
	"\n"
	"Is there a broker, and how far away is it?\n"
	"\n"
	"  -c, --count N        round trips; default 4, 0: until Ctrl-C\n"
	"  -i, --interval S     seconds between them; default 0.25\n"
	"      --timeout S      wait so long for an answer; default 5: exit 5\n" CLI_OPTIONS_HELP;

static void
print_head(const struct ping *p)
{
	struct buf line = { 0 };

	buf_printf(&line,
	           "broker at %s, we are session %" PRIu32 ", uid %" PRIu32
	           "\n",
	           umbel_address(p->connection.c),
	           umbel_session(p->connection.c), umbel_uid(p->connection.c));
	cli_print(buf_text(&line));
	buf_free(&line);
}

static void
print_trip(struct ping *p, int64_t us)
{
	char text[64];

	p->answered++;
	p->sum_us += us;
	if (p->answered == 1 || us < p->least_us)
		p->least_us = us;
	if (us > p->most_us)
		p->most_us = us;
	snprintf(text, sizeof(text), "%" PRIu64 ": %.3f ms\n", p->sent,
	         (double)us / 1000);
	cli_print(text);
}

static void
print_summary(const struct ping *p)
{
	char text[160];
	double n = (double)p->answered;

	if (p->answered == 0)
		return;
	snprintf(text, sizeof(text),
	         "%" PRIu64 " of %" PRIu64 " answered, "
	         "min/avg/max %.3f/%.3f/%.3f ms\n",
	         p->answered, p->sent, (double)p->least_us / 1000,
	         (double)p->sum_us / n / 1000, (double)p->most_us / 1000);
	cli_print(text);
}

static int
trip(struct ping *p)
{
	int64_t start = cli_now_us();
	int r;

	p->sent++;
	r = connection_flush(&p->connection, cli_deadline(p->answer_ms));
	if (r == CLI_OK)
		print_trip(p, cli_now_us() - start);
	else if (r == CLI_TIMEOUT)
		cli_complain("no answer in %.1f s",
		             (double)p->answer_ms / 1000);
	return r;
}

static int
pause_between(struct ping *p)
{
	int64_t deadline = cli_deadline(p->interval_ms);
	int r = CLI_OK;

	while (r == CLI_OK)
		r = connection_step(&p->connection, NULL, 0, deadline);
	return r == CLI_TIMEOUT ? CLI_OK : r;
}

static int
run(struct ping *p)
{
	int r;

	signals_watch();
	connection_open(&p->connection, p->cli, UMBEL_BLOCK);
	r = connection_establish_in_time(&p->connection, p->answer_ms);
	if (r == CLI_OK) {
		p->connection.patience_ms = p->answer_ms;
		print_head(p);
		while (r == CLI_OK) {
			r = trip(p);
			if (p->count > 0 && p->sent == p->count)
				break;
			if (r == CLI_OK)
				r = pause_between(p);
		}
		print_summary(p);
	}
	connection_close(&p->connection);
	if (r > CLI_SIGNAL && p->count == 0 && p->answered > 0)
		return CLI_OK;
	return r;
}

static const struct option options[] = {
	CLI_OPTIONS,
	{ "count", required_argument, NULL, 'c' },
	{ "interval", required_argument, NULL, 'i' },
	{ "timeout", required_argument, NULL, CLI_OPT_VERB },
	{ 0 },
};

int
ping_main(struct cli *cli, int argc, char **argv)
{
	struct ping p = {
		.cli = cli,
		.count = 4,
		.interval_ms = 250,
		.answer_ms = 5000,
	};
	int option;

	while ((option = cli_next_option(cli, argc, argv, ":hs:c:i:", options,
	                                 help)) != -1) {
		if (option == 'c')
			p.count = cli_number("--count", optarg, 0, UINT64_MAX);
		else if (option == 'i')
			p.interval_ms = cli_seconds("--interval", optarg);
		else
			p.answer_ms = cli_timeout(optarg);
	}
	if (optind < argc)
		cli_misused(cli, "ping takes no arguments");
	return run(&p);
}
