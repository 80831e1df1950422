/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "views.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "cli.h"
#include "table.h"
#include "users.h"

#define COLUMNS(columns) columns, sizeof(columns) / sizeof((columns)[0])

/* ---- the columns -------------------------------------------------------- */

enum {
	S_SESSION,
	S_USER,
	S_PID,
	S_NAME,
	S_IN,
	S_OUT,
	S_QUEUED,
	S_DROPPED,
	S_HELD,
	S_FILTERS
};

static const struct views_column session_columns[] = {
	[S_SESSION] = { "SESSION", "session", "session", VIEWS_PLAIN },
	[S_USER] = { "USER", "user", "uid", VIEWS_USER },
	[S_PID] = { "PID", "pid", "pid", VIEWS_PLAIN },
	[S_NAME] = { "NAME", "name", "name", VIEWS_TEXT },
	[S_IN] = { "IN/S", "in", "in_per_second", VIEWS_RATE },
	[S_OUT] = { "OUT/S", "out", "out_per_second", VIEWS_RATE },
	[S_QUEUED] = { "QUEUED", "queued", "queued_bytes", VIEWS_COUNT },
	[S_DROPPED] = { "DROPPED", "dropped", "dropped", VIEWS_RARE },
	[S_HELD] = { "HELD BY", "held", "held_by", VIEWS_RARE },
	[S_FILTERS] = { "SUBSCRIBES", "subscribes", "subscribes",
	                VIEWS_FILTERS },
};

const struct view view_sessions = { "session", COLUMNS(session_columns),
	                            S_OUT };

enum {
	P_PID,
	P_USER,
	P_COMMAND,
	P_SESSIONS,
	P_SUBS,
	P_IN,
	P_OUT,
	P_QUEUED,
	P_DROPPED,
	P_HELD
};

static const struct views_column process_columns[] = {
	[P_PID] = { "PID", "pid", "pid", VIEWS_PLAIN },
	[P_USER] = { "USER", "user", "uid", VIEWS_USER },
	[P_COMMAND] = { "COMMAND", "command", "command", VIEWS_TEXT },
	[P_SESSIONS] = { "SESSIONS", "sessions", "sessions", VIEWS_COUNT },
	[P_SUBS] = { "SUBS", "subscriptions", "subscriptions", VIEWS_COUNT },
	[P_IN] = { "IN/S", "in", "in_per_second", VIEWS_RATE },
	[P_OUT] = { "OUT/S", "out", "out_per_second", VIEWS_RATE },
	[P_QUEUED] = { "QUEUED", "queued", "queued_bytes", VIEWS_COUNT },
	[P_DROPPED] = { "DROPPED", "dropped", "dropped", VIEWS_RARE },
	[P_HELD] = { "HELD", "held", "held", VIEWS_RARE },
};

const struct view view_processes = { "process", COLUMNS(process_columns),
	                             P_OUT };

enum { T_TOPIC, T_RECEIVERS, T_RATE, T_BYTES, T_FROM, T_RETAINED, T_AGE };

static const struct views_column topic_columns[] = {
	[T_TOPIC] = { "TOPIC", "topic", "topic", VIEWS_TEXT },
	[T_RECEIVERS] = { "RECEIVERS", "receivers", "receivers", VIEWS_COUNT },
	[T_RATE] = { "MSGS/S", "rate", "per_second", VIEWS_RATE },
	[T_BYTES] = { "BYTES/S", "bytes", "bytes_per_second", VIEWS_RATE },
	[T_FROM] = { "FROM", "from", "from", VIEWS_TEXT },
	[T_RETAINED] = { "RETAINED", "retained", "retained_bytes", VIEWS_RARE },
	[T_AGE] = { "AGE", "age", "age_ms", VIEWS_AGE },
};

const struct view view_topics = { "topic", COLUMNS(topic_columns), T_RATE };

size_t
views_find_column(const struct view *view, const char *word)
{
	for (size_t i = 0; i < view->n_columns; i++)
		if (strcmp(view->columns[i].word, word) == 0)
			return i;
	return view->n_columns;
}

/* ---- rows --------------------------------------------------------------- */

static struct views_row *
add_row(struct views_rows *rows)
{
	if (rows->n == rows->size) {
		rows->size = rows->size ? 2 * rows->size : 64;
		rows->at = realloc(rows->at, rows->size * sizeof(*rows->at));
		if (!rows->at)
			cli_die("out of memory");
	}
	rows->at[rows->n] = (struct views_row){ 0 };
	return &rows->at[rows->n++];
}

static const char *
name_of(const json_t *session)
{
	const char *name = ask_text(session, "name");

	return *name ? name : ask_text(session, "command");
}

static void
set(struct views_row *row, size_t column, double number)
{
	row->cells[column].number = number;
}

static void
collect_sessions(struct views_rows *rows, const struct sightings *seen)
{
	const json_t *one;
	size_t i;

	json_array_foreach (seen->sessions, i, one) {
		struct views_row *row = add_row(rows);
		uint64_t id = ask_uint(one, "session");

		set(row, S_SESSION, (double)id);
		set(row, S_USER, (double)ask_uint(one, "uid"));
		set(row, S_PID, (double)ask_uint(one, "pid"));
		row->cells[S_NAME].text = name_of(one);
		set(row, S_IN, rates_of(seen->rates, id, COUNTER_IN));
		set(row, S_OUT, rates_of(seen->rates, id, COUNTER_OUT));
		set(row, S_QUEUED, (double)ask_uint(one, "queued_bytes"));
		set(row, S_DROPPED, (double)ask_uint(one, "dropped"));
		set(row, S_HELD, (double)ask_uint(one, "held_by"));
		set(row, S_FILTERS, (double)ask_uint(one, "subscriptions"));
	}
}

/* ---- processes: the sessions of each, added up -------------------------- */

static int
compare_pids(const void *a, const void *b)
{
	uint64_t x = ask_uint(*(json_t *const *)a, "pid");
	uint64_t y = ask_uint(*(json_t *const *)b, "pid");

	return (x > y) - (x < y);
}

static void
add_up(struct views_row *row, const json_t *one, const struct rates *rates)
{
	uint64_t id = ask_uint(one, "session");

	row->cells[P_SESSIONS].number += 1;
	row->cells[P_SUBS].number += (double)ask_uint(one, "subscriptions");
	row->cells[P_IN].number += rates_of(rates, id, COUNTER_IN);
	row->cells[P_OUT].number += rates_of(rates, id, COUNTER_OUT);
	row->cells[P_QUEUED].number += (double)ask_uint(one, "queued_bytes");
	row->cells[P_DROPPED].number += (double)ask_uint(one, "dropped");
	row->cells[P_HELD].number += json_object_get(one, "held_by") != NULL;
}

static void
collect_processes(struct views_rows *rows, const struct sightings *seen)
{
	size_t n = json_array_size(seen->sessions);
	const json_t **sorted = calloc(n + 1, sizeof(json_t *));
	uint64_t pid = 0;

	if (!sorted)
		cli_die("out of memory");
	for (size_t i = 0; i < n; i++)
		sorted[i] = json_array_get(seen->sessions, i);
	qsort(sorted, n, sizeof(json_t *), compare_pids);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || ask_uint(sorted[i], "pid") != pid) {
			struct views_row *row = add_row(rows);

			pid = ask_uint(sorted[i], "pid");
			set(row, P_PID, (double)pid);
			set(row, P_USER, (double)ask_uint(sorted[i], "uid"));
			row->cells[P_COMMAND].text =
				ask_text(sorted[i], "command");
		}
		add_up(&rows->at[rows->n - 1], sorted[i], seen->rates);
	}
	free(sorted);
}

/* ---- topics: those that the broker knows, and those that were seen ------ */

static const json_t *
session_of(const struct sightings *seen, uint64_t id)
{
	size_t low = 0, high = json_array_size(seen->sessions);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const json_t *one = json_array_get(seen->sessions, middle);
		uint64_t at = ask_uint(one, "session");

		if (at == id)
			return one;
		if (at < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void
add_traffic(struct views_row *row, const struct tally_topic *topic,
            const struct sightings *seen)
{
	const json_t *from = session_of(seen, topic->session);

	set(row, T_RATE, topic->per_second);
	set(row, T_BYTES, topic->bytes_per_second);
	row->cells[T_FROM].text = topic->several ? "several"
	                          : from         ? name_of(from)
	                                         : "gone";
}

static int
compare_rows_by_text(const void *a, const void *b)
{
	const struct views_row *x = a, *y = b;

	return strcmp(x->cells[T_TOPIC].text, y->cells[T_TOPIC].text);
}

/* Over several pages one may be told twice. */
static void
drop_doubles(struct views_rows *rows)
{
	size_t kept = 0;

	if (rows->n == 0)
		return;
	qsort(rows->at, rows->n, sizeof(*rows->at), compare_rows_by_text);
	for (size_t i = 0; i < rows->n; i++)
		if (kept == 0 || strcmp(rows->at[kept - 1].cells[T_TOPIC].text,
		                        rows->at[i].cells[T_TOPIC].text) != 0)
			rows->at[kept++] = rows->at[i];
	rows->n = kept;
}

static bool
is_told(const struct views_rows *rows, size_t n, const char *topic)
{
	struct views_row key = { 0 };

	key.cells[T_TOPIC].text = topic;
	return n > 0 && bsearch(&key, rows->at, n, sizeof(*rows->at),
	                        compare_rows_by_text);
}

/* What the broker tells of topics. */
static void
collect_told(struct views_rows *rows, const struct sightings *seen)
{
	const json_t *one;
	size_t i;

	json_array_foreach (seen->topics, i, one) {
		const char *topic = ask_text(one, "topic");
		struct views_row *row = add_row(rows);

		row->cells[T_TOPIC].text = topic;
		set(row, T_RECEIVERS, (double)ask_uint(one, "receivers"));
		set(row, T_RETAINED, (double)ask_uint(one, "retained_bytes"));
		set(row, T_AGE,
		    json_object_get(one, "age_ms")
		            ? (double)ask_uint(one, "age_ms")
		            : -1);
		if (tally_find(seen->tally, topic))
			add_traffic(row, tally_find(seen->tally, topic), seen);
	}
	drop_doubles(rows);
}

static void
collect_topics(struct views_rows *rows, const struct sightings *seen)
{
	const struct tally_topic *topic = NULL;
	size_t n_told;

	collect_told(rows, seen);
	n_told = rows->n;
	while ((topic = tally_next(seen->tally, topic))) {
		struct views_row *row;

		if (is_told(rows, n_told, topic->name))
			continue;
		row = add_row(rows);
		row->cells[T_TOPIC].text = topic->name;
		set(row, T_AGE, -1);
		add_traffic(row, topic, seen);
	}
}

void
views_collect(struct views_rows *rows, const struct view *view,
              const struct sightings *seen)
{
	rows->n = 0;
	if (view == &view_sessions)
		collect_sessions(rows, seen);
	else if (view == &view_processes)
		collect_processes(rows, seen);
	else
		collect_topics(rows, seen);
}

/* ---- their order -------------------------------------------------------- */

struct sort_key {
	struct views_cell by;
	struct views_cell first; /* for those that are alike */
	size_t index;
	int sign;
};

static int
compare_cells(const struct views_cell *a, const struct views_cell *b)
{
	if (a->text || b->text)
		return strcmp(a->text ? a->text : "", b->text ? b->text : "");
	return (a->number > b->number) - (a->number < b->number);
}

static int
compare_keys(const void *a, const void *b)
{
	const struct sort_key *x = a, *y = b;
	int order = x->sign * compare_cells(&x->by, &y->by);

	return order != 0 ? order : compare_cells(&x->first, &y->first);
}

void
views_sort(struct views_rows *rows, const struct view *view, size_t column,
           bool reverse)
{
	bool is_text = view->columns[column].format == VIEWS_TEXT;
	struct sort_key *keys = calloc(rows->n + 1, sizeof(*keys));
	struct views_row *sorted = calloc(rows->n + 1, sizeof(*sorted));

	if (!keys || !sorted)
		cli_die("out of memory");
	for (size_t i = 0; i < rows->n; i++)
		keys[i] = (struct sort_key){
			.by = rows->at[i].cells[column],
			.first = rows->at[i].cells[0],
			.index = i,
			.sign = is_text == reverse ? -1 : 1,
		};
	qsort(keys, rows->n, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < rows->n; i++)
		sorted[i] = rows->at[keys[i].index];
	free(rows->at);
	free(keys);
	rows->at = sorted;
	rows->size = rows->n + 1;
}

/* ---- filters ------------------------------------------------------------ */

/* The first subscription of a session; they stand together. */
static size_t
first_subscription(const json_t *all, uint64_t id)
{
	size_t low = 0, high = json_array_size(all);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const json_t *one = json_array_get(all, middle);

		if (ask_uint(one, "session") < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* "a.* b.c +3", inboxes left out; or, when the filters were not asked for, how
   many there are. */
static void
append_filters(struct buf *out, const struct views_row *row,
               const struct sightings *seen, size_t most)
{
	uint64_t id = (uint64_t)row->cells[S_SESSION].number;
	const json_t *all = seen->subscriptions, *one;
	size_t shown = 0, more = 0;

	if (!all) {
		if (row->cells[S_FILTERS].number > 0)
			buf_printf(out, "%.0f", row->cells[S_FILTERS].number);
		return;
	}
	for (size_t i = first_subscription(all, id);
	     (one = json_array_get(all, i)) && ask_uint(one, "session") == id;
	     i++) {
		const char *filter = ask_text(one, "filter");

		if (strncmp(filter, "$inbox.", 7) == 0)
			continue;
		if (shown == most) {
			more++;
			continue;
		}
		buf_printf(out, "%s%s", shown++ > 0 ? " " : "", filter);
	}
	if (more > 0)
		buf_printf(out, " +%zu", more);
}

/* ---- as a table --------------------------------------------------------- */

/* Filters that are told of one session. */
#define SHOWN_FILTERS 3u
/* A count never takes more. */
#define NUMBER_WIDTH  5u

static void
add_cell(struct table *t, const struct view *view, const struct views_row *row,
         size_t column, const struct sightings *seen)
{
	const struct views_cell *cell = &row->cells[column];
	uint64_t n = cell->number > 0 ? (uint64_t)(cell->number + 0.5) : 0;
	struct buf text = { 0 };
	char user[64];

	switch (view->columns[column].format) {
	case VIEWS_TEXT:
		table_add(t, cell->text ? cell->text : "");
		break;
	case VIEWS_USER:
		table_add(t, users_name(n, user, sizeof(user)));
		break;
	case VIEWS_PLAIN:
		table_printf(t, "%" PRIu64, n);
		break;
	case VIEWS_RARE:
		if (n == 0) {
			table_add(t, "");
			break;
		}
		/* fall through */
	case VIEWS_COUNT:
		table_add_count(t, n);
		break;
	case VIEWS_RATE:
		if (cell->number > 0 && cell->number < 9.95)
			table_printf(t, "%.1f", cell->number);
		else
			table_add_count(t, n);
		break;
	case VIEWS_AGE:
		if (cell->number < 0)
			table_add(t, "");
		else
			table_add_age(t, n);
		break;
	case VIEWS_FILTERS:
		append_filters(&text, row, seen, SHOWN_FILTERS);
		table_add(t, buf_text(&text));
		buf_free(&text);
		break;
	}
}

void
views_append_table(struct buf *out, const struct view *view,
                   const struct views_rows *rows, const struct views_part *part,
                   const struct sightings *seen)
{
	struct table_column columns[VIEWS_COLUMNS_MAX];
	struct table t;

	for (size_t i = 0; i < view->n_columns; i++) {
		enum views_format format = view->columns[i].format;
		bool text = format == VIEWS_TEXT || format == VIEWS_USER ||
		            format == VIEWS_FILTERS;

		columns[i] = (struct table_column){
			.heading = view->columns[i].heading,
			.kind = text ? TABLE_TEXT : TABLE_NUMBER,
		};
	}
	table_init(&t, columns, view->n_columns);
	for (size_t i = 0; i < view->n_columns; i++) {
		enum views_format format = view->columns[i].format;

		/* so that they do not jump about */
		if (format == VIEWS_RATE || format == VIEWS_COUNT)
			t.least[i] = NUMBER_WIDTH;
	}
	for (size_t i = part->first; i < part->first + part->n && i < rows->n;
	     i++)
		for (size_t k = 0; k < view->n_columns; k++)
			add_cell(&t, view, &rows->at[i], k, seen);
	t.sought = part->sought;
	table_append(&t, part->width, out);
	table_free(&t);
}

/* ---- as JSON ------------------------------------------------------------ */

json_t *
views_rate_json(double rate)
{
	return json_real((double)(int64_t)(rate * 1000 + 0.5) / 1000);
}

static json_t *
filters_json(const struct views_row *row, const struct sightings *seen)
{
	uint64_t id = (uint64_t)row->cells[S_SESSION].number;
	json_t *filters = json_array();
	const json_t *one;

	for (size_t i = first_subscription(seen->subscriptions, id);
	     (one = json_array_get(seen->subscriptions, i)) &&
	     ask_uint(one, "session") == id;
	     i++)
		json_array_append(filters, json_object_get(one, "filter"));
	return filters;
}

static json_t *
cell_json(const struct view *view, const struct views_row *row, size_t column,
          const struct sightings *seen)
{
	const struct views_cell *cell = &row->cells[column];

	switch (view->columns[column].format) {
	case VIEWS_TEXT:
		return json_string(cell->text ? cell->text : "");
	case VIEWS_RATE:
		return views_rate_json(cell->number);
	case VIEWS_FILTERS:
		if (seen->subscriptions)
			return filters_json(row, seen);
		break;
	case VIEWS_AGE:
		if (cell->number < 0)
			return json_null();
		break;
	case VIEWS_USER:
	case VIEWS_PLAIN:
	case VIEWS_COUNT:
	case VIEWS_RARE:
		break;
	}
	return json_integer((json_int_t)cell->number);
}

json_t *
views_json(const struct view *view, const struct views_rows *rows,
           const struct sightings *seen)
{
	json_t *all = json_array();

	for (size_t i = 0; i < rows->n; i++) {
		json_t *row = json_object();

		for (size_t k = 0; k < view->n_columns; k++)
			json_object_set_new(row, view->columns[k].key,
			                    cell_json(view, &rows->at[i], k,
			                              seen));
		json_array_append_new(all, row);
	}
	return all;
}

void
views_free(struct views_rows *rows)
{
	free(rows->at);
	*rows = (struct views_rows){ 0 };
}
