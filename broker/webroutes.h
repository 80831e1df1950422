/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * webroutes - the paths of the HTTP interface: a table, and a short function
 * for each path.
 */
#ifndef UMBELD_WEBROUTES_H
#define UMBELD_WEBROUTES_H

#include "web.h"

/* Handle a request whose head has been read. Afterwards it is answered, or
   w->stage is WEB_BODY and webroutes_run() must be called when the body is
   complete. */
void webroutes_begin(struct web *w);
void webroutes_run(struct web *w);

/* The path of the request's route: "/sessions". */
const char *webroutes_path(const struct web *w);

/* Read an option of the query; *out is unchanged if it is not given. False if
   the value is not valid; then the request has been answered with 400. */
bool webroutes_flag(struct web *w, const char *name, bool *out);
/* A time in seconds, such as "0.5", as at least 1 and at most `most` ms. */
bool webroutes_seconds(struct web *w, const char *name, uint32_t most,
                       uint32_t *out);

#endif
