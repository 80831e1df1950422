/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel bench - how fast is this broker, on this machine, as it is now?
 *
 * Each figure is that of real clients through the running broker, on topics
 * that nobody else knows. Nothing is retained, and nothing stays.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "buf.h"
#include "cli.h"
#include "client/umbel.h"
#include "connection.h"
#include "output.h"
#include "players.h"
#include "progress.h"
#include "signals.h"

#define CLIENTS_MAX 256u
/* All have to be there by then. */
#define READY_MS    10000
/* Of the time, not counted: until everything is in its stride. */
#define WARM_UP     0.2

struct bench {
	struct cli *cli;
	struct connection connection;
	int64_t duration_ms;
	size_t size;
	size_t subscribers; /* 0: as the scenario has it */
	size_t publishers;
	bool objects;
	char topic[64];
	bool passed; /* the first message came through */
	bool refused;
	struct buf out;
};

struct scenario {
	const char *name;
	enum role source; /* who sends, by default how many */
	size_t n_sources;
	enum role sink;
	size_t n_sinks;
	enum role counted; /* whose messages are the result */
	bool timed;        /* of those, how long each took */
	const char *unit;
};

static const struct scenario scenarios[] = {
	{ "pub", ROLE_PUBLISH, 1, ROLE_RECEIVE, 1, ROLE_RECEIVE, false,
	  "messages" },
	{ "latency", ROLE_PASS, 1, ROLE_PASS, 0, ROLE_PASS, true, "messages" },
	{ "fan-out", ROLE_PUBLISH, 1, ROLE_RECEIVE, 10, ROLE_RECEIVE, false,
	  "deliveries" },
	{ "requests", ROLE_ASK, 1, ROLE_REPLY, 1, ROLE_ASK, true, "requests" },
};
#define N_SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

static const char help[] =
	"usage: umbel bench [OPTION...] [pub|latency|fan-out|requests]...\n"
	"\n"
	"How fast is the broker that runs here? Without names all of them:\n"
	"\n"
	"  pub                  messages a second, from publishers to subscribers\n"
	"  latency              from publishing to receiving one message\n"
	"  fan-out              deliveries a second, of one publisher to 10\n"
	"  requests             from asking to the reply, one at a time\n"
	"\n"
	"      --size BYTES     of a payload; default 128\n"
	"      --seconds S      for each; default 2\n"
	"      --subscribers N  of pub and fan-out\n"
	"      --publishers N   of pub and fan-out; default 1\n"
	"      --json           one JSON object a line, times in microseconds\n" CLI_OPTIONS_HELP
	"\n"
	"It takes all the processor there is while it runs, but touches no topic\n"
	"of others, and leaves nothing behind.\n";

/* ---- may it? ------------------------------------------------------------ */

static void
choose_topic(struct bench *b)
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint64_t)cli_now_us();
	snprintf(b->topic, sizeof(b->topic), "umbel.bench.%016" PRIx64 ".t",
	         random);
}

static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct bench *b = user;

	(void)c;
	(void)m;
	b->passed = true;
}

static void
on_end(struct umbel *c, struct umbel_sub *sub, int error, void *user)
{
	struct bench *b = user;

	(void)sub;
	if (error == 0)
		return;
	b->refused = true;
	cli_complain("no subscription to %s: %s", b->topic,
	             connection_refusal(c, b->topic, error));
}

/* One message there and back, before any thread is started. A verdict. */
static int
try_out(struct bench *b)
{
	struct connection *n = &b->connection;
	struct progress progress;
	struct umbel_sub *sub;
	int r = umbel_subscribe(n->c, b->topic, on_message, b,
	                        UMBEL_SUB_OPTIONS(.on_end = on_end), &sub);

	if (r == 0)
		r = umbel_publish(n->c, b->topic, "", 0);
	if (r < 0)
		cli_die("cannot begin: %s", umbel_strerror(r));
	progress_begin(&progress);
	for (r = CLI_OK; r == CLI_OK && !b->passed && !b->refused;) {
		r = progress_step(&progress, n, NULL, 0,
		                  progress.since + READY_MS);
		progress_tell(&progress, "waiting for the broker ...");
		b->refused |= n->refused > 0;
	}
	progress_end(&progress);
	if (b->refused) {
		cli_hint("the broker's rules must let you publish and "
		         "subscribe below umbel.bench");
		return CLI_REFUSED;
	}
	if (r == CLI_TIMEOUT)
		cli_complain("the broker passes no messages on");
	if (r != CLI_OK)
		return r;
	umbel_unsubscribe(n->c, sub);
	return connection_flush(n, CLI_FOREVER);
}

/* ---- one of them -------------------------------------------------------- */

struct result {
	double seconds;
	uint64_t n;
	uint64_t sources;
	uint64_t sinks;
	const struct percentiles *ns; /* NULL: not timed */
};

static int
complain(int error)
{
	if (error == UMBEL_E_DENIED || error == UMBEL_E_LIMIT) {
		cli_complain("the broker refused: %s", umbel_strerror(error));
		return CLI_REFUSED;
	}
	cli_complain("a client lost the broker: %s", umbel_strerror(error));
	return CLI_NO_BROKER;
}

/* `n` of them since `since`: the rate is that of the part that runs now. */
static void
tell_rate(const struct bench *b, const struct scenario *s,
          struct progress *progress, uint64_t n, int64_t since)
{
	int64_t now = cli_now_ms();
	double seconds = now > since ? (double)(now - since) / 1000 : 1;

	progress_tell(progress, "%s: %.1f of %.1f s, %.0f %s/s ...", s->name,
	              (double)(now - progress->since) / 1000,
	              (double)b->duration_ms / 1000, (double)n / seconds,
	              s->unit);
}

/* Until `deadline`, or until all are ready; progress is told. A verdict. */
static int
watch(struct bench *b, const struct scenario *s, struct players *p,
      struct progress *progress, int64_t deadline, bool until_ready)
{
	uint64_t before = players_done(p, s->counted);
	int64_t since = cli_now_ms();
	int r = CLI_OK;

	while (r == CLI_OK) {
		int64_t turn = cli_deadline(100);

		if (players_error(p) != 0)
			return complain(players_error(p));
		if (until_ready && atomic_load(&p->ready) == p->n)
			return CLI_OK;
		r = progress_step(progress, &b->connection, NULL, 0,
		                  turn < deadline ? turn : deadline);
		if (r == CLI_TIMEOUT && cli_left(deadline) > 0)
			r = CLI_OK;
		tell_rate(b, s, progress, players_done(p, s->counted) - before,
		          since);
	}
	if (r != CLI_TIMEOUT)
		return r;
	if (until_ready)
		cli_complain("not all clients got ready in %d s",
		             READY_MS / 1000);
	return until_ready ? CLI_TIMEOUT : CLI_OK;
}

static int
measure(struct bench *b, const struct scenario *s, struct players *p,
        struct result *result)
{
	int64_t warm = (int64_t)((double)b->duration_ms * WARM_UP);
	struct progress progress;
	int64_t start = 0;
	int r = players_start(p);

	if (r < 0)
		cli_die("cannot start a thread: %s", strerror(-r));
	progress_begin(&progress);
	r = watch(b, s, p, &progress, cli_deadline(READY_MS), true);
	if (r == CLI_OK) {
		atomic_store(&p->go, true);
		r = watch(b, s, p, &progress, cli_deadline(warm), false);
	}
	if (r == CLI_OK) {
		result->n = players_done(p, s->counted);
		start = cli_now_us();
		r = watch(b, s, p, &progress,
		          cli_deadline(b->duration_ms - warm), false);
	}
	result->n = players_done(p, s->counted) - result->n;
	result->seconds = (double)(cli_now_us() - start) / 1e6;
	progress_end(&progress);
	players_stop(p);
	return r;
}

/* ---- what it says ------------------------------------------------------- */

static const struct {
	const char *name;
	double share;
} shares[] = {
	{ "p50", 0.5 },     { "p90", 0.9 }, { "p99", 0.99 },
	{ "p99.9", 0.999 }, { "max", 1 },
};
#define N_SHARES (sizeof(shares) / sizeof(shares[0]))

static void
report_object(struct bench *b, const struct scenario *s,
              const struct result *result)
{
	double rate = (double)result->n / result->seconds;

	buf_printf(&b->out,
	           "{\"bench\":\"%s\",\"size\":%zu,\"seconds\":%.3f,"
	           "\"%s\":%" PRIu64 ",\"per_second\":%.1f,"
	           "\"mb_per_second\":%.3f",
	           s->name, b->size, result->seconds, s->unit, result->n, rate,
	           rate * (double)b->size / 1e6);
	if (!result->ns)
		buf_printf(&b->out,
		           ",\"publishers\":%" PRIu64
		           ",\"subscribers\":%" PRIu64,
		           result->sources, result->sinks);
	for (size_t i = 0; result->ns && i < N_SHARES; i++)
		buf_printf(&b->out, ",\"%s_us\":%.1f", shares[i].name,
		           (double)percentiles_of(result->ns, shares[i].share) /
		                   1000);
	buf_puts(&b->out, "}\n");
}

static void
report_text(struct bench *b, const struct scenario *s,
            const struct result *result)
{
	double rate = (double)result->n / result->seconds;

	buf_printf(&b->out, "%-8s  %zu B  ", s->name, b->size);
	if (!result->ns)
		buf_printf(&b->out,
		           "%" PRIu64 " publisher%s, %" PRIu64
		           " subscriber%s:  ",
		           result->sources, cli_plural(result->sources),
		           result->sinks, cli_plural(result->sinks));
	buf_printf(&b->out, "%.0f %s/s", rate, s->unit);
	if (!result->ns)
		buf_printf(&b->out, ", %.1f MB/s",
		           rate * (double)b->size / 1e6);
	for (size_t i = 0; result->ns && i < N_SHARES; i++)
		buf_printf(&b->out, "%s  %s %.1f", i == 0 ? ", us:" : "",
		           shares[i].name,
		           (double)percentiles_of(result->ns, shares[i].share) /
		                   1000);
	buf_putc(&b->out, '\n');
}

static int
run_one(struct bench *b, const struct scenario *s)
{
	struct players p = {
		.address = umbel_address(b->connection.c),
		.topic = b->topic,
		.size = b->size,
	};
	struct result result = {
		.sources = s->n_sources,
		.sinks = s->n_sinks,
	};
	int r;

	if (!s->timed && b->publishers > 0)
		result.sources = b->publishers;
	if (!s->timed && b->subscribers > 0)
		result.sinks = b->subscribers;
	players_add(&p, s->source, result.sources);
	if (result.sinks > 0)
		players_add(&p, s->sink, result.sinks);
	r = measure(b, s, &p, &result);
	if (s->timed)
		result.ns = &p.at[0].ns;
	if (r == CLI_OK && b->objects)
		report_object(b, s, &result);
	else if (r == CLI_OK)
		report_text(b, s, &result);
	players_free(&p);
	if (output_flush(&b->out) != OUTPUT_WRITTEN && r == CLI_OK)
		r = CLI_FAILED;
	return r;
}

/* ---- the command line --------------------------------------------------- */

static const struct scenario *
find_scenario(struct bench *b, const char *name)
{
	for (size_t i = 0; i < N_SCENARIOS; i++)
		if (strcmp(name, scenarios[i].name) == 0)
			return &scenarios[i];
	cli_misused(b->cli, "no bench %s: pub, latency, fan-out or requests",
	            name);
}

static int
check_size(struct bench *b)
{
	/* topic, reply and all that stands around them */
	size_t most = umbel_max_frame(b->connection.c) - 1024;

	if (b->size <= most)
		return CLI_OK;
	cli_complain("--size: this broker takes %zu bytes at most", most);
	return CLI_USAGE;
}

static int
run(struct bench *b, char **names, int n)
{
	int r;

	signals_watch();
	choose_topic(b);
	connection_open(&b->connection, b->cli, UMBEL_BLOCK);
	r = connection_establish(&b->connection, CLI_FOREVER);
	b->connection.patience_ms = 0;
	if (r == CLI_OK)
		r = check_size(b);
	if (r == CLI_OK)
		r = try_out(b);
	for (size_t i = 0; r == CLI_OK && n == 0 && i < N_SCENARIOS; i++)
		r = run_one(b, &scenarios[i]);
	for (int i = 0; r == CLI_OK && i < n; i++)
		r = run_one(b, find_scenario(b, names[i]));
	connection_close(&b->connection);
	buf_free(&b->out);
	return r;
}

enum {
	OPT_SIZE = CLI_OPT_VERB,
	OPT_SECONDS,
	OPT_SUBSCRIBERS,
	OPT_PUBLISHERS,
	OPT_JSON,
};

static const struct option options[] = {
	CLI_OPTIONS,
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "seconds", required_argument, NULL, OPT_SECONDS },
	{ "subscribers", required_argument, NULL, OPT_SUBSCRIBERS },
	{ "publishers", required_argument, NULL, OPT_PUBLISHERS },
	{ "json", no_argument, NULL, OPT_JSON },
	{ 0 },
};

static void
take_option(struct bench *b, int option)
{
	switch (option) {
	case OPT_SIZE:
		b->size = cli_number("--size", optarg, 0, 1u << 30);
		break;
	case OPT_SECONDS:
		b->duration_ms = cli_seconds("--seconds", optarg);
		break;
	case OPT_SUBSCRIBERS:
		b->subscribers =
			cli_number("--subscribers", optarg, 1, CLIENTS_MAX);
		break;
	case OPT_PUBLISHERS:
		b->publishers =
			cli_number("--publishers", optarg, 1, CLIENTS_MAX);
		break;
	case OPT_JSON:
		b->objects = true;
		break;
	default:
		break;
	}
}

int
bench_main(struct cli *cli, int argc, char **argv)
{
	struct bench b = { .cli = cli, .duration_ms = 2000, .size = 128 };
	int option;

	while ((option = cli_next_option(cli, argc, argv, ":hs:", options,
	                                 help)) != -1)
		take_option(&b, option);
	if (b.duration_ms < 100 || b.duration_ms > 3600 * 1000)
		cli_misused(cli, "--seconds: from 0.1 to 3600");
	for (int i = optind; i < argc; i++)
		find_scenario(&b, argv[i]);
	return run(&b, argv + optind, argc - optind);
}
