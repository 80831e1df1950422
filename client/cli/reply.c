/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel reply - answer requests with what a command prints, one after the
 * other. What comes meanwhile waits in the library, and then with the broker.
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cli.h"
#include "client/umbel.h"
#include "connection.h"
#include "names.h"
#include "signals.h"
#include "worker.h"

struct replier {
	struct cli *cli;
	struct connection connection;
	const char *filter;
	const char *exec;
	const char *group;
	const char *content_type;
	const char *on_ready;
	uint64_t count; /* 0: no end */

	bool active;               /* the subscription was confirmed */
	struct child ready;        /* --on-ready */
	struct child worker;       /* --exec */
	struct umbel_msg *in_hand; /* what it works on */
	bool too_long;             /* it prints more than fits a message */
	uint64_t answered;
	bool done;
	int verdict; /* when done */
};

static const char help[] =
	"usage: umbel reply [OPTION...] FILTER --exec CMD\n"
	"\n"
	"Run CMD (by sh) for each request that matches FILTER, and reply with\n"
	"what it prints. A CMD that fails is an error reply, whose code is the\n"
	"exit status. CMD gets the payload on stdin, and in the environment\n"
	"UMBEL_TOPIC, UMBEL_CONTENT_TYPE, UMBEL_REPLY, UMBEL_SENDER_UID and\n"
	"UMBEL_SENDER_SESSION.\n"
	"\n"
	"      --group NAME     share the requests with all who name this group\n"
	"                       and FILTER: each goes to one of them\n"
	"      --content-type T what CMD prints: text, json, msgpack or a MIME\n"
	"                       type\n"
	"      --count N        end after N requests\n"
	"      --on-ready CMD   run CMD (by sh) once requests are answered\n" CLI_WILL_HELP
		CLI_OPTIONS_HELP;

static void
on_active(struct umbel *c, struct umbel_sub *sub, void *user)
{
	struct replier *p = user;
	const char *env[] = { "UMBEL_SOCKET", umbel_address(c), NULL };
	int r;

	(void)sub;
	if (p->active || !p->on_ready)
		return;
	p->active = true;
	r = child_start(&p->ready, p->on_ready, env, NULL, 0, false);
	if (r < 0)
		cli_die("cannot run --on-ready: %s", strerror(-r));
}

static void
on_end(struct umbel *c, struct umbel_sub *sub, int error, void *user)
{
	struct replier *p = user;

	(void)sub;
	if (error == 0)
		return;
	cli_complain("no subscription to %s: %s", p->filter,
	             connection_refusal(c, p->filter, error));
	p->done = true;
	p->verdict = CLI_REFUSED;
}

/* ---- one request -------------------------------------------------------- */

static void
start(struct replier *p)
{
	int r = worker_start(&p->worker, p->exec, p->in_hand,
	                     umbel_address(p->connection.c), true);

	if (r < 0)
		cli_die("cannot run --exec: %s", strerror(-r));
	p->too_long = false;
}

/* Take the next request that wants a reply. */
static void
take(struct replier *p)
{
	while (p->worker.pid == 0 && !p->done &&
	       umbel_next(p->connection.c, &p->in_hand, 0) == 1) {
		if (umbel_msg_reply(p->in_hand)) {
			start(p);
			return;
		}
		cli_complain("a message on %s asks for no reply",
		             umbel_msg_topic(p->in_hand));
		umbel_msg_unref(p->in_hand);
		p->in_hand = NULL;
	}
}

static int
send_answer(struct replier *p)
{
	const struct child *w = &p->worker;
	char text[128];

	if (p->too_long)
		return umbel_reply_error(p->connection.c, p->in_hand, EMSGSIZE,
		                         "the reply is too long");
	if (w->status == 0)
		return umbel_reply_opts(
			p->connection.c, p->in_hand,
			w->output.len ? w->output.at : "", w->output.len,
			UMBEL_PUB_OPTIONS(.content_type = p->content_type));
	snprintf(text, sizeof(text), "the command failed: %s", child_fate(w));
	return umbel_reply_error(p->connection.c, p->in_hand,
	                         WIFEXITED(w->status)
	                                 ? WEXITSTATUS(w->status)
	                                 : 128 + WTERMSIG(w->status),
	                         text);
}

/* The command has ended: answer, waiting for room as long as it takes. */
static int
answer(struct replier *p)
{
	int r = send_answer(p);

	if (p->worker.status != 0)
		cli_complain("--exec: %s: %s", p->exec, child_fate(&p->worker));
	while (r == -EAGAIN) {
		r = connection_step(&p->connection, NULL, 0, CLI_FOREVER);
		if (r != CLI_OK)
			return r;
		r = send_answer(p);
	}
	if (r == -EMSGSIZE && !p->too_long) {
		p->too_long = true;
		return answer(p);
	}
	if (r < 0)
		cli_complain("cannot reply: %s", umbel_strerror(r));
	umbel_msg_unref(p->in_hand);
	p->in_hand = NULL;
	p->answered++;
	if (p->count > 0 && p->answered == p->count)
		p->done = true;
	return CLI_OK;
}

static void
hear(struct replier *p)
{
	child_hear(&p->worker);
	if (p->worker.output.len <= umbel_max_frame(p->connection.c))
		return;
	p->too_long = true;
	p->worker.output.len = 0;
	if (p->worker.pid > 0)
		kill(p->worker.pid, SIGTERM);
}

/* ---- life --------------------------------------------------------------- */

/* Let the handle and the command go on, and answer when that has ended. */
static int
step(struct replier *p)
{
	struct pollfd others[] = {
		child_poll(&p->worker),
		child_poll_output(&p->worker),
	};
	int r = connection_step(&p->connection, others, 2, CLI_FOREVER);

	if (others[0].revents)
		child_feed(&p->worker);
	if (others[1].revents)
		hear(p);
	if (child_reap(&p->ready) && p->ready.status != 0)
		cli_complain("--on-ready: %s: %s", p->on_ready,
		             child_fate(&p->ready));
	if (r == CLI_OK && child_reap(&p->worker))
		r = answer(p);
	return r;
}

/* Until the count or a signal; that comes when what is in hand is answered. A
   verdict. */
static int
serve(struct replier *p)
{
	int r = CLI_OK, ended;

	while (r == CLI_OK && !p->done) {
		take(p);
		r = step(p);
	}
	ended = r;
	if (r > CLI_SIGNAL && p->in_hand) {
		signals_forgive();
		for (r = CLI_OK; r == CLI_OK && p->in_hand;)
			r = step(p);
	}
	connection_flush(&p->connection, cli_deadline(2000));
	return ended;
}

static int
run(struct replier *p)
{
	int r;

	signals_watch();
	connection_open(&p->connection, p->cli, UMBEL_BLOCK);
	r = umbel_subscribe(p->connection.c, p->filter, NULL, p,
	                    UMBEL_SUB_OPTIONS(.group = p->group,
	                                      .on_active = on_active,
	                                      .on_end = on_end),
	                    NULL);
	if (r < 0)
		cli_die("cannot subscribe to %s: %s", p->filter,
		        umbel_strerror(r));
	r = connection_establish(&p->connection, CLI_FOREVER);
	if (r == CLI_OK)
		r = serve(p);
	umbel_msg_unref(p->in_hand);
	connection_close(&p->connection);
	child_free(&p->worker);
	if (r == CLI_OK || (r > CLI_SIGNAL && p->count == 0))
		return p->verdict;
	return r;
}

/* ---- the command line --------------------------------------------------- */

enum {
	OPT_EXEC = CLI_OPT_VERB,
	OPT_GROUP,
	OPT_CONTENT_TYPE,
	OPT_COUNT,
	OPT_ON_READY,
};

static const struct option options[] = {
	CLI_OPTIONS,
	CLI_WILL_OPTIONS,
	{ "exec", required_argument, NULL, OPT_EXEC },
	{ "group", required_argument, NULL, OPT_GROUP },
	{ "content-type", required_argument, NULL, OPT_CONTENT_TYPE },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "on-ready", required_argument, NULL, OPT_ON_READY },
	{ 0 },
};

static void
take_option(struct replier *p, int option)
{
	switch (option) {
	case OPT_EXEC:
		p->exec = optarg;
		break;
	case OPT_GROUP:
		if (!*optarg || !umbel_name_is_valid(optarg))
			cli_misused(p->cli, "--group: a name is 1 to 64 bytes "
			                    "of text");
		p->group = optarg;
		break;
	case OPT_CONTENT_TYPE:
		p->content_type = optarg;
		break;
	case OPT_COUNT:
		p->count = cli_number("--count", optarg, 1, UINT64_MAX);
		break;
	case OPT_ON_READY:
		p->on_ready = optarg;
		break;
	default:
		break;
	}
}

int
reply_main(struct cli *cli, int argc, char **argv)
{
	struct replier p = {
		.cli = cli,
		.ready = CHILD_NONE,
		.worker = CHILD_NONE,
	};
	int option;

	while ((option = cli_next_option(cli, argc, argv, ":hs:", options,
	                                 help)) != -1)
		take_option(&p, option);
	if (argc - optind != 1)
		cli_misused(cli, "reply wants one filter; quote wildcards");
	if (!p.exec)
		cli_misused(cli, "with which command? --exec CMD");
	p.filter = argv[optind];
	if (names_fault(p.filter, true))
		names_refuse(cli, p.filter, true);
	return run(&p);
}
