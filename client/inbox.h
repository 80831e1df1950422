/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * inbox - the topics on which this session gets its replies: the name that
 * WELCOME gave, followed by a number in hex.
 */
#ifndef UMBEL_INBOX_H
#define UMBEL_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"
#include "proto/topic.h"

/* A longer name leaves no room for numbers in a topic. */
#define INBOX_MAX 200

struct inbox {
	char text[INBOX_MAX + 2]; /* with a dot at the end */
	size_t len;
};

/* Set a placeholder, used until the broker has given us an inbox. */
void inbox_init(struct inbox *inbox);
/* Take the name from the broker. False: it is not valid; nothing has
   changed. */
bool inbox_take(struct inbox *inbox, struct text name);

/* Write the topic of a number, not 0, NUL-terminated; returns its length. */
size_t inbox_topic(const struct inbox *inbox, uint64_t number,
                   char buf[TOPIC_MAX + 1]);
/* The number of a topic; 0: the topic is not in this inbox. */
uint64_t inbox_number(const struct inbox *inbox, const char *topic, size_t len);
/* Write the filter for all of these topics, NUL-terminated. */
void inbox_filter(const struct inbox *inbox, char buf[TOPIC_MAX + 1]);

/* Length of the part of `text` that all sessions of one broker share, and no
   other broker has. */
size_t inbox_broker_len(const struct inbox *inbox);

#endif
