/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * Delivers a run to all outboxes on its route, and each of its messages to one
 * member of each group.
 */
#include "publish_inside.h"

#include "shed.h"

static void
append(struct outbox *o, const struct run *run)
{
	if (outbox_push(o, run->slab, run->off, run->len, run->frames) < 0)
		session_evict(session_of_outbox(o), "no memory for its outbox");
}

static void
deliver_at_mark(struct outbox *o, const struct run *run)
{
	enum shed shed = shed_admit(o, run->frames, run->len);

	if (shed == SHED_LOSE)
		return;
	append(o, run);
	if (shed == SHED_TAKE_LAST)
		shed_cut_off(o);
}

static void
deliver(struct outbox *o, const struct run *run)
{
	if (shed_has_room(o))
		append(o, run);
	else
		deliver_at_mark(o, run);
}

/* False: it is not a member any more. */
static bool
deliver_to_member(struct member *m, struct slab *slab, uint32_t off,
                  uint32_t len)
{
	struct outbox *o = m->sub.to;
	uint32_t id = m->sub.id; /* to make room may be its end */
	enum shed shed = SHED_TAKE;

	if (!shed_has_room(o))
		shed = shed_admit(o, 1, DELIVER_GROUP_HEAD + (uint64_t)len);
	if (shed == SHED_LOSE)
		return true;
	if (o->closed)
		return false;
	if (outbox_deliver(o, id, NULL, slab, off, len) < 0) {
		session_evict(session_of_outbox(o), "no memory for its outbox");
		return false;
	}
	if (shed == SHED_TAKE_LAST)
		shed_cut_off(o);
	return true;
}

/* Give each message of the run to one member of the group. */
static void
deal_out(const struct run *run, struct group *g)
{
	uint32_t end = run->off + run->len;
	size_t least = 0;

	for (uint32_t at = run->off; at < end;) {
		uint32_t len = load_be32(run->slab->data + at + 1);
		struct member *m;

		at += FRAME_PREFIX_SIZE;
		do
			m = group_choose(g, NULL, &least);
		while (m && !deliver_to_member(m, run->slab, at, len));
		at += len;
	}
}

void
publish_fan_out(const struct run *run, const struct route *route)
{
	uint32_t n = route_n_outboxes(route);

	for (uint32_t i = 0; i < n; i++)
		deliver(route_outbox(route, i), run);
	for (uint32_t i = 0; i < route_n_groups(route); i++)
		deal_out(run, route_group(route, i));
}
