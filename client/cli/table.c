/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"
#include "text.h"

/* Between two columns. */
#define GAP      2u
/* Of a text so much always stays. */
#define LEAST    6u
/* What stands for the rest of a text that was cut. */
#define ELLIPSIS "\xe2\x80\xa6"

/* ---- cells -------------------------------------------------------------- */

/* The character at the front of what is UTF-8, as it was made when added. */
static size_t
next(const char *s, size_t *width)
{
	uint32_t c;
	size_t n = text_next(s, strlen(s), &c);

	*width = n > 0 ? text_width(c) : 1;
	return n > 0 ? n : 1;
}

/* Columns of a terminal. */
static size_t
text_columns(const char *s)
{
	size_t sum = 0, width;

	while (*s) {
		s += next(s, &width);
		sum += width;
	}
	return sum;
}

void
table_init(struct table *t, const struct table_column *columns,
           size_t n_columns)
{
	*t = (struct table){ .columns = columns, .n_columns = n_columns };
}

static char **
next_cell(struct table *t)
{
	if (t->n_cells == t->size) {
		t->size = t->size ? 2 * t->size : 64;
		t->cells = realloc(t->cells, t->size * sizeof(*t->cells));
		if (!t->cells)
			cli_die("out of memory");
	}
	return &t->cells[t->n_cells++];
}

void
table_add(struct table *t, const char *text)
{
	size_t column = t->n_cells % t->n_columns;
	struct buf safe = { 0 };
	char **cell = next_cell(t);
	size_t n;

	text_append_visible(&safe, text, strlen(text), "");
	n = text_columns(buf_text(&safe));
	if (n > t->width[column])
		t->width[column] = n;
	*cell = strdup(safe.at); /* there may be very many: no spare room */
	if (!*cell)
		cli_die("out of memory");
	buf_free(&safe);
}

void
table_printf(struct table *t, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	table_add(t, text);
}

const char *
table_count(char text[TABLE_NUMBER_MAX], unsigned long long n)
{
	const char *unit = "kMGTPE";
	unsigned long long tenths = n / 100 + (n % 100 >= 50);

	if (n < 10000) {
		snprintf(text, TABLE_NUMBER_MAX, "%llu", n);
		return text;
	}
	for (; tenths >= 9995; unit++)
		tenths = (tenths + 500) / 1000;
	if (tenths < 100)
		snprintf(text, TABLE_NUMBER_MAX, "%llu.%llu%c", tenths / 10,
		         tenths % 10, *unit);
	else
		snprintf(text, TABLE_NUMBER_MAX, "%llu%c", (tenths + 5) / 10,
		         *unit);
	return text;
}

void
table_add_count(struct table *t, unsigned long long n)
{
	char text[TABLE_NUMBER_MAX];

	table_add(t, table_count(text, n));
}

const char *
table_age(char text[TABLE_NUMBER_MAX], unsigned long long ms)
{
	unsigned long long s = ms / 1000;

	if (s < 100)
		snprintf(text, TABLE_NUMBER_MAX, "%llus", s);
	else if (s < 100 * 60)
		snprintf(text, TABLE_NUMBER_MAX, "%llum", s / 60);
	else if (s < 48 * 3600)
		snprintf(text, TABLE_NUMBER_MAX, "%lluh", s / 3600);
	else
		snprintf(text, TABLE_NUMBER_MAX, "%llud", s / 86400);
	return text;
}

void
table_add_age(struct table *t, unsigned long long ms)
{
	char text[TABLE_NUMBER_MAX];

	table_add(t, table_age(text, ms));
}

/* ---- lines -------------------------------------------------------------- */

static size_t
total(const size_t *width, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += width[i] > 0 ? width[i] + (sum > 0 ? GAP : 0) : 0;
	return sum;
}

/* No text is cut to less than this, nor than its heading. */
static size_t
least_width(const struct table *t, size_t column)
{
	const char *heading = t->columns[column].heading;
	size_t n = heading ? text_columns(heading) : 0;

	if (n < t->least[column])
		n = t->least[column];
	return n > LEAST ? n : LEAST;
}

/* Take from the widest text, time and again. */
static void
narrow(const struct table *t, size_t *width, size_t most)
{
	while (total(width, t->n_columns) > most) {
		size_t widest = t->n_columns;

		for (size_t i = 0; i < t->n_columns; i++)
			if (t->columns[i].kind == TABLE_TEXT &&
			    width[i] > least_width(t, i) &&
			    (widest == t->n_columns ||
			     width[i] > width[widest]))
				widest = i;
		if (widest == t->n_columns)
			return;
		width[widest]--;
	}
}

/* Leave out what stands before the column that is sought, but for the first,
   the nearest at first, until that is in sight. */
static void
make_way(const struct table *t, size_t *width, size_t most)
{
	for (size_t i = t->sought;
	     i-- > 1 && total(width, t->sought + 1) > most;)
		width[i] = 0;
}

/* Returns how wide it is. */
static size_t
append_cut(struct buf *out, const char *text, size_t width)
{
	size_t all = text_columns(text);
	size_t keep = all > width ? width - 1 : all;
	size_t at = 0, one;

	while (*text) {
		size_t n = next(text, &one);

		if (at + one > keep)
			break;
		buf_append(out, text, n);
		text += n;
		at += one;
	}
	if (all <= width)
		return all;
	buf_puts(out, ELLIPSIS);
	return at + 1;
}

static void
append_spaces(struct buf *out, size_t n)
{
	buf_printf(out, "%*s", (int)n, "");
}

/* The spaces behind a text wait until something follows. */
static void
append_row(const struct table *t, const size_t *width, const char *const *cells,
           struct buf *out)
{
	size_t owed = 0;

	for (size_t i = 0; i < t->n_columns; i++) {
		size_t len = text_columns(cells[i]);

		if (width[i] == 0)
			continue;
		if (t->columns[i].kind == TABLE_NUMBER && len < width[i])
			owed += width[i] - len;
		if (len > 0) {
			append_spaces(out, owed);
			owed = 0;
			len = append_cut(out, cells[i], width[i]);
		}
		if (t->columns[i].kind == TABLE_TEXT)
			owed += width[i] - len;
		owed += GAP;
	}
	buf_putc(out, '\n');
}

static void
append_headings(const struct table *t, const size_t *width, struct buf *out)
{
	const char *cells[TABLE_COLUMNS_MAX];

	for (size_t i = 0; i < t->n_columns; i++) {
		if (!t->columns[i].heading)
			return;
		cells[i] = t->columns[i].heading;
	}
	append_row(t, width, cells, out);
}

void
table_append(const struct table *t, size_t width, struct buf *out)
{
	size_t widths[TABLE_COLUMNS_MAX];

	for (size_t i = 0; i < t->n_columns; i++) {
		const char *heading = t->columns[i].heading;
		size_t least = heading ? text_columns(heading) : 0;

		if (least < t->least[i])
			least = t->least[i];
		widths[i] = t->width[i];
		if ((widths[i] > 0 || (t->sought > 0 && i == t->sought)) &&
		    widths[i] < least)
			widths[i] = least;
	}
	assert(t->sought < t->n_columns);
	if (width > 0) {
		narrow(t, widths, width);
		make_way(t, widths, width);
	}
	append_headings(t, widths, out);
	for (size_t i = 0; i + t->n_columns <= t->n_cells; i += t->n_columns)
		append_row(t, widths, (const char *const *)t->cells + i, out);
}

size_t
table_terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

void
table_free(struct table *t)
{
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
}
