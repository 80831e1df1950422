/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * What the broker reports to a handle - a hold, a refused message, lost
 * messages - is queued here for its callback. If nobody dispatches for long,
 * the oldest notices are dropped, because new ones matter more.
 */
#include "parts.h"

#include <string.h>

static bool
is_heard(const struct umbel *c, enum notice_kind kind)
{
	switch (kind) {
	case NOTICE_HOLD:
		return c->opt.on_hold;
	case NOTICE_ERROR:
		return c->opt.on_error;
	case NOTICE_LOSS:
		return c->opt.on_loss;
	}
	return false;
}

static void
drop(struct umbel *c, unsigned i)
{
	c->n_notices--;
	memmove(c->notices + i, c->notices + i + 1,
	        (c->n_notices - i) * sizeof(c->notices[0]));
}

void
notice_add(struct umbel *c, const struct notice *n)
{
	if (!is_heard(c, n->kind))
		return;
	if (c->n_notices == NOTICES)
		drop(c, 0);
	c->notices[c->n_notices++] = *n;
	dispatch_attend(c, ATTEND_DUE);
	dispatch_wake(c);
}

void
notice_tell(struct umbel *c)
{
	struct notice n = c->notices[0];

	drop(c, 0);
	handle_unlock(c);
	switch (n.kind) {
	case NOTICE_HOLD:
		n.hold.name = n.text;
		n.hold.topic = n.about;
		c->opt.on_hold(c, &n.hold, c->opt.user);
		break;
	case NOTICE_ERROR:
		n.error.text = n.text;
		n.error.about = n.about;
		c->opt.on_error(c, &n.error, c->opt.user);
		break;
	case NOTICE_LOSS:
		n.loss.reason = n.text;
		c->opt.on_loss(c, &n.loss, c->opt.user);
		break;
	}
	handle_lock(c);
}

void
notice_connection_lost(struct umbel *c)
{
	for (unsigned i = c->n_notices; i-- > 0;) {
		if (c->notices[i].kind == NOTICE_HOLD)
			drop(c, i);
	}
}
