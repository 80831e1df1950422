/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * explain - who gets the messages of a topic, and why other clients do not.
 */
#ifndef UMBELD_EXPLAIN_H
#define UMBELD_EXPLAIN_H

#include "broker.h"
#include "page.h"
#include "query.h"

/* Write the answer for q->topic. Returns NULL, or what is wrong with the
   request. */
const char *explain_topic(struct broker *b, const struct query *q,
                          struct page *g);

#endif
