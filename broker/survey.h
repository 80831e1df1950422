/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * survey - iterates over sessions and their subscriptions, page by page.
 *
 * The order does not change while others come and go: a session or subscription
 * that is there from the first page to the last is met exactly once.
 */
#ifndef UMBELD_SURVEY_H
#define UMBELD_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "broker.h"
#include "page.h"
#include "query.h"
#include "session.h"

/* Does the query ask for this session? */
bool survey_wants(const struct query *q, const struct session *s);

/*
 * The first session from number `from` on, and the one after `s`, that the
 * query might ask for. NULL if there is none.
 */
struct session *survey_first(const struct broker *b, const struct query *q,
                             uint64_t from);
struct session *survey_next(const struct broker *b, const struct query *q,
                            const struct session *s);

typedef void survey_found(const struct session *s, struct subscription *sub,
                          void *user);

/*
 * Call `found` for the subscriptions of the sessions that the query asks for,
 * from q->after on, while the page has room. Returns where the next page
 * begins; 0 if all have been met.
 */
uint64_t survey_subscriptions(struct broker *b, const struct query *q,
                              struct page *g, survey_found *found, void *user);

#endif
