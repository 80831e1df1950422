/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * webrequest - reads a request: its head, which is copied, and its body, which
 * is written piece by piece into the frame that the request makes.
 */
#ifndef UMBELD_WEBREQUEST_H
#define UMBELD_WEBREQUEST_H

#include "web.h"

/* Process what has arrived, as far as that is possible now. */
void webrequest_take_head(struct web *w);
void webrequest_take_body(struct web *w);

/* The answer is complete. The next request may follow, unless the client or the
   broker said that this was the last. */
void webrequest_done(struct web *w);

/* Free everything that belongs to the request. */
void webrequest_forget(struct web *w);

#endif
