/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "handover.h"

#include <inttypes.h>

#include "shed.h"

struct taking {
	struct session *from;
	/* NULL: all its groups' subscriptions */
	const struct subscription *only;
	const struct group *last;
	size_t least; /* see group_choose(), for `last` */
	struct handover result;
};

/*
 * Up to what two full outboxes owe: one of them may end, and each had reached
 * its mark plus the run that went beyond it. An outbox that may drop messages
 * always has room.
 */
static bool
has_room(const struct outbox *o)
{
	return o->policy != OVERFLOW_BLOCK ||
	       o->bytes < 2 * (o->limits->high + SLAB_SIZE);
}

static bool
give(struct taking *t, struct group *g, struct slab *slab, uint32_t off,
     uint32_t len)
{
	struct member *m;

	if (g != t->last)
		t->least = 0;
	t->last = g;
	m = group_choose(g, &t->from->out, &t->least);
	if (!m || !has_room(m->sub.to) ||
	    outbox_deliver(m->sub.to, m->sub.id, NULL, slab, off, len) < 0)
		return false;
	shed_soon(m->sub.to);
	return true;
}

static bool
on_offered(void *user, uint32_t id, struct slab *slab, uint32_t off,
           uint32_t len)
{
	struct taking *t = user;
	struct subscription *sub = subtable_find(&t->from->subs, id);

	if (t->only && sub != t->only)
		return false;
	/* NULL if its subscription ended before: then it was left already */
	if (sub && give(t, member_of(sub)->group, slab, off, len)) {
		t->result.frames++;
		return true;
	}
	t->result.left_frames++;
	t->result.left_bytes += DELIVER_GROUP_HEAD + (uint64_t)len;
	return t->only != NULL;
}

static struct handover
hand_over(struct session *s, const struct subscription *only)
{
	struct taking t = { .from = s, .only = only };
	char words[SESSION_WORDS_MAX];

	outbox_take_group_messages(&s->out, on_offered, &t);
	if (t.result.frames > 0)
		log_event(&s->broker->log, LOG_INFO, LOG_SESSION,
		          "handed over messages=%" PRIu64
		          " to others of the group, from %s",
		          t.result.frames, session_words(s, words));
	return t.result;
}

struct handover
handover_all(struct session *s)
{
	return hand_over(s, NULL);
}

struct handover
handover_of(struct session *s, const struct subscription *sub)
{
	return hand_over(s, sub);
}

void
handover_log_loss(struct session *s, const struct handover *h)
{
	char words[SESSION_WORDS_MAX];

	if (h->left_frames > 0)
		log_event(&s->broker->log, LOG_WARN, LOG_SESSION,
		          "lost messages=%" PRIu64 " bytes=%" PRIu64
		          " for want of others in the group, of %s",
		          h->left_frames, h->left_bytes,
		          session_words(s, words));
}
