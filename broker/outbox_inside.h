/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * outbox_inside - what the files of the outbox share, and nobody else sees:
 * outbox.c appends and drains, outbox_pack.c moves what pins too much,
 * outbox_drop.c takes out again what will not be sent.
 */
#ifndef UMBELD_OUTBOX_INSIDE_H
#define UMBELD_OUTBOX_INSIDE_H

#include "outbox.h"

/* `n` bytes of a span have come, or are not owed any more. */
static inline void
outbox_count_in(struct outbox *o, const struct span *s, size_t n)
{
	o->bytes += n;
	if (!span_is_message(s))
		o->answer_bytes += n;
	else if (s->kind == SPAN_RETAINED)
		o->retained_bytes += n;
}

static inline void
outbox_count_out(struct outbox *o, const struct span *s, size_t n)
{
	o->bytes -= n;
	if (!span_is_message(s))
		o->answer_bytes -= n;
	else if (s->kind == SPAN_RETAINED)
		o->retained_bytes -= n;
}

/* `len` bytes of the outbox's own memory: where to put them, or NULL. */
uint8_t *outbox_own_room(struct outbox *o, size_t len);
/* Nothing more is put there. What is, stays as long as it is owed. */
void outbox_own_release(struct outbox *o);
/* What was put there. The span has no reference yet. */
struct span outbox_own_span(struct outbox *o, enum span_kind kind, size_t len);

/*
 * Forget the frames of the first span that the kernel took whole, so that it
 * begins with the one that is being written. Returns in how many spans that one
 * lies, 0 when there is none; others may lie behind it in the same span.
 */
uint32_t outbox_trim(struct outbox *o);

/* Nothing is left: an idle session costs nothing but itself. */
void outbox_shrink(struct outbox *o);

#endif
