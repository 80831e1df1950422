/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel doctor - look at everything that keeps programs from their broker, and
 * say what is wrong and which line mends it.
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "ask.h"
#include "buf.h"
#include "cli.h"
#include "client/umbel.h"
#include "connection.h"
#include "findings.h"
#include "limits.h"
#include "output.h"
#include "progress.h"
#include "signals.h"
#include "socketfile.h"
#include "table.h"
#include "units.h"
#include "users.h"

/* A broker that is there answers at once. */
#define ANSWER_MS 2000

/* Between two looks at whether somebody listens, with --wait. */
#define LOOK_MS 100

#define PATH_SIZE 256u

struct doctor {
	struct cli *cli;
	struct connection connection;
	const char *datagram; /* NULL: not to be looked at */
	const char *http;     /* the same */
	bool objects;

	const char *address;
	enum address_source source;
	pid_t broker; /* who answers there; 0: nobody, or it does not say */
	bool answers;
	struct units units;
	struct findings findings;
};

static const char help[] =
	"usage: umbel doctor [OPTION...]\n"
	"\n"
	"Look at the socket, its permissions, the broker behind it, versions,\n"
	"limits and systemd's units. What is wrong is told with the line that\n"
	"fixes it. Exits 1 when something is.\n"
	"\n"
	"      --datagram PATH  look at umbeld's socket for datagrams, too\n"
	"      --http PATH      and at the one for HTTP\n"
	"      --json           one JSON object a line: subject, state (ok, note\n"
	"                       or wrong), text, mend\n" CLI_OPTIONS_HELP;

/* ---- which socket ------------------------------------------------------- */

static void
examine_choice(struct doctor *d)
{
	static const char *const why[] = {
		[ADDRESS_OPTION] = "because of --socket",
		[ADDRESS_ENVIRONMENT] = "because of UMBEL_SOCKET",
		[ADDRESS_USER] = "it is below XDG_RUNTIME_DIR, and answers",
		[ADDRESS_SYSTEM] = "the system's; the user's does not answer",
	};
	char user[PATH_SIZE];
	bool none = !address_of_user(user, sizeof(user));

	findings_add(&d->findings, GRADE_GOOD, "path", "%s (%s)", d->address,
	             none && d->source == ADDRESS_SYSTEM
	                     ? "the system's; XDG_RUNTIME_DIR is not set"
	                     : why[d->source]);
}

/* Programs that name no socket take the user's when it answers; services, who
   have no XDG_RUNTIME_DIR, the system's. */
static void
examine_rival(struct doctor *d)
{
	bool chosen =
		d->source == ADDRESS_OPTION || d->source == ADDRESS_ENVIRONMENT;
	bool works = address_probe(d->address, SOCK_STREAM) == 0;
	char user[PATH_SIZE];
	int r;

	if (!address_of_user(user, sizeof(user)) ||
	    address_probe(user, SOCK_STREAM) != 0)
		return;
	r = address_probe(ADDRESS_SYSTEM_SOCKET, SOCK_STREAM);
	if (r != 0 && r != -EACCES)
		return;
	findings_add(&d->findings, GRADE_NOTE, "brokers",
	             "two are running: the user's (%s) and the system's (%s); "
	             "what is published to one does not reach the other",
	             user, ADDRESS_SYSTEM_SOCKET);
	findings_mend(&d->findings, "export UMBEL_SOCKET=%s",
	              chosen && works ? d->address : ADDRESS_SYSTEM_SOCKET);
}

static bool
examine_socket(struct doctor *d)
{
	static const char *const avoid[] = {
		[ADDRESS_OPTION] = "umbel doctor  (without --socket)",
		[ADDRESS_ENVIRONMENT] = "unset UMBEL_SOCKET",
	};
	const char *start = units_start(&d->units);
	struct socketfile s = {
		.subject = "socket",
		.path = d->address,
		.kind = SOCK_STREAM,
		.start = "umbeld &",
	};
	char line[PATH_SIZE];

	if (d->source <= ADDRESS_ENVIRONMENT) {
		snprintf(line, sizeof(line), "umbeld --socket %s &",
		         d->address);
		s.start = line;
		s.avoid = avoid[d->source];
	} else if (start) {
		s.start = start;
	}
	return socketfile_examine(&s, &d->findings);
}

/* The line must not start a second broker beside the one that answers. */
static void
write_start(const struct doctor *d, const char *subject, const char *path,
            char *line, size_t size)
{
	if (d->broker > 0)
		snprintf(line, size, "restart umbeld (pid %ld) with: --%s %s",
		         (long)d->broker, subject, path);
	else if (d->answers)
		snprintf(line, size, "restart umbeld with: --%s %s", subject,
		         path);
	else if (d->source <= ADDRESS_ENVIRONMENT)
		snprintf(line, size, "umbeld --socket %s --%s %s &", d->address,
		         subject, path);
	else
		snprintf(line, size, "umbeld --%s %s &", subject, path);
}

/* What comes in there does not reach those who are connected to ours. */
static void
complain_foreign(struct doctor *d, const char *subject, const char *path)
{
	pid_t keeper = socketfile_keeper(path);

	if (d->broker == 0 || keeper == 0 || keeper == d->broker ||
	    socketfile_process_state(keeper) == 0)
		return;
	findings_add(&d->findings, GRADE_WRONG, subject,
	             "%s belongs to another umbeld (pid %ld), not to that of "
	             "%s (pid %ld)",
	             path, (long)keeper, d->address, (long)d->broker);
	findings_mend(&d->findings,
	              "kill %ld; restart umbeld (pid %ld) with: --%s %s",
	              (long)keeper, (long)d->broker, subject, path);
}

static void
examine_extra(struct doctor *d, const char *subject, const char *path, int kind)
{
	char line[2 * PATH_SIZE];
	struct socketfile s = {
		.subject = subject,
		.path = path,
		.kind = kind,
		.start = line,
	};

	if (!path)
		return;
	write_start(d, subject, path, line, sizeof(line));
	if (socketfile_examine(&s, &d->findings))
		complain_foreign(d, subject, path);
}

/* ---- who answers -------------------------------------------------------- */

static void
complain_silent(struct doctor *d)
{
	pid_t pid = socketfile_keeper(d->address);
	bool stopped = pid > 0 && socketfile_process_state(pid) == 'T';

	findings_add(&d->findings, GRADE_WRONG, "answer",
	             "somebody listens there, and does not speak%s",
	             stopped ? ": the broker is stopped" : "");
	if (stopped)
		findings_mend(&d->findings, "kill -CONT %ld", (long)pid);
	else if (pid > 0)
		findings_mend(&d->findings, "ps -fp %ld  (is that umbeld?)",
		              (long)pid);
}

static int
connect_quietly(struct doctor *d)
{
	struct connection *n = &d->connection;
	int64_t deadline = cli_deadline(ANSWER_MS);
	struct progress progress;
	int r = umbel_connect(n->c, 0);

	if (r < 0)
		cli_die("cannot connect: %s", umbel_strerror(r));
	progress_begin(&progress);
	for (r = CLI_OK; r == CLI_OK && n->state != UMBEL_CONNECTED;) {
		r = progress_step(&progress, n, NULL, 0, deadline);
		progress_tell(&progress, "no answer for %d s ...",
		              progress_seconds(&progress));
		if (n->error != 0 && n->error != -EAGAIN)
			r = CLI_NO_BROKER;
	}
	progress_end(&progress);
	return r;
}

/* A verdict: CLI_OK when it may be asked. */
static int
examine_answer(struct doctor *d)
{
	struct connection *n = &d->connection;
	int64_t before = cli_now_us();
	int r = connect_quietly(d);

	if (r > CLI_SIGNAL)
		return r;
	if (r == CLI_OK) {
		findings_add(&d->findings, GRADE_GOOD, "answer",
		             "it takes us for uid %" PRIu32 ", session %" PRIu32
		             ", in %.1f ms",
		             umbel_uid(n->c), umbel_session(n->c),
		             (double)(cli_now_us() - before) / 1000);
	} else if (n->error == 0 || n->error == -ETIMEDOUT) {
		complain_silent(d);
	} else {
		findings_add(&d->findings, GRADE_WRONG, "answer", "%s",
		             n->why.len ? n->why.at : umbel_strerror(n->error));
		if (n->error == UMBEL_E_SERVER_UID)
			findings_mend(&d->findings,
			              "ls -l %s; umbel -s PATH  (another, of "
			              "somebody you trust)",
			              d->address);
	}
	return r;
}

/* ---- what it says ------------------------------------------------------- */

static void
examine_versions(struct doctor *d, const json_t *info)
{
	const char *broker = ask_text(info, "version");
	bool same = strcmp(broker, umbel_version()) == 0 &&
	            strcmp(broker, UMBEL_VERSION) == 0;
	const char *start = units_start(&d->units);

	findings_add(&d->findings, same ? GRADE_GOOD : GRADE_NOTE, "versions",
	             "umbel %s, libumbel %s, umbeld %s (protocol %" PRIu64 ")",
	             UMBEL_VERSION, umbel_version(), broker,
	             ask_uint(info, "protocol"));
	if (!same && start)
		findings_mend(
			&d->findings, "%s",
			d->units.user
				? "systemctl --user restart umbeld.service"
				: "sudo systemctl restart umbeld.service");
	else if (!same)
		findings_mend(&d->findings,
		              "kill %" PRIu64 "; umbeld --socket %s &",
		              ask_uint(info, "pid"), d->address);
}

/* About: "50 s", "11 min", "3 h", "12 days". */
static const char *
time_in_words(uint64_t seconds, char *words, size_t size)
{
	if (seconds < 120)
		snprintf(words, size, "%" PRIu64 " s", seconds);
	else if (seconds < 120 * 60)
		snprintf(words, size, "%" PRIu64 " min", seconds / 60);
	else if (seconds < 48 * 3600)
		snprintf(words, size, "%" PRIu64 " h", seconds / 3600);
	else
		snprintf(words, size, "%" PRIu64 " days", seconds / 86400);
	return words;
}

static void
examine_server(struct doctor *d, const json_t *info)
{
	uint64_t uid = ask_uint(info, "uid");
	char user[64], time[32];

	findings_add(&d->findings, GRADE_GOOD, "broker",
	             "pid %" PRIu64 ", runs as %s (uid %" PRIu64
	             ") for %s; %" PRIu64 " client%s, %" PRIu64
	             " subscription%s",
	             ask_uint(info, "pid"), users_name(uid, user, sizeof(user)),
	             uid,
	             time_in_words(ask_uint(info, "uptime_ms") / 1000, time,
	                           sizeof(time)),
	             ask_uint(info, "sessions"),
	             cli_plural(ask_uint(info, "sessions")),
	             ask_uint(info, "subscriptions"),
	             cli_plural(ask_uint(info, "subscriptions")));
}

static int
examine_broker(struct doctor *d)
{
	json_t *none = json_object();
	json_t *info = NULL;
	int r = ask_broker(&d->connection, "info", none, NULL, &info);

	json_decref(none);
	d->answers = r == CLI_OK || r == CLI_REFUSED;
	if (r == CLI_OK) {
		d->broker = (pid_t)ask_uint(info, "pid");
		examine_server(d, info);
		examine_versions(d, info);
		limits_examine(info, &d->findings);
		limits_examine_descriptors((pid_t)ask_uint(info, "pid"),
		                           &d->findings);
		json_decref(info);
	} else if (r == CLI_REFUSED) {
		findings_add(&d->findings, GRADE_NOTE, "broker",
		             "it does not tell us of itself: its rules do not "
		             "let us introspect");
		findings_mend(&d->findings,
		              "umbel acl test --user %lu introspect",
		              (unsigned long)geteuid());
		return CLI_OK;
	}
	return r > CLI_SIGNAL ? r : CLI_OK;
}

/* ---- all of it ---------------------------------------------------------- */

/* A verdict: not CLI_OK when a signal ended it. */
static int
examine(struct doctor *d)
{
	bool of_system = d->source == ADDRESS_SYSTEM;
	int r = CLI_OK;

	units_ask(&d->units, d->source == ADDRESS_USER);
	examine_choice(d);
	if (examine_socket(d)) {
		r = examine_answer(d);
		if (r == CLI_OK)
			r = examine_broker(d);
	}
	examine_rival(d);
	units_examine(&d->units, of_system || d->source == ADDRESS_USER,
	              &d->findings);
	examine_extra(d, "datagram", d->datagram, SOCK_DGRAM);
	examine_extra(d, "http", d->http, SOCK_STREAM);
	return r > CLI_SIGNAL ? r : CLI_OK;
}

/* With --wait, until somebody listens or the time is over. A verdict: not CLI_OK
   when a signal ended it. */
static int
await(struct doctor *d)
{
	bool patient = d->cli->wait_ms != CLI_UNSET;
	int64_t deadline = cli_deadline(patient ? d->cli->wait_ms : 0);
	struct progress progress;
	bool told = false;

	progress_begin(&progress);
	while (signals_end() == 0 && cli_left(deadline) != 0 &&
	       address_probe(d->address, SOCK_STREAM) != 0) {
		struct pollfd fd = { .fd = signals_fd(), .events = POLLIN };
		int left = cli_left(deadline);

		if (!told)
			cli_complain("waiting for a broker at %s", d->address);
		told = true;
		poll(&fd, 1, left < 0 || left > LOOK_MS ? LOOK_MS : left);
		progress_tell(&progress, "nobody listens for %d s ...",
		              progress_seconds(&progress));
	}
	progress_end(&progress);
	return signals_end() == 0 ? CLI_OK : CLI_SIGNAL + signals_end();
}

static int
show(struct doctor *d)
{
	size_t wrong = findings_count(&d->findings, GRADE_WRONG);
	struct buf out = { 0 };
	enum output_result r;

	if (d->objects)
		findings_append_json(&d->findings, &out);
	else
		findings_append_text(&d->findings, table_terminal_width(),
		                     &out);
	if (!d->objects && wrong > 0)
		buf_printf(&out, "\n%zu thing%s wrong\n", wrong,
		           wrong == 1 ? " is" : "s are");
	else if (!d->objects)
		buf_puts(&out, "\nall is well\n");
	r = output_flush(&out);
	buf_free(&out);
	return r == OUTPUT_FAILED || wrong > 0 ? CLI_FAILED : CLI_OK;
}

static int
run(struct doctor *d)
{
	int r, shown;

	signals_watch();
	connection_open(&d->connection, d->cli, UMBEL_BLOCK);
	d->address = umbel_address(d->connection.c);
	d->source = address_source(d->cli, d->address);
	r = await(d);
	if (r == CLI_OK)
		r = examine(d);
	shown = show(d);
	connection_close(&d->connection);
	findings_free(&d->findings);
	return r == CLI_OK ? shown : r;
}

enum { OPT_DATAGRAM = CLI_OPT_VERB, OPT_HTTP, OPT_JSON };

static const struct option options[] = {
	CLI_OPTIONS,
	{ "datagram", required_argument, NULL, OPT_DATAGRAM },
	{ "http", required_argument, NULL, OPT_HTTP },
	{ "json", no_argument, NULL, OPT_JSON },
	{ 0 },
};

int
doctor_main(struct cli *cli, int argc, char **argv)
{
	struct doctor d = { .cli = cli };
	int option;

	while ((option = cli_next_option(cli, argc, argv, ":hs:", options,
	                                 help)) != -1) {
		if (option == OPT_DATAGRAM)
			d.datagram = optarg;
		else if (option == OPT_HTTP)
			d.http = optarg;
		else
			d.objects = true;
	}
	if (optind < argc)
		cli_misused(cli, "doctor takes no arguments");
	return run(&d);
}
