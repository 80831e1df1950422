/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * webevents - messages as they come, as server-sent events
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html):
 *
 *	data: {"topic":"a.b","payload":"hello","encoding":"text",...}
 *
 *	event: gap		messages were lost here: frames, bytes, reason
 *	event: refused		a subscription is refused or revoked
 *	event: end		the broker ends the stream, and why
 *
 * A message has the members that `umbel sub --json` prints. Comments are sent
 * as heartbeats, so that each side notices when the other one is gone.
 */
#ifndef UMBELD_WEBEVENTS_H
#define UMBELD_WEBEVENTS_H

#include "proto/publish.h"
#include "web.h"

/* GET /subscribe?filter=... */
void webevents_subscribe(struct web *w);

/* Write what the broker sends as events. `body` is the body of the message's
   frame. webevents_message() returns false if there is no memory for the text;
   then the session waits for memory. */
bool webevents_message(struct web *w, const struct publish *p,
                       const uint8_t *body, bool retained, uint64_t age_ms);
void webevents_gap(struct web *w, const struct message_gap *gap);
void webevents_error(struct web *w, const struct message_error *e);
void webevents_stop(struct web *w, struct text reason);

void webevents_on_timer(struct web *w);

#endif
