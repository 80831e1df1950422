/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "gate.h"

#include "hold.h"
#include "introspect.h"
#include "proto/publish.h"
#include "rights.h"
#include "throttle.h"

/* ---- when memory is short ------------------------------------------------- */

/* Will nothing of the message be left in the broker when this batch is over? */
static bool
goes_on_at_once(const struct session *s, const struct route *route)
{
	for (uint32_t i = 0; i < route_n_outboxes(route); i++) {
		const struct outbox *o = route_outbox(route, i);

		if (outbox_is_behind(o) || outbox_is_full(o))
			return false;
	}
	for (uint32_t i = 0; i < route_n_groups(route); i++) {
		const struct group *g = route_group(route, i);

		if (!group_keeps_up(g) || group_find_full(g, &s->out))
			return false;
	}
	return true;
}

/* An answer of the broker can be much longer than the request: only one at a
   time. */
static bool
may_pass(const struct session *s, const struct publish *p)
{
	const struct route *route;
	struct objection objection;

	if (introspect_knows(p->topic, p->topic_len))
		return outbox_is_empty(&s->out);
	/* a refused message leaves nothing behind, not even a route */
	if (rights_object(s, p, &objection))
		return true;
	route = router_find(&s->broker->router, p->topic, p->topic_len);
	return route && !(p->flags & PUBLISH_FLAG_RETAIN) &&
	       goes_on_at_once(s, route);
}

/* ---- all checks --------------------------------------------------------- */

uint32_t
gate_allows(struct session *s, const struct input *in, uint32_t body_len)
{
	struct broker *b = s->broker;
	struct text topic = text_from("");
	struct publish p;

	if (b->settling) {
		hold_for_settling(s);
		return 0;
	}
	if (publish_read(input_frame(in) + FRAME_PREFIX_SIZE, body_len, &p) ==
	    PUBLISH_OK) {
		if (b->passing && !may_pass(s, &p))
			return 0;
		/* a passing message does not stay there, so do not remember
		   it */
		if (!b->passing)
			topic = (struct text){ p.topic, p.topic_len };
	}
	return throttle_allows(s, topic);
}
