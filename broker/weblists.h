/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * weblists - what the broker tells of itself, as JSON: page by page of the
 * same introspection that clients ask, so that neither the work nor the text
 * of a long list is ever done or held at once.
 */
#ifndef UMBELD_WEBLISTS_H
#define UMBELD_WEBLISTS_H

#include "web.h"

/* GET /sessions, /subscriptions, /topics: which, its route says. */
void weblists_begin(struct web *w);

/* One page more. */
void weblists_go_on(struct web *w);

#endif
