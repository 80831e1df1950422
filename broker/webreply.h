/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * webreply - HTTP answers, sent whole or in pieces.
 */
#ifndef UMBELD_WEBREPLY_H
#define UMBELD_WEBREPLY_H

#include "web.h"

#define WEB_JSON "application/json"
#define WEB_TEXT "text/plain; charset=utf-8"

/*
 * Send the whole answer; the request is then done. `fields` are additional
 * header lines, each with its line end, or "".
 */
void webreply_send(struct web *w, unsigned status, const char *type,
                   const char *fields, const void *body, size_t len);

/* Send an error as JSON: {"status": 404, "error": "..."}. */
void webreply_error(struct web *w, unsigned status, const char *text);
/* The same with the text in w->why, ... */
void webreply_why(struct web *w, unsigned status);
/* ... which this function clears and returns. */
struct print *webreply_words(struct web *w);

/* 400: a filter is none, and why; `len` is negative when it could not be read. */
void webreply_bad_filter(struct web *w, const char *filter, int len);

/* From here on no other request can follow: the client may not have read, or
   sent, this one to its end. */
void webreply_is_last(struct web *w);

/* Send an error and make it the last answer. If `text` is NULL, w->why is
   used. */
void webreply_last_error(struct web *w, unsigned status, const char *text);

/* The same for an error about a limit: the answer names the peer that reached
   it, and so does the log. */
void webreply_limit(struct web *w, unsigned status);

/* Send 405 with the allowed methods: "GET, POST". */
void webreply_wrong_method(struct web *w, const char *allowed);

/* Send 503 on a socket that is not served, as far as that is possible without
   blocking. */
void webreply_turn_away(int fd, const char *why);

/* Send 100 Continue. */
void webreply_continue(struct web *w);

/* ---- in pieces ------------------------------------------------------------ */

/* Begin an answer with status 200; any number of pieces follow. `fields` as
   above. False if the request asked for the head only; then it is done. */
bool webreply_begin(struct web *w, const char *type, const char *fields);
/* Begin a piece. The caller writes it to the returned print. */
struct print *webreply_open(struct web *w);
void webreply_close(struct web *w);
/* End the pieces; the request is done. */
void webreply_end(struct web *w);

#endif
