/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * publish_inside - shared by the files of publishing and used by nobody else:
 * publish.c takes messages and checks that they may be published, publish_fan.c
 * puts them into outboxes, publish_keep.c stores retained messages.
 */
#ifndef UMBELD_PUBLISH_INSIDE_H
#define UMBELD_PUBLISH_INSIDE_H

#include "broker/publish.h"
#include "proto/publish.h"
#include "rights.h"

/* Consecutive messages that go to the same subscribers, as they lie in a
   slab. */
struct run {
	struct slab *slab;
	uint32_t off;
	uint32_t len;
	uint32_t frames;
};

/* Append the run to everybody on the route. It has been admitted already. */
void publish_fan_out(const struct run *run, const struct route *route);

/*
 * Store the message as the retained value of its topic; an empty payload
 * deletes that value. On failure returns false, with the reason in `why`.
 */
bool publish_keep(struct broker *b, const struct publish *p,
                  const uint8_t *body, uint32_t len,
                  char why[RIGHTS_WORDS_MAX]);

#endif
