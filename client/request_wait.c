/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * Request, and wait for the reply. The thread that waits may give up before the
 * call has ended, and another thread may dispatch meanwhile. Their shared data
 * is on the heap, and the last of the two frees it.
 */
#include "request.h"

#include <errno.h>
#include <stdlib.h>

#include "parts.h"

/* Shared by the waiting and the dispatching thread; under the lock. */
struct wait {
	struct question question;
	uint64_t id;
	int asked; /* the result of request_ask() */
	int error;
	struct umbel_msg *reply;
	char text[256];
	bool done;
	bool abandoned; /* the callback must free it */
};

static void
wait_free(struct wait *w)
{
	umbel_msg_unref(w->reply);
	free(w);
}

static void
on_waited_for(struct umbel *c, const struct umbel_reply_info *info, void *user)
{
	struct umbel_msg *kept = info->msg ? umbel_msg_ref(info->msg) : NULL;
	struct wait *w = user;
	bool abandoned;

	handle_lock(c);
	w->error = info->msg && !kept ? -ENOMEM : info->error;
	w->reply = kept;
	control_text(w->text, sizeof(w->text), text_from(info->text));
	w->done = true;
	abandoned = w->abandoned;
	handle_changed(c);
	handle_unlock(c);
	if (abandoned)
		wait_free(w);
}

static bool
is_asked(struct umbel *c, void *arg)
{
	struct wait *w = arg;

	w->asked = request_ask(c, &w->question, &w->id);
	return w->asked != -EAGAIN;
}

static bool
is_answered(struct umbel *c, void *arg)
{
	const struct wait *w = arg;

	(void)c;
	return w->done;
}

/* Lock held: stop waiting. True: the caller must free it. */
static bool
abandon(struct umbel *c, struct wait *w)
{
	if (w->done || request_forget(c, w->id, w))
		return true;
	w->abandoned = true;
	return false;
}

/* The call itself has no deadline, because the thread that waits checks the
   time. */
static int
wait_for_reply(struct umbel *c, struct wait *w, int timeout_ms)
{
	int64_t deadline = dispatch_deadline(timeout_ms);
	int r = dispatch_until(c, timeout_ms, is_asked, w);

	if (r == 0)
		r = w->asked;
	if (r == 0)
		r = dispatch_until(c, dispatch_left(deadline), is_answered, w);
	return r;
}

static int
finish_wait(struct umbel *c, struct wait *w, int r, struct umbel_msg **reply)
{
	const char *topic = w->question.topic;
	bool ours;

	handle_lock(c);
	if (w->asked == 0 && w->done) {
		r = w->error;
		*reply = w->reply;
		w->reply = NULL;
	}
	if (w->asked == 0 && r < 0)
		handle_fail(c, r, "request on %s: %s", topic,
		            w->done ? w->text : request_words(r));
	ours = w->asked != 0 || abandon(c, w);
	handle_unlock(c);
	if (ours)
		wait_free(w);
	return r;
}

static int
refuse_inside(struct umbel *c)
{
	int r = 0;

	handle_lock(c);
	if (c->dispatcher == thread_self())
		r = handle_fail(c, -EDEADLK, "not inside a callback");
	handle_unlock(c);
	return r;
}

int
umbel_request_wait(struct umbel *c, const char *topic, const void *data,
                   size_t len, const struct umbel_request_options *options,
                   int timeout_ms, struct umbel_msg **reply)
{
	struct wait *w;
	int r;

	if (!reply)
		return -EINVAL;
	*reply = NULL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->asked = -EAGAIN;
	w->question = (struct question){ .topic = topic,
		                         .data = data,
		                         .len = len,
		                         .cb = on_waited_for,
		                         .user = w };
	r = request_check(c, &w->question, options);
	if (r == 0 && w->question.options.max_replies > 1)
		r = handle_refuse(c, -EINVAL,
		                  "request: waiting is for one reply only");
	if (r == 0)
		r = refuse_inside(c);
	if (r < 0) {
		free(w);
		return r;
	}
	w->question.options.timeout_ms = -1;
	r = wait_for_reply(c, w, timeout_ms);
	if (r != UMBEL_E_FREED)
		return finish_wait(c, w, r, reply);
	wait_free(w); /* the handle is gone, too */
	return r;
}
