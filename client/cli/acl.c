/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel acl test - may somebody do something? The answer is umbeld's own: it
 * reads the same files by the same code, and needs not be running.
 */

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "umbeld.h"

#define DEFAULT_CONFIG "/etc/umbel/umbeld.yaml"
/* umbeld --acl-test ends with this when the answer is no. */
#define UMBELD_DENIED  3

static const char help[] =
	"usage: umbel acl test [OPTION...] VERB [TOPIC]\n"
	"\n"
	"May a user do this, by the rules of umbeld's files? Prints the verdict\n"
	"and the rule that decides, FILE:LINE. The broker need not run.\n"
	"\n"
	"  -u, --user USER      a name or a uid; default: yourself\n"
	"      --role ROLE      of the socket that they come by\n"
	"      --config FILE    umbeld's; default " DEFAULT_CONFIG "\n"
	"  -h, --help           this\n"
	"\n"
	"VERB is publish, subscribe or retain, with a TOPIC (for subscribe also\n"
	"a filter), or reply, hold or introspect.\n"
	"\n"
	"exit status: 0 allowed, 6 denied, 2 the files or the question are "
	"wrong\n";

struct question {
	const char *user;
	const char *role;
	const char *config;
};

/* What umbeld's exit status is as ours. */
static int
status_of(int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == UMBELD_DENIED)
		return CLI_REFUSED;
	if (WIFEXITED(status) && WEXITSTATUS(status) <= CLI_USAGE)
		return WEXITSTATUS(status);
	return CLI_FAILED;
}

static int
ask(const struct question *q, char **words, int n)
{
	const char *argv[16] = { NULL,         "--config", q->config,
		                 "--acl-test", q->user,    "--" };
	char umbeld[PATH_MAX];
	int at = 6, status, r;
	pid_t pid;

	umbeld_find(umbeld, sizeof(umbeld));
	argv[0] = umbeld;
	for (int i = 0; i < n; i++)
		argv[at++] = words[i];
	if (q->role)
		argv[at++] = q->role;
	r = posix_spawnp(&pid, umbeld, NULL, NULL, (char **)(uintptr_t)argv,
	                 environ);
	if (r != 0) {
		errno = r;
		umbeld_complain(umbeld);
		return CLI_FAILED;
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			cli_die("waitpid: %s", strerror(errno));
	}
	if (strcmp(q->config, DEFAULT_CONFIG) == 0 &&
	    access(DEFAULT_CONFIG, F_OK) < 0)
		cli_hint("name the broker's file: --config FILE");
	return status_of(status);
}

int
acl_main(struct cli *cli, int argc, char **argv)
{
	enum { OPT_ROLE = CLI_OPT_VERB, OPT_CONFIG };
	static const struct option options[] = {
		CLI_OPTIONS,
		{ "user", required_argument, NULL, 'u' },
		{ "role", required_argument, NULL, OPT_ROLE },
		{ "config", required_argument, NULL, OPT_CONFIG },
		{ 0 },
	};
	struct question q = { .config = DEFAULT_CONFIG };
	char self[24];
	int c;

	snprintf(self, sizeof(self), "%lu", (unsigned long)geteuid());
	q.user = self;
	while ((c = cli_next_option(cli, argc, argv, ":hs:u:", options,
	                            help)) != -1) {
		if (c == 'u')
			q.user = optarg;
		else if (c == OPT_ROLE)
			q.role = optarg;
		else if (c == OPT_CONFIG)
			q.config = optarg;
	}
	argc -= optind;
	argv += optind;
	if (argc < 1 || strcmp(argv[0], "test") != 0)
		cli_misused(cli, "expected: umbel acl test VERB TOPIC");
	if (argc < 2 || argc > 3)
		cli_misused(cli, "expected VERB and, for some, TOPIC");
	return ask(&q, argv + 1, argc - 1);
}
