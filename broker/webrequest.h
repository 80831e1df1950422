/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * webrequest - the request that is being read: its head, which is copied, and
 * its body, which goes into the frame that it makes, piece by piece.
 */
#ifndef UMBELD_WEBREQUEST_H
#define UMBELD_WEBREQUEST_H

#include "web.h"

/* What has come of it, as far as it can be taken now. */
void webrequest_take_head(struct web *w);
void webrequest_take_body(struct web *w);

/* The answer is complete, and the next request may come; or none, when the
   client or we said so. */
void webrequest_done(struct web *w);

/* Nothing of it is kept. */
void webrequest_forget(struct web *w);

#endif
