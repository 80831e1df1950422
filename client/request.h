/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * request - how a request is made, for who waits for its reply (request_wait.c)
 * and who does not. What the rest of the client wants of requests is in parts.h.
 */
#ifndef UMBEL_REQUEST_H
#define UMBEL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "umbel.h"

/* What is asked, and how. */
struct question {
	const char *topic;
	const void *data;
	size_t len;
	umbel_reply_cb *cb;
	void *user;
	/* of request_check() */
	struct umbel_request_options options;
	struct umbel_pub_options publish;
};

/* May it be asked? Takes the options. 0, or a negative error and its words. */
int request_check(struct umbel *c, struct question *q,
                  const struct umbel_request_options *options);

/* Lock held: ask what was checked, and call its cb in the end. 0 and its number,
   or a negative error: as umbel_request(). */
int request_ask(struct umbel *c, const struct question *q, uint64_t *id);

/* Lock held: never call this one's cb, whose user that is. False: it is being
   called just now. */
bool request_forget(struct umbel *c, uint64_t id, const void *user);

/* Words for why there is no reply. */
const char *request_words(int error);

#endif
