/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * webtalk - what an HTTP connection says to the broker, and what it hears: the
 * frames of PROTOCOL.md, as any client's. They go through the same table of
 * commands, and come out of the same outbox.
 */
#ifndef UMBELD_WEBTALK_H
#define UMBELD_WEBTALK_H

#include "proto/message.h"
#include "web.h"

/* Say HELLO; `overflow` nil: as it comes. Nothing may be unsaid. */
void webtalk_hello(struct web *w, struct text overflow);

/* Begin a subscription, or several. False without memory. */
bool webtalk_subscribe(struct web *w, const struct message *subscribe,
                       size_t n);

/*
 * Begin a PUBLISH on w->topic; its payload, of `claim` bytes or unknown
 * (WEB_UNKNOWN), is to be put behind it. `reply` and `content_type` may be nil.
 * False when it would be longer than a frame may be.
 */
#define WEB_UNKNOWN UINT64_MAX
bool webtalk_begin_publish(struct web *w, uint8_t flags, struct text reply,
                           struct text content_type, uint64_t claim);
/* Where bytes of the payload may be put, and how many; then that they are
   there. False: there is no memory, and the session waits for it. */
bool webtalk_room(struct web *w, uint8_t **at, size_t *room);
/* Is there some now? Then it is taken. */
bool webtalk_takes_memory(struct web *w);
/* False: that is more than a frame may be. */
bool webtalk_received(struct web *w, size_t n);
/* It is complete. */
void webtalk_end_publish(struct web *w);

/* Have the broker carry out what was said, as far as it can now, and hear what
   it says. */
void webtalk_go_on(struct web *w);

#endif
