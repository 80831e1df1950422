/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "connection.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "findings.h"
#include "names.h"
#include "output.h"
#include "permit.h"
#include "progress.h"
#include "signals.h"

#define MAX_OTHERS 4

/* Without --wait a broker may be this busy, but not silent. */
#define ANSWER_MS 5000

/* ---- why there is no broker --------------------------------------------- */

static const char *
where_from(const struct connection *n)
{
	const char *env = getenv("UMBEL_SOCKET");

	if (n->cli->socket)
		return "from -s";
	return env && *env ? "from UMBEL_SOCKET" : "the default";
}

static void
hint_to_start(const struct connection *n)
{
	const char *env = getenv("UMBEL_SOCKET");

	if (n->cli->socket || (env && *env))
		cli_hint("start one: umbeld --socket %s", umbel_address(n->c));
	else
		cli_hint("start one: umbeld");
	cli_hint("or name the socket of another: -s PATH, or "
	         "UMBEL_SOCKET=PATH");
	if (n->cli->wait_ms == CLI_UNSET)
		cli_hint("or wait for it: --wait SECONDS");
}

/* A folder of the path or the socket itself says no: whose it is, and the line
   that lets one in, in the words of umbel doctor. */
static void
hint_who_may(const struct connection *n)
{
	const char *address = umbel_address(n->c);
	struct findings found = { 0 };
	char folder[PATH_MAX];
	struct stat st;

	permit_closed_folder(address, folder, sizeof(folder));
	if (*folder)
		permit_complain_folder(&found, folder);
	else if (stat(address, &st) == 0)
		permit_examine(&found, address, &st);
	for (size_t i = 0; i < found.n; i++) {
		cli_hint("%s", found.at[i].text);
		if (found.at[i].mend)
			cli_hint("%s", found.at[i].mend);
	}
	findings_free(&found);
}

static void
explain_refused(const struct connection *n)
{
	const char *address = umbel_address(n->c);
	struct stat st;

	if (stat(address, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		cli_complain("%s (%s) is not a socket", address, where_from(n));
		cli_hint("give the path of a broker's socket: -s PATH");
		return;
	}
	cli_complain("no broker at %s (%s): the socket is there, but nobody "
	             "listens on it any more",
	             address, where_from(n));
	hint_to_start(n);
}

/* The verdict. */
static int
explain(const struct connection *n)
{
	const char *address = umbel_address(n->c);

	switch (n->error) {
	case -ENOENT:
	case -ENOTDIR:
		cli_complain("no broker at %s (%s): there is no such file",
		             address, where_from(n));
		hint_to_start(n);
		break;
	case -ECONNREFUSED:
	case -ENOTSOCK:
		explain_refused(n);
		break;
	case -EACCES:
	case -EPERM:
		cli_complain("cannot connect to %s (%s): permission denied",
		             address, where_from(n));
		hint_who_may(n);
		break;
	case 0:
	case -ETIMEDOUT:
		cli_complain("no answer from %s (%s): something listens there, "
		             "but does not speak",
		             address, where_from(n));
		cli_hint("is it umbeld? is it stopped, or very busy?");
		cli_hint("if it is umbeld's socket for HTTP: curl "
		         "--unix-socket %s http://umbel/",
		         address);
		break;
	case UMBEL_E_DENIED:
		cli_complain("%s (%s): %s", address, where_from(n), n->why.at);
		return CLI_REFUSED;
	default:
		cli_complain("no connection to %s (%s): %s", address,
		             where_from(n), n->why.at);
	}
	return CLI_NO_BROKER;
}

/* ---- what the handle tells ---------------------------------------------- */

static void
remember_why(struct connection *n, const struct umbel_state_info *info)
{
	if (info->error == 0)
		return;
	n->error = info->error;
	n->why.len = 0;
	buf_puts(&n->why, info->text && *info->text
	                          ? info->text
	                          : umbel_strerror(info->error));
	buf_text(&n->why);
}

static void
tell_lost(struct connection *n, const struct umbel_state_info *info)
{
	n->lost = true;
	n->lost_at = cli_now_ms();
	if (info->error == UMBEL_E_GOAWAY)
		cli_complain("the broker is going down; waiting for the next");
	else
		cli_complain("lost the broker: %s; retrying",
		             info->error ? n->why.at : "it hung up");
	if (info->unconfirmed > 0)
		cli_hint("%" PRIu64 " message%s on the way: may or may not "
		         "have arrived",
		         info->unconfirmed, cli_plural(info->unconfirmed));
}

static void
tell_back(struct connection *n)
{
	double seconds = (double)(cli_now_ms() - n->lost_at) / 1000;

	n->lost = false;
	cli_complain("connected again after %.*f s", seconds < 1 ? 3 : 1,
	             seconds);
}

static void
on_state(struct umbel *c, enum umbel_state state,
         const struct umbel_state_info *info, void *user)
{
	struct connection *n = user;

	(void)c;
	n->state = state;
	remember_why(n, info);
	switch (state) {
	case UMBEL_CONNECTED:
		n->stood = true;
		n->error = 0;
		if (n->lost)
			tell_back(n);
		break;
	case UMBEL_DISCONNECTED:
		if (n->stood && !n->lost)
			tell_lost(n, info);
		break;
	case UMBEL_CONNECTING:
	case UMBEL_FAILED:
		break;
	}
}

static void
on_error(struct umbel *c, const struct umbel_error_info *info, void *user)
{
	struct connection *n = user;

	(void)c;
	n->refused++;
	cli_complain("the broker refused %s%s%s", info->about,
	             *info->about ? ": " : "", info->text);
}

static void
on_loss(struct umbel *c, const struct umbel_loss_info *info, void *user)
{
	struct connection *n = user;
	char all[48] = "";

	(void)c;
	if (n->out && output_flush(n->out) == OUTPUT_FAILED)
		n->unwritten = true;
	if (n->missed > 0)
		snprintf(all, sizeof(all), "; %" PRIu64 " so far",
		         n->missed + info->messages);
	n->missed += info->messages;
	cli_complain("lost %" PRIu64 " message%s here (%" PRIu64
	             " bytes): %s%s",
	             info->messages, cli_plural(info->messages), info->bytes,
	             info->reason, all);
}

static void
on_hold(struct umbel *c, const struct umbel_hold_info *info, void *user)
{
	struct connection *n = user;
	int64_t now = cli_now_ms();

	(void)c;
	if (!info->held || (n->held_at > 0 && now - n->held_at < 1000))
		return;
	n->held_at = now;
	if (info->session == 0) {
		cli_complain("slowed down: the broker takes no more than that "
		             "from one client (%s)",
		             info->name);
		return;
	}
	cli_complain("held up: session %" PRIu32 " (%s) does not keep up "
	             "with %s",
	             info->session, info->name, info->topic);
}

/* ---- life --------------------------------------------------------------- */

static void
check_will(const struct cli *cli)
{
	if (!cli->will_topic && (cli->will_payload || cli->will_retain))
		cli_misused(cli, "a will on which topic? --will-topic T");
	if (cli->will_topic && names_fault(cli->will_topic, false))
		names_refuse(cli, cli->will_topic, false);
}

static _Noreturn void
refuse_to_open(int r)
{
	cli_complain("%s", umbel_last_error(NULL));
	switch (r) {
	case -ENAMETOOLONG:
	case -EINVAL:
	case -EMSGSIZE:
	case UMBEL_E_TOPIC:
		exit(CLI_USAGE);
	default:
		exit(CLI_FAILED);
	}
}

void
connection_open(struct connection *n, const struct cli *cli,
                enum umbel_overflow overflow)
{
	const struct umbel_pub_options *will =
		UMBEL_PUB_OPTIONS(.retain = cli->will_retain);
	const char *payload = cli->will_payload;
	char name[64];
	int r;

	check_will(cli);
	*n = (struct connection){
		.cli = cli,
		.patience_ms = CLI_FOREVER,
	};
	snprintf(name, sizeof(name), "umbel %s", cli->verb);
	r = umbel_new(
		&n->c,
		UMBEL_OPTIONS(.name = cli->name ? cli->name : name,
	                      .address = cli->socket, .overflow = overflow,
	                      .will_topic = cli->will_topic,
	                      .will_data = payload,
	                      .will_len = payload ? strlen(payload) : 0,
	                      .will_options = cli->will_topic ? will : NULL,
	                      .on_state = on_state, .on_error = on_error,
	                      .on_loss = on_loss, .on_hold = on_hold,
	                      .user = n));
	if (r < 0)
		refuse_to_open(r);
	n->state = UMBEL_DISCONNECTED;
}

int
connection_establish(struct connection *n, int64_t deadline)
{
	bool patient = n->cli->wait_ms != CLI_UNSET;
	int64_t until = cli_deadline(patient ? n->cli->wait_ms : ANSWER_MS);
	struct progress progress;
	bool told = false;
	int r = umbel_connect(n->c, 0);

	if (r < 0)
		cli_die("cannot connect: %s", umbel_strerror(r));
	if (deadline >= 0 && (until < 0 || deadline <= until))
		until = deadline;
	progress_begin(&progress);
	while (n->state != UMBEL_CONNECTED) {
		/* -EAGAIN: a broker is there, and has no time yet */
		bool failed = n->error != 0 && n->error != -EAGAIN;

		if (failed && (!patient || n->state == UMBEL_FAILED))
			return explain(n);
		if (failed && !told) {
			cli_complain("waiting for a broker at %s",
			             umbel_address(n->c));
			told = true;
		}
		r = progress_step(&progress, n, NULL, 0, until);
		progress_tell(&progress, "no answer for %d s ...",
		              progress_seconds(&progress));
		if (r == CLI_TIMEOUT) {
			explain(n);
			return until == deadline ? CLI_TIMEOUT : CLI_NO_BROKER;
		}
		if (r != CLI_OK)
			break;
	}
	progress_end(&progress);
	return r;
}

int
connection_establish_in_time(struct connection *n, int64_t timeout_ms)
{
	bool patient = n->cli->wait_ms != CLI_UNSET;

	return connection_establish(n, patient ? CLI_FOREVER
	                                       : cli_deadline(timeout_ms));
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int
verdict(struct connection *n, int64_t away, int64_t deadline)
{
	if (signals_end() != 0)
		return CLI_SIGNAL + signals_end();
	if (n->stood && n->state == UMBEL_FAILED) {
		cli_complain("gave up: %s", n->error ? n->why.at : "");
		return CLI_NO_BROKER;
	}
	if (n->lost && away >= 0 && cli_left(away) == 0) {
		cli_complain("no broker for %.1f s: giving up",
		             (double)n->patience_ms / 1000);
		return CLI_NO_BROKER;
	}
	return deadline >= 0 && cli_left(deadline) == 0 ? CLI_TIMEOUT : CLI_OK;
}

int
connection_step(struct connection *n, struct pollfd *others, nfds_t n_others,
                int64_t deadline)
{
	struct pollfd fds[2 + MAX_OTHERS] = {
		{ .fd = umbel_fd(n->c), .events = POLLIN },
		{ .fd = signals_fd(), .events = POLLIN },
	};
	int64_t away = n->lost && n->patience_ms >= 0
	                       ? n->lost_at + n->patience_ms
	                       : CLI_FOREVER;
	int r;

	for (nfds_t i = 0; i < n_others; i++)
		fds[2 + i] = others[i];
	r = poll(fds, 2 + n_others, cli_left(sooner(away, deadline)));
	if (r < 0 && errno != EINTR)
		cli_die("cannot poll: %s", strerror(errno));
	for (nfds_t i = 0; i < n_others; i++)
		others[i].revents = r > 0 ? fds[2 + i].revents : 0;
	if (r > 0 && fds[1].revents)
		signals_take();
	if (r > 0 && fds[0].revents) {
		r = umbel_dispatch(n->c, 0);
		if (r < 0)
			cli_die("cannot go on: %s", umbel_strerror(r));
	}
	return verdict(n, away, deadline);
}

static void
on_confirmed(struct umbel *c, int error, void *user)
{
	struct connection *n = user;

	(void)c;
	(void)error;
	n->confirming = false;
}

void
connection_confirm(struct connection *n)
{
	struct umbel_stats stats;

	umbel_get_stats(n->c, &stats, sizeof(stats));
	if (n->confirming || stats.published == n->asked)
		return;
	n->asked = stats.published;
	n->confirming = umbel_flush(n->c, on_confirmed, n) == 0;
}

uint64_t
connection_unconfirmed(struct connection *n)
{
	struct umbel_stats stats;

	umbel_get_stats(n->c, &stats, sizeof(stats));
	return stats.published - stats.confirmed - stats.refused;
}

bool
connection_is_ending(const struct connection *n)
{
	struct umbel_stats stats;

	umbel_get_stats(n->c, &stats, sizeof(stats));
	return stats.leaving;
}

static void
on_flushed(struct umbel *c, int error, void *user)
{
	struct connection *n = user;

	(void)c;
	n->flushed = true;
	n->flush_error = error;
}

static void
tell_unconfirmed(struct progress *p, struct connection *n)
{
	uint64_t missing = connection_unconfirmed(n);

	if (missing > 0)
		progress_tell(p,
		              "%" PRIu64 " message%s still to be "
		              "confirmed ...",
		              missing, cli_plural(missing));
	else
		progress_tell(p, "waiting for the broker ...");
}

int
connection_flush(struct connection *n, int64_t deadline)
{
	/* what had not left when the connection broke goes out over the next
	   one, and is confirmed there */
	struct progress progress;
	int r = CLI_OK;

	progress_begin(&progress);
	n->flush_error = -EAGAIN;
	while (r == CLI_OK && n->flush_error != 0) {
		n->flushed = false;
		r = umbel_flush(n->c, on_flushed, n);
		if (r < 0)
			cli_die("cannot flush: %s", umbel_strerror(r));
		while (r == CLI_OK && !n->flushed) {
			r = progress_step(&progress, n, NULL, 0, deadline);
			tell_unconfirmed(&progress, n);
		}
	}
	progress_end(&progress);
	return r;
}

/* What is behind `start`, or all of it. */
static const char *
without(const char *text, const char *start)
{
	size_t n = strlen(start);

	return strncmp(text, start, n) == 0 ? text + n : text;
}

const char *
connection_refusal(struct umbel *c, const char *filter, int error)
{
	const char *text = umbel_last_error(c);
	const char *about = without(text, "subscribe to ");

	if (!*text)
		return umbel_strerror(error);
	if (about != text && without(about, filter) != about)
		text = without(without(about, filter), ": ");
	return without(text, "subscribe: ");
}

void
connection_close(struct connection *n)
{
	umbel_close(n->c, 0);
	buf_free(&n->why);
	n->c = NULL;
}
