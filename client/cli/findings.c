/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "text.h"

/* State and subject stand before it. */
#define INDENT 20u

static const char *const words[] = {
	[GRADE_GOOD] = "ok",
	[GRADE_NOTE] = "note",
	[GRADE_WRONG] = "WRONG",
};

__attribute__((format(printf, 1, 0))) static char *
print(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		cli_die("out of memory");
	return text;
}

void
findings_add(struct findings *f, enum grade grade, const char *subject,
             const char *format, ...)
{
	va_list args;

	f->at = realloc(f->at, (f->n + 1) * sizeof(*f->at));
	if (!f->at)
		cli_die("out of memory");
	va_start(args, format);
	f->at[f->n++] = (struct finding){
		.grade = grade,
		.subject = subject,
		.text = print(format, args),
	};
	va_end(args);
}

void
findings_mend(struct findings *f, const char *format, ...)
{
	struct finding *last = &f->at[f->n - 1];
	va_list args;

	free(last->mend);
	va_start(args, format);
	last->mend = print(format, args);
	va_end(args);
}

size_t
findings_count(const struct findings *f, enum grade grade)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->at[i].grade == grade;
	return n;
}

/* Words, one after the other; what would go beyond the width begins a line. */
static void
append_words(struct buf *out, const char *text, size_t width)
{
	size_t at = INDENT;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (width > 0 && at > INDENT && at + 1 + len > width) {
			buf_printf(out, "\n%*s", (int)INDENT, "");
			at = INDENT;
		} else if (at > INDENT) {
			buf_putc(out, ' ');
			at++;
		}
		text_append_visible(out, text, len, "");
		at += len;
		text += len;
		text += strspn(text, " ");
	}
	buf_putc(out, '\n');
}

void
findings_append_text(const struct findings *f, size_t width, struct buf *out)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *one = &f->at[i];

		buf_printf(out, "%-5s  %-11s  ", words[one->grade],
		           one->subject);
		append_words(out, one->text, width);
		if (!one->mend)
			continue;
		buf_printf(out, "%*s", (int)INDENT, "");
		text_append_visible(out, one->mend, strlen(one->mend), "");
		buf_putc(out, '\n');
	}
}

static void
append_member(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, "\"%s\":", key);
	json_append_string(out, text, strlen(text));
}

void
findings_append_json(const struct findings *f, struct buf *out)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *one = &f->at[i];
		const char *grade =
			one->grade == GRADE_WRONG ? "wrong" : words[one->grade];

		buf_putc(out, '{');
		append_member(out, "subject", one->subject);
		buf_putc(out, ',');
		append_member(out, "state", grade);
		buf_putc(out, ',');
		append_member(out, "text", one->text);
		if (one->mend) {
			buf_putc(out, ',');
			append_member(out, "mend", one->mend);
		}
		buf_puts(out, "}\n");
	}
}

void
findings_free(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->at[i].text);
		free(f->at[i].mend);
	}
	free(f->at);
	*f = (struct findings){ 0 };
}
