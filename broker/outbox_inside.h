/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * outbox_inside - shared by the files of the outbox and used by nobody else:
 * outbox.c appends and drains, outbox_pack.c copies what pins too much memory,
 * outbox_drop.c removes what will not be sent.
 */
#ifndef UMBELD_OUTBOX_INSIDE_H
#define UMBELD_OUTBOX_INSIDE_H

#include "outbox.h"

/* Count `n` bytes of a span as added, or as no longer owed. */
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

/* Room for `len` bytes of the outbox's own memory, or NULL. */
uint8_t *outbox_own_room(struct outbox *o, size_t len);
/* Append no more to that memory. What is there stays as long as it is owed. */
void outbox_own_release(struct outbox *o);
/* A span for the `len` bytes just put there. It does not have a reference
   yet. */
struct span outbox_own_span(struct outbox *o, enum span_kind kind, size_t len);

/*
 * Remove those frames of the first span that the kernel took completely, so
 * that it begins with the frame that is being written. Returns in how many
 * spans that frame lies, 0 when there is none; more frames may follow it in the
 * same span.
 */
uint32_t outbox_trim(struct outbox *o);

/* Free the memory of an empty outbox, so that an idle session costs only its
   struct. */
void outbox_shrink(struct outbox *o);

#endif
