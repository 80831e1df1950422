/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * views - what umbel top shows: by session, by process or by topic, rows of
 * figures that are worked out of the broker's answers, in some order.
 */
#ifndef UMBEL_CLI_VIEWS_H
#define UMBEL_CLI_VIEWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "rates.h"
#include "tally.h"

#define VIEWS_COLUMNS_MAX 10u

/* Counters of a session, and with the number 0 of the whole broker. */
enum counter {
	COUNTER_IN,
	COUNTER_OUT,
	COUNTER_DROPPED,
	COUNTER_BYTES_IN,
	COUNTER_BYTES_OUT,
};

enum views_format {
	VIEWS_TEXT,
	VIEWS_USER,   /* a uid, by its name */
	VIEWS_PLAIN,  /* a number */
	VIEWS_COUNT,  /* a number that may be rounded */
	VIEWS_RARE,   /* the same; 0 is nothing */
	VIEWS_RATE,   /* so many a second */
	VIEWS_AGE,    /* milliseconds; negative: none */
	VIEWS_FILTERS /* of a session, by its number */
};

struct views_column {
	const char *heading;
	const char *word; /* of --sort */
	const char *key;  /* in JSON: as umbel ls calls it, if it does */
	enum views_format format;
};

struct view {
	const char *name;
	const struct views_column *columns;
	size_t n_columns;
	size_t sort; /* the column, without --sort */
};

extern const struct view view_sessions;
extern const struct view view_processes;
extern const struct view view_topics;

/* What the broker said and what was counted; all borrowed. */
struct sightings {
	const json_t *sessions;      /* arrays, or NULL: was not asked */
	const json_t *subscriptions; /* in the order of their sessions */
	const json_t *topics;
	const struct rates *rates;
	const struct tally *tally;
};

struct views_cell {
	const char *text; /* borrowed; NULL: none */
	double number;
};

struct views_row {
	struct views_cell cells[VIEWS_COLUMNS_MAX];
};

struct views_rows {
	struct views_row *at;
	size_t n;
	size_t size;
};

/* The rows of a view, in no order; what was there before is forgotten. They
   borrow from `seen`. */
void views_collect(struct views_rows *rows, const struct view *view,
                   const struct sightings *seen);

/* By a column: texts from a to z, numbers from the largest; or the reverse.
   Those that are alike by the first column. */
void views_sort(struct views_rows *rows, const struct view *view, size_t column,
                bool reverse);

/* The column of a word; view->n_columns: there is none. */
size_t views_find_column(const struct view *view, const char *word);

/* What of the rows there is room for. */
struct views_part {
	size_t first, n; /* rows */
	size_t width;    /* of a line; 0: however wide */
	size_t sought;   /* a column that others give way to; 0: none */
};

/* Rows as a table under its headings. */
void views_append_table(struct buf *out, const struct view *view,
                        const struct views_rows *rows,
                        const struct views_part *part,
                        const struct sightings *seen);

/* So many a second: more digits than three would be noise. */
json_t *views_rate_json(double rate);

/* All rows: an array of objects. */
json_t *views_json(const struct view *view, const struct views_rows *rows,
                   const struct sightings *seen);

void views_free(struct views_rows *rows);

#endif
