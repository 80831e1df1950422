/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIGURE_SIZE 24

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread
spread_of(const double *values, unsigned n)
{
	double sorted[MAX_RUNS];

	memcpy(sorted, values, n * sizeof(sorted[0]));
	qsort(sorted, n, sizeof(sorted[0]), compare);
	return (struct spread){
		.median = (sorted[n / 2] + sorted[(n - 1) / 2]) / 2,
		.min = sorted[0],
		.max = sorted[n - 1],
	};
}

struct spread
ratio_to(const struct figures *f, unsigned system, unsigned metric)
{
	double ratios[MAX_RUNS];

	for (unsigned i = 0; i < f->n_runs; i++)
		ratios[i] =
			f->values[0][metric][i] / f->values[system][metric][i];
	return spread_of(ratios, f->n_runs);
}

static double
median_of(const struct figures *f, unsigned system, unsigned metric)
{
	return spread_of(f->values[system][metric], f->n_runs).median;
}

unsigned
best_peer(const struct figures *f, unsigned metric)
{
	bool less = f->workload->metrics[metric].less_is_better;
	unsigned best = 0;

	for (unsigned i = 1; i < f->n_systems; i++) {
		double median = median_of(f, i, metric);

		if (!f->systems[i]->is_peer)
			continue;
		if (best == 0 || (less ? median < median_of(f, best, metric)
		                       : median > median_of(f, best, metric)))
			best = i;
	}
	return best;
}

static bool
reaches(const struct metric *m, double figure, double goal)
{
	return m->less_is_better ? figure <= goal : figure >= goal;
}

/* What umbel's figure is to be of this system's; 0: nothing in particular. */
static double
goal_against(const struct figures *f, unsigned system, unsigned metric)
{
	const struct metric *m = &f->workload->metrics[metric];

	if (system == 0)
		return 0;
	if (!f->systems[system]->is_peer)
		return m->raw_goal;
	return system == best_peer(f, metric) ? m->peer_goal : 0;
}

enum goal_result
goal_of(const struct figures *f, unsigned metric)
{
	const struct metric *m = &f->workload->metrics[metric];
	enum goal_result result = GOAL_NONE;
	bool met = true;

	for (unsigned i = 1; i < f->n_systems; i++) {
		double goal = goal_against(f, i, metric);

		if (goal > 0) {
			result = GOAL_MET;
			met &= reaches(m, ratio_to(f, i, metric).median, goal);
		}
	}
	if (m->bound > 0) {
		result = GOAL_MET;
		met &= reaches(m, median_of(f, 0, metric), m->bound);
	}
	return met ? result : GOAL_MISSED;
}

/* ---- for people ---------------------------------------------------------- */

/* Three digits, with the prefix that makes it readable. */
static const char *
figure(char buf[FIGURE_SIZE], double value, const char *unit)
{
	static const char *const si[] = { "n", "u", "m", "", "k", "M", "G" };
	static const char *const binary[] = { "", "Ki", "Mi", "Gi" };
	bool bytes = unit[0] == 'B';
	double step = bytes ? 1024 : 1000;
	int i = bytes ? 0 : 3, last = bytes ? 3 : 6;
	int digits;

	if (strcmp(unit, "s/M") == 0 || unit[0] == 'x') {
		snprintf(buf, FIGURE_SIZE, value < 1000 ? "%.3g " : "%.0f ",
		         value);
		return buf;
	}
	for (; fabs(value) >= step && i < last; i++)
		value /= step;
	for (; !bytes && value != 0 && fabs(value) < 1 && i > 0; i--)
		value *= step;
	digits = fabs(value) < 10 ? 2 : fabs(value) < 100 ? 1 : 0;
	snprintf(buf, FIGURE_SIZE, "%.*f %s", digits, value,
	         bytes ? binary[i] : si[i]);
	return buf;
}

static const char *
ratio_text(char buf[FIGURE_SIZE], double ratio)
{
	int digits = ratio < 0.1 ? 3 : ratio < 10 ? 2 : ratio < 100 ? 1 : 0;

	snprintf(buf, FIGURE_SIZE, "%.*f", digits, ratio);
	return buf;
}

static void
print_ratio(const struct figures *f, unsigned system, unsigned metric)
{
	const struct metric *m = &f->workload->metrics[metric];
	struct spread ratio = ratio_to(f, system, metric);
	double goal = goal_against(f, system, metric);
	char buf[3][FIGURE_SIZE];

	printf("  %6s x (%s-%s)", ratio_text(buf[0], ratio.median),
	       ratio_text(buf[1], ratio.min), ratio_text(buf[2], ratio.max));
	if (goal > 0)
		printf(" goal %s %.3g%s", m->less_is_better ? "<=" : ">=", goal,
		       reaches(m, ratio.median, goal) ? "" : " !");
}

static void
print_bound(const struct figures *f, unsigned metric)
{
	const struct metric *m = &f->workload->metrics[metric];
	double median = median_of(f, 0, metric);
	char buf[FIGURE_SIZE];

	printf("  goal %s %s%s",
	       m->less_is_better ? "<=" : ">=", figure(buf, m->bound, m->unit),
	       reaches(m, median, m->bound) ? "" : " !");
}

static void
print_system(const struct figures *f, unsigned system, unsigned metric)
{
	const struct metric *m = &f->workload->metrics[metric];
	struct spread s = spread_of(f->values[system][metric], f->n_runs);
	char buf[3][FIGURE_SIZE], label[64] = "";

	if (system == 0)
		snprintf(label, sizeof(label), "%s, %s", m->name, m->unit);
	printf("  %-24s%-10s%9s%9s%9s", label, f->systems[system]->name,
	       figure(buf[0], s.median, m->unit),
	       figure(buf[1], s.min, m->unit), figure(buf[2], s.max, m->unit));
	if (system > 0)
		print_ratio(f, system, metric);
	else if (m->bound > 0)
		print_bound(f, metric);
	putchar('\n');
}

void
report_text(const struct figures *f)
{
	printf("\n%-36s%9s%9s%9s  %s\n", f->workload->title, "median ", "min ",
	       "max ", f->n_systems > 1 ? "umbel is" : "");
	for (unsigned m = 0; m < MAX_METRICS; m++)
		for (unsigned s = 0; s < f->n_systems; s++)
			if (f->workload->metrics[m].name)
				print_system(f, s, m);
	fflush(stdout);
}

/* ---- for programs -------------------------------------------------------- */

static void
print_spread(const char *name, struct spread s)
{
	printf(", \"%s\": {\"median\": %.6g, \"min\": %.6g, \"max\": %.6g}",
	       name, s.median, s.min, s.max);
}

static void
print_object(const struct figures *f, unsigned system, unsigned metric)
{
	const struct metric *m = &f->workload->metrics[metric];
	double goal = system > 0 ? goal_against(f, system, metric) : m->bound;

	printf("{\"workload\": \"%s\", \"title\": \"%s\", \"metric\": \"%s\", "
	       "\"unit\": \"%s\", \"system\": \"%s\", \"runs\": [",
	       f->workload->name, f->workload->title, m->name, m->unit,
	       f->systems[system]->name);
	for (unsigned i = 0; i < f->n_runs; i++)
		printf("%s%.6g", i > 0 ? ", " : "",
		       f->values[system][metric][i]);
	putchar(']');
	print_spread("value", spread_of(f->values[system][metric], f->n_runs));
	if (system > 0)
		print_spread("umbel_is", ratio_to(f, system, metric));
	if (goal > 0)
		printf(", \"goal\": %.6g", goal);
	printf(", \"less_is_better\": %s}",
	       m->less_is_better ? "true" : "false");
}

void
report_json(const struct figures *f, bool first)
{
	for (unsigned m = 0; m < MAX_METRICS; m++)
		for (unsigned s = 0; s < f->n_systems; s++) {
			if (!f->workload->metrics[m].name)
				continue;
			printf("%s\n  ", first ? "" : ",");
			print_object(f, s, m);
			first = false;
		}
	fflush(stdout);
}
