/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* Queues messages of subscriptions without a callback for umbel_next(). */
#include "parts.h"

#include <errno.h>

int
next_push(struct umbel *c, const struct umbel_msg *m)
{
	struct umbel_msg *kept = umbel_msg_ref(m);

	if (!kept)
		return -ENOMEM;
	STAILQ_INSERT_TAIL(&c->next, kept, link);
	c->next_bytes += msg_size(kept);
	return 0;
}

static struct umbel_msg *
pop(struct umbel *c)
{
	struct umbel_msg *m = STAILQ_FIRST(&c->next);

	if (m) {
		STAILQ_REMOVE_HEAD(&c->next, link);
		c->next_bytes -= msg_size(m);
	}
	return m;
}

void
next_fini(struct umbel *c)
{
	struct umbel_msg *m;

	while ((m = pop(c)))
		umbel_msg_unref(m);
}

/* Continue reading if it was paused. Role held. */
static void
resume(struct umbel *c)
{
	handle_lock(c);
	if (c->paused && !next_is_full(c)) {
		c->paused = false;
		send_watch(c);
	}
	handle_unlock(c);
}

int
umbel_next(struct umbel *c, struct umbel_msg **out, int timeout_ms)
{
	int64_t deadline = dispatch_deadline(timeout_ms);
	bool tried = false;
	int failed = 0;
	int r;

	if (!out)
		return -EINVAL;
	*out = NULL;
	r = dispatch_begin(c, deadline);
	if (r < 0)
		return r == -ETIMEDOUT ? 0 : r;
	while (!c->dying && !(*out = pop(c)) && !failed) {
		int left = dispatch_left(deadline);

		if (left == 0 && tried)
			break;
		tried = left == 0;
		dispatch_turn(c, left);
		handle_lock(c);
		failed = c->failed;
		handle_unlock(c);
	}
	if (c->dying)
		*out = NULL;
	r = *out ? 1 : failed;
	if (*out)
		resume(c);
	return dispatch_end(c) ? UMBEL_E_FREED : r;
}
