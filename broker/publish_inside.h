/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * publish_inside - what the files of publishing share, and nobody else sees:
 * publish.c takes what is published and sees to it that it may be, publish_fan.c
 * puts it into the outboxes, publish_keep.c keeps what is to be retained.
 */
#ifndef UMBELD_PUBLISH_INSIDE_H
#define UMBELD_PUBLISH_INSIDE_H

#include "broker/publish.h"
#include "proto/publish.h"
#include "rights.h"

/* Consecutive messages that lead to the same people, as they lie in the slab. */
struct run {
	struct slab *slab;
	uint32_t off;
	uint32_t len;
	uint32_t frames;
};

/* To all on the route, whoever it is from: it has been admitted. */
void publish_fan_out(const struct run *run, const struct route *route);

/*
 * Keep it as the last value of its topic, or, when it is empty, nothing any
 * more. False when it cannot be, and why.
 */
bool publish_keep(struct broker *b, const struct publish *p,
                  const uint8_t *body, uint32_t len,
                  char why[RIGHTS_WORDS_MAX]);

#endif
