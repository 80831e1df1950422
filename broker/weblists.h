/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * weblists - what the broker tells about itself, as JSON. It uses the same
 * introspection as other clients, page by page, so that the work and the text
 * of a long list are never done or held all at once.
 */
#ifndef UMBELD_WEBLISTS_H
#define UMBELD_WEBLISTS_H

#include "web.h"

/* GET /sessions, /subscriptions, /topics. The route of the request says
   which. */
void weblists_begin(struct web *w);

/* Send one more page. */
void weblists_go_on(struct web *w);

#endif
