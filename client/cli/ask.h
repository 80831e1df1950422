/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * ask - questions to the broker itself, about what it knows: PROTOCOL.md, 10.
 *
 * Answers are seen as JSON: what the broker packs fits into it.
 */
#ifndef UMBEL_CLI_ASK_H
#define UMBEL_CLI_ASK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "connection.h"

struct asking;

/*
 * Ask on $SYS.broker.`what`, with `options`, an object whose members the
 * question has (its "after" is ours), for every page there is. The lists of
 * the later ones are put behind those of the first, of other members the first
 * is told; for a person at a terminal a count of `list` (NULL: none) grows on
 * stderr when it takes long.
 *
 * A verdict. On CLI_OK *answer is the caller's; else the complaint is made.
 */
int ask_broker(struct connection *n, const char *what, json_t *options,
               const char *list, json_t **answer);

/* The same without waiting, and of no more pages: it goes on whenever the handle is dispatched. */
struct asking *ask_begin(struct connection *n, const char *what,
                         const json_t *options, unsigned most_pages);
bool ask_is_done(const struct asking *a);
/* The verdict and the answer of one that is done; NULL: forget it. One that is
   not done is forgotten only when its handle is closed. */
int ask_end(struct asking *a, json_t **answer);

/* Members of an answer; without one: 0, "", false. */
uint64_t ask_uint(const json_t *object, const char *key);
const char *ask_text(const json_t *object, const char *key);

/* The value on one line, control characters escaped. */
void ask_append(struct buf *out, const json_t *value);

#endif
