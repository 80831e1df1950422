/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * webmessages - single messages over HTTP: published, asked with, or looked up.
 */
#ifndef UMBELD_WEBMESSAGES_H
#define UMBELD_WEBMESSAGES_H

#include "proto/publish.h"
#include "web.h"

/* GET /topics/NAME: the last value that was kept. */
void webmessages_get(struct web *w);

/* POST /topics/NAME, POST /requests/NAME: before the body comes. False: it was
   answered already. */
bool webmessages_publish(struct web *w);
bool webmessages_ask(struct web *w);
/* The body is there, or more of it than there may be. */
void webmessages_say(struct web *w);
void webmessages_too_long(struct web *w);

/* The broker took the message, for so many receivers, or refused it. */
void webmessages_taken(struct web *w, uint32_t receivers, bool refused);
/* A message has come while a reply was awaited; `body` is where it lies. */
void webmessages_reply(struct web *w, const struct publish *p,
                       const uint8_t *body);
/* There will be none: w->refusal says why. */
void webmessages_refused(struct web *w);
void webmessages_on_timeout(struct web *w);

#endif
