/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * bench - umbel, beside a relay that only moves bytes and beside other systems.
 *
 * Every workload is run by one system after the other, several times over, and
 * what is told are medians and the ratios of runs that took place side by side:
 * a machine's speed drifts, and an absolute figure means nothing alone.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "util.h"
#include "workload.h"

#define MAX_NAMES 32

struct options {
	const char *only[MAX_NAMES];
	unsigned n_only;
	const char *systems[MAX_NAMES];
	unsigned n_systems;
	unsigned n_runs;
	double seconds;
	uint64_t messages;
	const char *at_least; /* NAME=X: umbel's figure there, of raw's */
	bool quick;
	bool peers;
	bool json;
};

static const struct workload *const files[] = {
	throughput, fanout, group, pairs,      pingpong, filters,
	clients,    growth, holds, bystanders, requests, NULL,
};

/* ---- options ------------------------------------------------------------- */

static void
print_usage(FILE *out)
{
	fprintf(out,
	        "usage: umbel-bench [OPTION...]\n"
	        "\n"
	        "  --only NAME      this workload, or all of this kind; "
	        "repeatable\n"
	        "  --peers          other systems as well, not only umbel and "
	        "raw\n"
	        "  --system NAME    this system; repeatable\n"
	        "  --runs N         how often (default 5)\n"
	        "  --seconds S      how long a run publishes (default 1)\n"
	        "  --messages N     publish so many instead, for profilers\n"
	        "  --quick          one short run of each, to see that it "
	        "works\n"
	        "  --json           results as JSON\n"
	        "  --at-least N=X   fail when umbel's figure in workload N is "
	        "less than X of raw's\n"
	        "  --list           the names of workloads and systems\n"
	        "\n"
	        "Results go to stdout, progress to stderr. Ratios are of runs "
	        "side by side,\n"
	        "their median and spread; `!` marks a goal that was not "
	        "reached.\n");
}

static void
print_names(void)
{
	for (const struct adapter *const *a = adapters; *a; a++)
		printf("%-20s%s\n", (*a)->name,
		       (*a)->remarks ? (*a)->remarks : "");
	for (const struct workload *const *f = files; *f; f++)
		for (const struct workload *w = *f; w->name; w++)
			printf("%-20s%s\n", w->name, w->title);
}

static double
number(const char *option, const char *text, double min, double max)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= min && value <= max)) {
		fprintf(stderr,
		        "umbel-bench: --%s %s: expected a number from %g to "
		        "%g\n",
		        option, text, min, max);
		exit(2);
	}
	return value;
}

static void
add_name(const char **names, unsigned *n, const char *name)
{
	if (*n == MAX_NAMES) {
		fprintf(stderr, "umbel-bench: too many names\n");
		exit(2);
	}
	names[(*n)++] = name;
}

enum flag {
	ONLY,
	SYSTEM,
	RUNS,
	SECONDS,
	MESSAGES,
	AT_LEAST,
	QUICK,
	PEERS,
	JSON,
	LIST,
	HELP
};

static const struct option flags[] = {
	{ "only", required_argument, NULL, ONLY },
	{ "system", required_argument, NULL, SYSTEM },
	{ "runs", required_argument, NULL, RUNS },
	{ "seconds", required_argument, NULL, SECONDS },
	{ "messages", required_argument, NULL, MESSAGES },
	{ "at-least", required_argument, NULL, AT_LEAST },
	{ "quick", no_argument, NULL, QUICK },
	{ "peers", no_argument, NULL, PEERS },
	{ "json", no_argument, NULL, JSON },
	{ "list", no_argument, NULL, LIST },
	{ "help", no_argument, NULL, HELP },
	{ 0 },
};

static void
take_flag(struct options *o, enum flag flag, const char *value)
{
	switch (flag) {
	case ONLY:
		add_name(o->only, &o->n_only, value);
		break;
	case SYSTEM:
		add_name(o->systems, &o->n_systems, value);
		break;
	case RUNS:
		o->n_runs = (unsigned)number("runs", value, 1, MAX_RUNS);
		break;
	case SECONDS:
		o->seconds = number("seconds", value, 0.01, 60);
		break;
	case MESSAGES:
		o->messages = (uint64_t)number("messages", value, 1, 1e12);
		break;
	case AT_LEAST:
		o->at_least = value;
		break;
	case QUICK:
		o->quick = true;
		o->n_runs = 1;
		o->seconds = 0.1;
		break;
	case PEERS:
		o->peers = true;
		break;
	case JSON:
		o->json = true;
		break;
	case LIST:
		print_names();
		exit(0);
	case HELP:
		print_usage(stdout);
		exit(0);
	}
}

static struct options
parse_options(int argc, char **argv)
{
	struct options o = { .n_runs = 5, .seconds = 1 };
	int flag;

	while ((flag = getopt_long(argc, argv, "", flags, NULL)) >= 0) {
		if (flag == '?') {
			print_usage(stderr);
			exit(2);
		}
		take_flag(&o, (enum flag)flag, optarg);
	}
	if (optind < argc) {
		fprintf(stderr, "umbel-bench: %s: what is that?\n",
		        argv[optind]);
		exit(2);
	}
	return o;
}

/* ---- what is to be run --------------------------------------------------- */

/* Is it `name`, or of the kind `name`: name.something? */
static bool
is_named(const char *name, const char *full)
{
	size_t len = strlen(name);

	return strncmp(full, name, len) == 0 &&
	       (full[len] == '\0' || full[len] == '.');
}

static bool
workload_is_chosen(const struct options *o, const struct workload *w)
{
	for (unsigned i = 0; i < o->n_only; i++)
		if (is_named(o->only[i], w->name))
			return true;
	return o->n_only == 0 && !(o->quick && w->slow);
}

static bool
system_is_chosen(const struct options *o, const struct adapter *a)
{
	for (unsigned i = 0; i < o->n_systems; i++)
		if (strcmp(o->systems[i], a->name) == 0)
			return true;
	return o->n_systems == 0 && (!a->is_peer || o->peers);
}

static bool
suits(const struct workload *w, const struct adapter *a)
{
	if ((w->needs & UMBEL_ONLY) && a != &adapter_umbel)
		return false;
	if ((w->needs & NEEDS_FILTERS) && !a->has_filters)
		return false;
	if ((w->needs & NEEDS_WILDCARDS) && !a->has_wildcards)
		return false;
	if ((w->needs & NEEDS_ANSWERS) && !a->ask)
		return false;
	if ((w->needs & NEEDS_GROUPS) && !a->join)
		return false;
	return !(w->needs & NEEDS_WORD) || a->acknowledges;
}

static void
choose_systems(struct figures *f, const struct options *o)
{
	for (const struct adapter *const *a = adapters; *a; a++)
		if (system_is_chosen(o, *a) && suits(f->workload, *a))
			f->systems[f->n_systems++] = *a;
}

/* ---- running it ---------------------------------------------------------- */

/* One line on a terminal, written over and over. */
__attribute__((format(printf, 1, 2))) static void
progress(const char *format, ...)
{
	bool terminal = isatty(STDERR_FILENO);
	va_list args;

	if (terminal)
		fputs("\r\033[K", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	if (!terminal)
		fputc('\n', stderr);
}

static int
run_one(struct figures *f, const struct options *o, unsigned system,
        unsigned run)
{
	const char *tmp = getenv("TMPDIR");
	struct run r = {
		.adapter = f->systems[system],
		.seconds = o->seconds,
		.limit = o->messages,
		.tmp = tmp ? tmp : "/tmp",
		.cpu = -1,
		.patience_ns = (uint64_t)((60 + 10 * o->seconds) * 1e9),
	};
	double values[MAX_METRICS] = { 0 };
	int result;

	progress("%s: %s, run %u of %u", f->workload->name, r.adapter->name,
	         run + 1, o->n_runs);
	result = f->workload->measure(&r, f->workload->shape, values);
	run_end(&r);
	for (unsigned m = 0; m < MAX_METRICS; m++)
		f->values[system][m][run] = values[m];
	return result;
}

static int
run_all(struct figures *f, const struct options *o)
{
	for (unsigned run = 0; run < o->n_runs; run++) {
		for (unsigned i = 0; i < f->n_systems; i++) {
			/* there and back: who comes first changes */
			unsigned s = run % 2 ? f->n_systems - 1 - i : i;

			if (run_one(f, o, s, run) < 0)
				return -1;
		}
		f->n_runs++;
	}
	if (isatty(STDERR_FILENO))
		progress("%s", "");
	return 0;
}

static bool
is_fast_enough(const struct figures *f, const struct options *o)
{
	size_t len = strlen(f->workload->name);
	double floor;

	if (!o->at_least || strncmp(o->at_least, f->workload->name, len) != 0 ||
	    o->at_least[len] != '=')
		return true;
	floor = number("at-least", o->at_least + len + 1, 0, 10);
	for (unsigned s = 1; s < f->n_systems; s++) {
		double ratio = ratio_to(f, s, 0).median;

		if (f->systems[s] == &adapter_raw && ratio < floor) {
			fprintf(stderr,
			        "umbel-bench: %s: umbel reaches %.3f of raw, "
			        "not %.3f\n",
			        f->workload->name, ratio, floor);
			return false;
		}
	}
	return true;
}

/* Too large for a stack. */
static struct figures figures;

int
main(int argc, char **argv)
{
	struct options o = parse_options(argc, argv);
	unsigned n = 0;
	int status = 0;

	run_init();
	if (o.json)
		printf("[");
	for (const struct workload *const *file = files; *file; file++)
		for (const struct workload *w = *file; w->name; w++) {
			figures = (struct figures){ .workload = w };
			choose_systems(&figures, &o);
			if (!workload_is_chosen(&o, w) ||
			    figures.n_systems == 0)
				continue;
			if (run_all(&figures, &o) < 0)
				return 1;
			if (!is_fast_enough(&figures, &o))
				status = 1;
			if (o.json)
				report_json(&figures, n == 0);
			else
				report_text(&figures);
			n++;
		}
	if (o.json)
		printf("\n]\n");
	if (n == 0)
		fprintf(stderr, "umbel-bench: nothing of that name\n");
	return n == 0 ? 2 : status;
}
