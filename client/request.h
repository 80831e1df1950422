/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * request - how a request is made, for callers that wait for the reply
 * (request_wait.c) and those that do not. The interface to the rest of the
 * client is in parts.h.
 */
#ifndef UMBEL_REQUEST_H
#define UMBEL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "umbel.h"

/* A request and its options. */
struct question {
	const char *topic;
	const void *data;
	size_t len;
	umbel_reply_cb *cb;
	void *user;
	/* filled by request_check() */
	struct umbel_request_options options;
	struct umbel_pub_options publish;
};

/* Check the request and take its options. 0, or a negative error with its text
   set. */
int request_check(struct umbel *c, struct question *q,
                  const struct umbel_request_options *options);

/* Lock held: send a request that was checked; its cb is called in the end. 0
   and its number, or a negative error as umbel_request(). */
int request_ask(struct umbel *c, const struct question *q, uint64_t *id);

/* Lock held: never call the cb of the request with this id and user. False: it
   is being called right now. */
bool request_forget(struct umbel *c, uint64_t id, const void *user);

/* The text for an error of a request. */
const char *request_words(int error);

#endif
