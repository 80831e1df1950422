/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * table - rows of text under headings, in columns that line up.
 *
 * Cells are made safe for a terminal when they are added. A column that is
 * empty in every row is left out. Start with table_init(), end with
 * table_free().
 */
#ifndef UMBEL_CLI_TABLE_H
#define UMBEL_CLI_TABLE_H

#include <stddef.h>

#include "buf.h"

#define TABLE_COLUMNS_MAX 10u

enum table_kind {
	TABLE_TEXT,   /* may be cut when there is no room */
	TABLE_NUMBER, /* to the right, and never cut */
};

struct table_column {
	const char *heading;
	enum table_kind kind;
};

struct table {
	const struct table_column *columns; /* not ours */
	size_t n_columns;
	size_t width[TABLE_COLUMNS_MAX]; /* of the widest cell, on a terminal */
	/* the caller may set it: no narrower, unless it is empty */
	size_t least[TABLE_COLUMNS_MAX];
	/* and this: in sight, empty or not, others give way to it; 0: none */
	size_t sought;
	char **cells;
	size_t n_cells;
	size_t size;
};

void table_init(struct table *t, const struct table_column *columns,
                size_t n_columns);

/* The next cell, from left to right and then from top to bottom. */
void table_add(struct table *t, const char *text);
void table_printf(struct table *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The headings, when there are any, and all rows, in lines of at most `width`
   characters if cutting text can do that; 0: as wide as they like. */
void table_append(const struct table *t, size_t width, struct buf *out);

/* How wide stdout is: 0 when it is no terminal. */
size_t table_terminal_width(void);

/* A number, from 10000 on rounded: 9999, 12k, 3.4M. */
#define TABLE_NUMBER_MAX 32u
const char *table_count(char text[TABLE_NUMBER_MAX], unsigned long long n);
void table_add_count(struct table *t, unsigned long long n);
/* A time span: 7s, 12m, 3h, 9d. */
const char *table_age(char text[TABLE_NUMBER_MAX], unsigned long long ms);
void table_add_age(struct table *t, unsigned long long ms);

void table_free(struct table *t);

#endif
