/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * show - a message as people and as programs want to see it.
 *
 * What a payload is, its content-type says (text, json, msgpack, or their MIME
 * types). Without one, or when it is not true: UTF-8 without control
 * characters is text; exactly one msgpack map or array is msgpack; anything
 * else is bytes.
 */
#ifndef UMBEL_CLI_SHOW_H
#define UMBEL_CLI_SHOW_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "client/umbel.h"
#include "users.h"

/* On one line, safe for a terminal: text, JSON, or 0x and digits. */
void show_payload(struct buf *out, const char *content_type, const void *data,
                  size_t len);

/* Two members of a JSON object: "payload":...,"encoding":"...": a string
   (text), a value (json, msgpack), or a string of base64. */
void show_payload_members(struct buf *out, const char *content_type,
                          const void *data, size_t len);

/* "topic payload" and a newline; with `senders`, which remembers the last one,
   user@session between. */
void show_line(struct buf *out, const struct umbel_msg *m,
               struct users_last *senders);

/* One JSON object and a newline. */
void show_object(struct buf *out, const struct umbel_msg *m);

/* The payload and `end`; control characters made visible for a terminal. */
void show_raw(struct buf *out, const struct umbel_msg *m, char end,
              bool terminal);

#endif
