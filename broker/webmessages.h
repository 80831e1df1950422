/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * webmessages - single messages over HTTP: published, sent as requests, or
 * looked up.
 */
#ifndef UMBELD_WEBMESSAGES_H
#define UMBELD_WEBMESSAGES_H

#include "proto/publish.h"
#include "web.h"

/* GET /topics/NAME: the retained value. */
void webmessages_get(struct web *w);

/* POST /topics/NAME, POST /requests/NAME, before the body is read. False if the
   request has already been answered. */
bool webmessages_publish(struct web *w);
bool webmessages_ask(struct web *w);
/* The body is complete; the body is longer than allowed. */
void webmessages_say(struct web *w);
void webmessages_too_long(struct web *w);

/* The broker took the message, with this number of receivers, or refused it. */
void webmessages_taken(struct web *w, uint32_t receivers, bool refused);
/* A message has arrived while waiting for a reply. `body` is the body of its
   frame. */
void webmessages_reply(struct web *w, const struct publish *p,
                       const uint8_t *body);
/* There will be no reply: w->refusal says why. */
void webmessages_refused(struct web *w);
void webmessages_on_timeout(struct web *w);

#endif
