/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * webroutes - what can be asked for over HTTP: a table of paths, and a short
 * function for each.
 */
#ifndef UMBELD_WEBROUTES_H
#define UMBELD_WEBROUTES_H

#include "web.h"

/* A request's head has been read. It is answered, or w->stage is WEB_BODY and
   webroutes_run() is due when the body is there. */
void webroutes_begin(struct web *w);
void webroutes_run(struct web *w);

/* The path of the request's route: "/sessions". */
const char *webroutes_path(const struct web *w);

/* Options in the query; *out stays as it is when they are not there. False:
   they are no such thing, and the request was answered with 400. */
bool webroutes_flag(struct web *w, const char *name, bool *out);
/* "0.5" seconds, as milliseconds, of at least one and at most `most`. */
bool webroutes_seconds(struct web *w, const char *name, uint32_t most,
                       uint32_t *out);

#endif
