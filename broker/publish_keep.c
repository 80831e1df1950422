/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * Stores a message as the retained value of its topic, or says in words why
 * that is not possible.
 */
#include "publish_inside.h"

#include <inttypes.h>
#include <stdio.h>

#include "clock.h"

/* Array entries of the retained store that can be shifted at the cost of one
   unit of work. */
#define MOVES_PER_WORK 128u

bool
publish_keep(struct broker *b, const struct publish *p, const uint8_t *body,
             uint32_t len, char why[RIGHTS_WORDS_MAX])
{
	struct retained *r = &b->retained;

	if (p->payload_len == 0) {
		b->work += retained_clear(r, p->topic, p->topic_len) /
		           MOVES_PER_WORK;
		return true;
	}
	switch (retained_put(r, p->topic, p->topic_len, body, len,
	                     clock_now_ms())) {
	case RETAINED_KEPT:
		return true;
	case RETAINED_TOO_MANY:
		snprintf(why, RIGHTS_WORDS_MAX,
		         "%zu values are retained already (limit %zu, "
		         "retained-max)",
		         r->n, r->max_n);
		break;
	case RETAINED_TOO_BIG:
		snprintf(why, RIGHTS_WORDS_MAX,
		         "retained values take %zu bytes, and one of %" PRIu32
		         " more is too much (limit %zu, retained-bytes)",
		         r->bytes, len, r->max_bytes);
		break;
	case RETAINED_NO_MEMORY:
		snprintf(why, RIGHTS_WORDS_MAX,
		         "no memory for a retained value");
		break;
	}
	return false;
}
