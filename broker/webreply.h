/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * webreply - answers as HTTP: whole, or in pieces as they come.
 */
#ifndef UMBELD_WEBREPLY_H
#define UMBELD_WEBREPLY_H

#include "web.h"

#define WEB_JSON "application/json"
#define WEB_TEXT "text/plain; charset=utf-8"

/*
 * The whole answer, and the request is done. `fields` are more header lines,
 * each with its end, or "".
 */
void webreply_send(struct web *w, unsigned status, const char *type,
                   const char *fields, const void *body, size_t len);

/* JSON that says what is wrong: {"status": 404, "error": "..."}. */
void webreply_error(struct web *w, unsigned status, const char *text);
/* The same with what is in w->why, ... */
void webreply_why(struct web *w, unsigned status);
/* ... which is empty when it is got like this. */
struct print *webreply_words(struct web *w);

/* 400: a filter is none, and why; `len` is negative when it could not be read. */
void webreply_bad_filter(struct web *w, const char *filter, int len);

/* From here on no other request can follow: the client may not have read, or
   sent, this one to its end. */
void webreply_is_last(struct web *w);

/* An error like that, of which w->why says why when `text` is NULL. */
void webreply_last_error(struct web *w, unsigned status, const char *text);

/* The same, when its words are about a limit: who it is stands behind them, and
   in the log. */
void webreply_limit(struct web *w, unsigned status);

/* 405, with what would be allowed: "GET, POST". */
void webreply_wrong_method(struct web *w, const char *allowed);

/* 503, to a socket that nobody serves, as far as that can be done without
   waiting. */
void webreply_turn_away(int fd, const char *why);

/* "go on and send the body" */
void webreply_continue(struct web *w);

/* ---- in pieces ------------------------------------------------------------ */

/* 200; then any number of pieces. `fields` as above. False when that was all: it
   asked for the head only. */
bool webreply_begin(struct web *w, const char *type, const char *fields);
/* A piece: what is written to the print that is returned. */
struct print *webreply_open(struct web *w);
void webreply_close(struct web *w);
/* There are no more, and the request is done. */
void webreply_end(struct web *w);

#endif
