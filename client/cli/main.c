/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "cli.h"
#include "client/umbel.h"
#include "spelling.h"

/* clang-format off */
static const struct {
	const char *name;
	cli_verb *main;
} verbs[] = {
	{ "pub", pub_main },
	{ "sub", sub_main },
	{ "req", req_main },
	{ "reply", reply_main },
	{ "get", get_main },
	{ "ls", ls_main },
	{ "why", why_main },
	{ "metrics", metrics_main },
	{ "match", match_main },
	{ "ping", ping_main },
	{ "run", run_main },
	{ "acl", acl_main },
	{ "top", top_main },
	{ "bench", bench_main },
	{ "doctor", doctor_main },
};
/* clang-format on */
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const char help[] =
	"usage: umbel [-s PATH] VERB ...\n"
	"\n"
	"Publish and subscribe among the programs of this machine.\n"
	"\n"
	"  pub TOPIC PAYLOAD    publish a message, or one per line of stdin\n"
	"  sub FILTER...        print messages as they come\n"
	"  req TOPIC [PAYLOAD]  ask, and print the reply\n"
	"  reply FILTER --exec CMD\n"
	"                       answer requests with what CMD prints\n"
	"  get TOPIC            print the last value that was retained\n"
	"  ls clients|subs|topics|broker\n"
	"                       what the broker knows\n"
	"  why TOPIC            who gets messages there, and why not?\n"
	"  metrics              the broker's figures, for Prometheus\n"
	"  match FILTER TOPIC   would this filter get that? and if not, why\n"
	"  ping                 is there a broker, and how far away?\n"
	"  run -- CMD...        run CMD with a private broker of its own\n"
	"  acl test VERB TOPIC  may somebody do this, by umbeld's rules?\n"
	"  top                  who publishes and subscribes what, and how much\n"
	"  bench                how fast is the broker that runs here?\n"
	"  doctor               what is wrong here, and how to fix it\n"
	"\n"
	"  umbel VERB --help has the options of a verb. For all of them:\n"
	"\n" CLI_OPTIONS_HELP "      --version\n"
	"\n"
	"A topic is words joined by dots: door.front. In a filter * stands for\n"
	"one word and ** at the end for one or more; quote them: 'door.*'\n"
	"\n"
	"exit status:\n"
	"    0  done; what was published has been confirmed by the broker\n"
	"    1  it failed, the message says why; or the answer is no: nothing\n"
	"       is there (get, ls, why), it does not match (match)\n"
	"    2  the command line or the input is wrong\n"
	"    3  nobody listened (pub --require-subscriber), or answers (req)\n"
	"    4  no broker, or the connection was lost\n"
	"    5  timed out (--timeout)\n"
	"    6  the broker refused\n"
	"  125  run: the private broker failed; 126, 127: CMD cannot be run,\n"
	"       is not there; every other status is that of CMD\n"
	"  128  and more: ended by signal (status - 128)\n";

/* ---- what did they mean? ------------------------------------------------ */

static const char *
nearest_verb(const char *word)
{
	const char *best = NULL;
	size_t best_distance = 3;

	for (size_t i = 0; i < N_VERBS; i++) {
		const char *verb = verbs[i].name;
		size_t d = spelling_distance(word, verb);

		if (strncmp(word, verb, strlen(verb)) == 0)
			return verb; /* publish, subscribe */
		if (d < best_distance && d < strlen(verb)) {
			best = verb;
			best_distance = d;
		}
	}
	return best;
}

static void
hint_verbs(void)
{
	struct buf line = { 0 };

	buf_puts(&line, "there are");
	for (size_t i = 0; i < N_VERBS; i++) {
		if (line.len > 64) {
			cli_hint("%s", buf_text(&line));
			line.len = 0;
		}
		buf_printf(&line, "%s%s%s", line.len > 0 ? " " : "",
		           verbs[i].name, i + 1 < N_VERBS ? "," : "");
	}
	cli_hint("%s; see: umbel --help", buf_text(&line));
	buf_free(&line);
}

static int
refuse_verb(const char *word)
{
	const char *meant = nearest_verb(word);

	cli_complain("no verb %s", word);
	if (meant)
		cli_hint("do you mean: umbel %s", meant);
	else
		hint_verbs();
	return CLI_USAGE;
}

/* ---- one of them -------------------------------------------------------- */

static int
run_verb(struct cli *cli, int argc, char **argv)
{
	for (size_t i = 0; i < N_VERBS; i++) {
		if (strcmp(argv[0], verbs[i].name) != 0)
			continue;
		cli->verb = argv[0];
		optind = 0; /* glibc: begin anew */
		return verbs[i].main(cli, argc, argv);
	}
	return refuse_verb(argv[0]);
}

/* umbel help VERB: who is used to it gets it. */
static int
run_help(struct cli *cli, int argc, char **argv)
{
	char option[] = "--help";
	char *of_verb[] = { argv[1], option, NULL };

	if (argc > 1)
		return run_verb(cli, 2, of_verb);
	cli_print(help);
	return CLI_OK;
}

/* ---- start -------------------------------------------------------------- */

/* If stdout is closed, the next descriptor that is opened must not become it.
   What stands in for it is as useless as it was: a write says EBADF. */
static void
fill_closed_descriptors(void)
{
	static const int mode[] = { O_WRONLY, O_RDONLY, O_RDWR };

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", mode[fd]) != fd)
			exit(CLI_FAILED);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		CLI_OPTIONS,
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct cli cli = { .wait_ms = CLI_UNSET };
	int c;

	fill_closed_descriptors();
	while ((c = cli_next_option(&cli, argc, argv, "+:hs:V", options,
	                            help)) != -1) {
		if (c == 'V') {
			cli_print("umbel " UMBEL_VERSION "\n");
			return CLI_OK;
		}
	}
	if (optind == argc) {
		fputs(help, stderr);
		return CLI_USAGE;
	}
	argc -= optind;
	argv += optind;
	if (strcmp(argv[0], "help") == 0)
		return run_help(&cli, argc, argv);
	return run_verb(&cli, argc, argv);
}
