/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * toppage - a sample as umbel top shows it: the page on a screen, text, or an
 * object of JSON.
 */
#ifndef UMBEL_CLI_TOPPAGE_H
#define UMBEL_CLI_TOPPAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "sampling.h"
#include "views.h"

/* What is looked at, and from where. */
struct toppage {
	const struct view *view;
	size_t column; /* by which it is sorted */
	bool reverse;
	size_t first; /* row on the screen */
	struct views_rows rows;
};

/* The rows of what is known now, in their order. */
void toppage_arrange(struct toppage *p, const struct sampling *s);

/* So many rows are on the screen. */
size_t toppage_height(void);

/* All of the screen; `complaint` may be "". The rows may be scrolled so that
   there is no empty place below them. */
void toppage_append_screen(struct buf *out, struct toppage *p,
                           const struct sampling *s, const char *complaint);
/* The same with what the keys do instead of rows. */
void toppage_append_keys(struct buf *out, const struct sampling *s,
                         const char *complaint);

void toppage_append_text(struct buf *out, const struct toppage *p,
                         const struct sampling *s);
void toppage_append_object(struct buf *out, const struct toppage *p,
                           const struct sampling *s);

#endif
