/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * webtalk - the exchange of an HTTP connection with the broker, in the frames
 * of PROTOCOL.md like any client's. The frames go through the same command
 * table, and the answers come from the same outbox.
 */
#ifndef UMBELD_WEBTALK_H
#define UMBELD_WEBTALK_H

#include "proto/message.h"
#include "web.h"

/* Send HELLO; if `overflow` is nil, with the default policy. No other frame may
   be waiting. */
void webtalk_hello(struct web *w, struct text overflow);

/* Send SUBSCRIBE for one or several subscriptions. False if out of memory. */
bool webtalk_subscribe(struct web *w, const struct message *subscribe,
                       size_t n);

/*
 * Begin a PUBLISH on w->topic. Its payload of `claim` bytes, or of unknown
 * length (WEB_UNKNOWN), is to be appended. `reply` and `content_type` may be
 * nil. Returns false if the frame would be longer than allowed.
 */
#define WEB_UNKNOWN UINT64_MAX
bool webtalk_begin_publish(struct web *w, uint8_t flags, struct text reply,
                           struct text content_type, uint64_t claim);
/* Get where to write bytes of the payload, and how many; webtalk_received()
   then reports them. False if there is no memory; then the session waits for
   it. */
bool webtalk_room(struct web *w, uint8_t **at, size_t *room);
/* Take the memory, if there is some now. */
bool webtalk_takes_memory(struct web *w);
/* False if the frame is now longer than allowed. */
bool webtalk_received(struct web *w, size_t n);
/* The payload is complete. */
void webtalk_end_publish(struct web *w);

/* Let the broker carry out the frames, as far as it can now, and process its
   answers. */
void webtalk_go_on(struct web *w);

#endif
