/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * inbox - the topics on which this session gets its replies: what WELCOME told,
 * and a number behind it, in hex.
 */
#ifndef UMBEL_INBOX_H
#define UMBEL_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"
#include "proto/topic.h"

/* A longer one leaves no room for numbers in a topic. */
#define INBOX_MAX 200

struct inbox {
	char text[INBOX_MAX + 2]; /* with a dot at the end */
	size_t len;
};

/* What stands for one until there is one. */
void inbox_init(struct inbox *inbox);
/* A broker's word for it. False: that is none, and nothing has changed. */
bool inbox_take(struct inbox *inbox, struct text name);

/* The topic of a number, not 0, NUL-terminated; its length. */
size_t inbox_topic(const struct inbox *inbox, uint64_t number,
                   char buf[TOPIC_MAX + 1]);
/* The number of a topic; 0: it is none of these. */
uint64_t inbox_number(const struct inbox *inbox, const char *topic, size_t len);
/* The filter for all of them, NUL-terminated. */
void inbox_filter(const struct inbox *inbox, char buf[TOPIC_MAX + 1]);

/* How much of `text` all sessions of its broker share, and no other broker. */
size_t inbox_broker_len(const struct inbox *inbox);

#endif
