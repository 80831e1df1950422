/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel sub - print messages as they come.
 *
 * What one dispatch brought is written before the next one waits, so that
 * nothing is held back, and a busy stream costs few writes. A reader that is
 * slow slows us, and through the broker the publishers.
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "child.h"
#include "cli.h"
#include "client/umbel.h"
#include "connection.h"
#include "names.h"
#include "output.h"
#include "show.h"
#include "signals.h"
#include "users.h"
#include "worker.h"

/* Output is written at this size even in the middle of a dispatch. */
#define OUT_MAX (256u * 1024)

enum mode { READABLE, OBJECTS, RAW, EXEC };

struct filter {
	struct sub *sub;
	const char *text;
	bool active;
};

struct sub {
	struct cli *cli;
	struct connection connection;
	struct filter *filters;
	size_t n_filters;
	size_t n_active; /* confirmed at least once */

	enum mode mode;
	char end; /* of a message with RAW */
	bool sender;
	struct users_last senders;
	const char *group; /* NULL: none */
	bool retained;
	enum umbel_overflow overflow;
	bool overflow_chosen;
	uint64_t count; /* 0: no end */
	int64_t deadline;
	const char *on_ready;
	const char *exec;

	struct buf out;
	uint64_t taken; /* messages so far */
	bool done;
	int verdict;               /* when done */
	struct child ready;        /* --on-ready */
	struct child worker;       /* --exec */
	struct umbel_msg *in_hand; /* what the worker reads */
};

static const char help[] =
	"usage: umbel sub [OPTION...] FILTER...\n"
	"\n"
	"Print the messages that match a FILTER, one line each, as they come:\n"
	"topic and payload. Quote wildcards: umbel sub 'door.*' 'host.**'\n"
	"\n"
	"      --json           one JSON object a line: topic, payload, encoding\n"
	"                       (text, json, msgpack or base64), sender, headers\n"
	"      --raw            the payload as it is, and a newline\n"
	"      --null           the payload as it is, and a NUL\n"
	"      --sender         tell the sender as user@session; who that is:\n"
	"                       umbel ls clients --session N\n"
	"      --retained       first the last values of all topics that match\n"
	"      --group NAME     share the messages with all who name this group\n"
	"                       and filter: each goes to one of them\n"
	"      --overflow HOW   when we do not keep up: block the publishers,\n"
	"                       drop-oldest, or disconnect us; default:\n"
	"                       drop-oldest on a terminal, else block; what is\n"
	"                       lost is counted on stderr, where it was\n"
	"      --count N        end after N messages\n"
	"      --timeout S      end after S seconds; exit 5 if there is a --count\n"
	"                       that was not reached\n"
	"      --on-ready CMD   run CMD (by sh) once all subscriptions stand; a\n"
	"                       sub that reached its --count waits for CMD's\n"
	"                       end; when CMD fails, so do we: exit 1\n"
	"      --exec CMD       run CMD (by sh) for each message instead of\n"
	"                       printing it, one after the other: payload on\n"
	"                       stdin; UMBEL_TOPIC, UMBEL_CONTENT_TYPE,\n"
	"                       UMBEL_REPLY, UMBEL_SENDER_UID and\n"
	"                       UMBEL_SENDER_SESSION in the environment; exits 1\n"
	"                       in the end when a CMD failed\n" CLI_WILL_HELP
		CLI_OPTIONS_HELP "\n"
	"A payload is shown as its content-type says. Without one, UTF-8 without\n"
	"control characters is text, one msgpack map or array is shown as JSON,\n"
	"and all else as 0x and digits. A newline that ends a text is left out.\n"
	"Nothing in a payload can upset a terminal.\n"
	"\n"
	"Without --count, Ctrl-C and the end of who reads our output (| head) are\n"
	"an end like any other: exit 0.\n";

/* ---- output ------------------------------------------------------------- */

/* What goes wrong on the way out counts, too. */
static void
end(struct sub *s, int verdict)
{
	if (!s->done || s->verdict == CLI_OK)
		s->verdict = verdict;
	s->done = true;
}

static void
flush_output(struct sub *s)
{
	switch (output_flush(&s->out)) {
	case OUTPUT_WRITTEN:
	case OUTPUT_ENDED:
		break;
	case OUTPUT_UNREAD:
		end(s, CLI_OK); /* who reads has had enough */
		break;
	case OUTPUT_FAILED:
		end(s, CLI_FAILED);
		break;
	}
}

static void
show(struct sub *s, const struct umbel_msg *m)
{
	switch (s->mode) {
	case READABLE:
		show_line(&s->out, m, s->sender ? &s->senders : NULL);
		break;
	case OBJECTS:
		show_object(&s->out, m);
		break;
	case RAW:
		show_raw(&s->out, m, s->end, isatty(STDOUT_FILENO));
		break;
	case EXEC:
		break;
	}
	if (s->out.len >= OUT_MAX)
		flush_output(s);
}

/* ---- messages ----------------------------------------------------------- */

static bool
take(struct sub *s)
{
	if (s->done)
		return false;
	s->taken++;
	return true;
}

static void
check_count(struct sub *s)
{
	if (s->count > 0 && s->taken == s->count)
		end(s, CLI_OK);
}

/* Each matching subscription is called; the first of them prints. What a group
   was given comes to nobody else. */
static bool
is_first_match(const struct filter *filter, const struct umbel_msg *m)
{
	const struct filter *other = filter->sub->filters;

	if (filter->sub->group)
		return true;
	for (; other < filter; other++)
		if (umbel_filter_matches(other->text, umbel_msg_topic(m)))
			return false;
	return true;
}

static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct filter *filter = user;
	struct sub *s = filter->sub;

	(void)c;
	if (!is_first_match(filter, m) || !take(s))
		return;
	show(s, m);
	check_count(s);
}

static void
start_ready(struct sub *s)
{
	const char *env[] = {
		"UMBEL_SOCKET",
		umbel_address(s->connection.c),
		NULL,
	};
	int r = child_start(&s->ready, s->on_ready, env, NULL, 0, false);

	if (r < 0)
		cli_die("cannot run --on-ready: %s", strerror(-r));
}

static void
on_active(struct umbel *c, struct umbel_sub *sub, void *user)
{
	struct filter *filter = user;
	struct sub *s = filter->sub;

	(void)c;
	(void)sub;
	if (filter->active)
		return;
	filter->active = true;
	if (++s->n_active == s->n_filters && s->on_ready)
		start_ready(s);
}

static void
on_end(struct umbel *c, struct umbel_sub *sub, int error, void *user)
{
	struct filter *filter = user;

	(void)sub;
	if (error == 0)
		return;
	cli_complain("no subscription to %s: %s", filter->text,
	             connection_refusal(c, filter->text, error));
	end(filter->sub, CLI_REFUSED);
}

/* ---- --exec ------------------------------------------------------------- */

static void
start_worker(struct sub *s)
{
	int r = worker_start(&s->worker, s->exec, s->in_hand,
	                     umbel_address(s->connection.c), false);

	if (r < 0)
		cli_die("cannot run --exec: %s", strerror(-r));
}

static void
reap(struct sub *s)
{
	if (child_reap(&s->ready) && s->ready.status != 0) {
		cli_complain("--on-ready: %s: %s", s->on_ready,
		             child_fate(&s->ready));
		end(s, CLI_FAILED);
	}
	if (!child_reap(&s->worker))
		return;
	if (s->worker.status != 0) {
		cli_complain("--exec: %s: %s", s->exec, child_fate(&s->worker));
		s->verdict = CLI_FAILED;
	}
	umbel_msg_unref(s->in_hand);
	s->in_hand = NULL;
}

/* One command at a time: what comes meanwhile waits in the library, and then
   with the broker. */
static void
work(struct sub *s)
{
	while (s->worker.pid == 0 && !s->done &&
	       umbel_next(s->connection.c, &s->in_hand, 0) == 1) {
		if (!take(s))
			break;
		start_worker(s);
		if (s->count > 0 && s->taken == s->count)
			s->done = true; /* the verdict is the workers' */
	}
}

/* ---- life --------------------------------------------------------------- */

static void
subscribe(struct sub *s)
{
	for (size_t i = 0; i < s->n_filters; i++) {
		struct filter *filter = &s->filters[i];
		int r = umbel_subscribe(
			s->connection.c, filter->text,
			s->mode == EXEC ? NULL : on_message, filter,
			UMBEL_SUB_OPTIONS(.monitor = !s->group,
		                          .group = s->group,
		                          .retained = s->retained,
		                          .on_active = on_active,
		                          .on_end = on_end),
			NULL);

		if (r < 0)
			cli_die("cannot subscribe to %s: %s", filter->text,
			        umbel_strerror(r));
	}
}

/* Until the count, the time, a signal or the reader's end. A verdict. */
static int
listen_on(struct sub *s)
{
	int r = CLI_OK;

	while (r == CLI_OK && !s->done) {
		struct pollfd others[] = {
			/* no events: only that its reader has gone */
			{ .fd = s->mode == EXEC ? -1 : STDOUT_FILENO },
			child_poll(&s->worker),
		};

		reap(s);
		if (s->mode == EXEC)
			work(s);
		flush_output(s);
		if (s->connection.unwritten)
			end(s, CLI_FAILED);
		if (s->done)
			break;
		r = connection_step(&s->connection, others, 2, s->deadline);
		if (others[0].revents & (POLLERR | POLLHUP))
			end(s, CLI_OK);
		if (others[1].revents)
			child_feed(&s->worker);
	}
	flush_output(s);
	return r;
}

static int
conclude(struct sub *s, int r)
{
	if (r == CLI_TIMEOUT && s->count > 0) {
		cli_complain("timed out: %" PRIu64 " message%s of %" PRIu64,
		             s->taken, cli_plural(s->taken), s->count);
		return r;
	}
	if (r == CLI_OK || r == CLI_TIMEOUT || (r > CLI_SIGNAL && !s->count))
		return s->verdict;
	return r;
}

/*
 * The command that has a message in hand comes to its end, however we end: half
 * a payload must not look like a whole one. --on-ready does if nothing but the
 * count ended us, and until the deadline. A second signal spares us both.
 */
static void
await_children(struct sub *s, bool ready_too)
{
	signals_forgive();
	for (;;) {
		struct pollfd fds[] = {
			child_poll(&s->worker),
			{ .fd = signals_fd(), .events = POLLIN },
		};
		int left = s->worker.pid ? -1 : cli_left(s->deadline);

		reap(s);
		if (!s->worker.pid &&
		    (!ready_too || !s->ready.pid || left == 0))
			return;
		if (signals_end() != 0)
			break;
		if (poll(fds, 2, left) < 0)
			continue;
		if (fds[1].revents)
			signals_take();
		if (fds[0].revents)
			child_feed(&s->worker);
	}
	if (s->worker.left > 0)
		kill(s->worker.pid, SIGTERM);
}

static int
run(struct sub *s)
{
	int r;

	signals_watch();
	connection_open(&s->connection, s->cli, s->overflow);
	s->connection.out = &s->out;
	subscribe(s);
	r = connection_establish(&s->connection, s->deadline);
	if (r == CLI_OK)
		r = listen_on(s);
	connection_close(&s->connection);
	await_children(s, r == CLI_OK);
	if (s->connection.missed > 0)
		cli_complain("%" PRIu64 " message%s lost in all",
		             s->connection.missed,
		             s->connection.missed == 1 ? " was" : "s were");
	return conclude(s, r);
}

/* ---- the command line --------------------------------------------------- */

static void
set_mode(struct sub *s, enum mode mode)
{
	if (s->mode != READABLE && s->mode != mode)
		cli_misused(s->cli, "one of --json, --raw, --null and --exec");
	s->mode = mode;
}

static void
set_group(struct sub *s, const char *name)
{
	if (!*name || !umbel_name_is_valid(name))
		cli_misused(s->cli, "--group: a name is 1 to 64 bytes of text");
	s->group = name;
}

static void
set_overflow(struct sub *s, const char *how)
{
	static const char *const words[] = {
		[UMBEL_BLOCK] = "block",
		[UMBEL_DROP_OLDEST] = "drop-oldest",
		[UMBEL_DISCONNECT] = "disconnect",
	};

	s->overflow_chosen = true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		s->overflow = (enum umbel_overflow)i;
		if (strcmp(how, words[i]) == 0)
			return;
	}
	cli_misused(s->cli,
	            "--overflow: block, drop-oldest or disconnect, "
	            "not %s",
	            how);
}

/* Who watches at a terminal must not hold up services by looking at it. */
static void
choose_overflow(struct sub *s)
{
	if (!s->overflow_chosen && s->mode != EXEC && isatty(STDOUT_FILENO))
		s->overflow = UMBEL_DROP_OLDEST;
}

static void
take_filters(struct sub *s, int argc, char **argv)
{
	if (argc == 0)
		cli_misused(s->cli, "which filter? all there is: '**'");
	s->filters = calloc((size_t)argc, sizeof(*s->filters));
	if (!s->filters)
		cli_die("out of memory");
	s->n_filters = (size_t)argc;
	for (int i = 0; i < argc; i++) {
		if (names_fault(argv[i], true))
			names_refuse(s->cli, argv[i], true);
		names_note_strange(argv[i]);
		s->filters[i].sub = s;
		s->filters[i].text = argv[i];
	}
	if (names_are_files(argv, argc)) {
		cli_complain("note: %s%s the name of a file here", argv[0],
		             argc > 1 ? ", like all the rest, is" : " is");
		cli_hint("if the shell made it of a wildcard, quote that: "
		         "umbel sub '*'");
	}
}

enum {
	OPT_JSON = CLI_OPT_VERB,
	OPT_RAW,
	OPT_NULL,
	OPT_SENDER,
	OPT_RETAINED,
	OPT_GROUP,
	OPT_OVERFLOW,
	OPT_COUNT,
	OPT_TIMEOUT,
	OPT_ON_READY,
	OPT_EXEC,
};

static const struct option options[] = {
	CLI_OPTIONS,
	CLI_WILL_OPTIONS,
	{ "json", no_argument, NULL, OPT_JSON },
	{ "raw", no_argument, NULL, OPT_RAW },
	{ "null", no_argument, NULL, OPT_NULL },
	{ "sender", no_argument, NULL, OPT_SENDER },
	{ "retained", no_argument, NULL, OPT_RETAINED },
	{ "group", required_argument, NULL, OPT_GROUP },
	{ "overflow", required_argument, NULL, OPT_OVERFLOW },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "on-ready", required_argument, NULL, OPT_ON_READY },
	{ "exec", required_argument, NULL, OPT_EXEC },
	{ 0 },
};

static void
take_option(struct sub *s, int option)
{
	switch (option) {
	case OPT_JSON:
		set_mode(s, OBJECTS);
		break;
	case OPT_NULL:
		s->end = '\0';
		set_mode(s, RAW);
		break;
	case OPT_RAW:
		set_mode(s, RAW);
		break;
	case OPT_SENDER:
		s->sender = true;
		break;
	case OPT_RETAINED:
		s->retained = true;
		break;
	case OPT_GROUP:
		set_group(s, optarg);
		break;
	case OPT_OVERFLOW:
		set_overflow(s, optarg);
		break;
	case OPT_COUNT:
		s->count = cli_number("--count", optarg, 1, UINT64_MAX);
		break;
	case OPT_TIMEOUT:
		s->deadline = cli_deadline(cli_timeout(optarg));
		break;
	case OPT_ON_READY:
		s->on_ready = optarg;
		break;
	case OPT_EXEC:
		s->exec = optarg;
		set_mode(s, EXEC);
		break;
	default:
		break;
	}
}

int
sub_main(struct cli *cli, int argc, char **argv)
{
	struct sub s = {
		.cli = cli,
		.deadline = CLI_FOREVER,
		.end = '\n',
		.ready = CHILD_NONE,
		.worker = CHILD_NONE,
	};
	int option;
	int r;

	while ((option = cli_next_option(cli, argc, argv, ":hs:", options,
	                                 help)) != -1)
		take_option(&s, option);
	if (s.sender && (s.mode == RAW || s.mode == EXEC))
		cli_misused(cli, "--sender is for readable output; --json and "
		                 "--exec tell it anyway");
	if (s.group && s.retained)
		cli_misused(cli, "a group has no last values: not --group and "
		                 "--retained");
	choose_overflow(&s);
	take_filters(&s, argc - optind, argv + optind);
	r = run(&s);
	free(s.filters);
	buf_free(&s.out);
	return r;
}
