/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * A request is a message whose reply topic is in this session's inbox, with the
 * request's number as the last token. One subscription to all topics of that
 * length in the inbox receives the replies. It is made when it is first needed
 * on a connection.
 *
 * The inbox changes with every connection, so that a request which could not
 * be sent yet has an outdated reply topic. Such requests stay in their place
 * among the messages that wait; a WELCOME moves them to the new inbox. Requests
 * that the kernel had taken when the connection broke end with it: it is not
 * for us to decide to send a request twice.
 */
#include "request.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "encode.h"
#include "options.h"
#include "parts.h"
#include "proto/status.h"

#define TIMEOUT_MS 5000

/* A request does not time out before the input so far has been processed. But
   after this much more time it does, even if there is still input to
   process. */
#define GRACE_MS 1000

/* ---- the end of a request ------------------------------------------------------ */

static void
call_free(struct call *call)
{
	free(call->text);
	free(call);
}

/* End a request: its callback is due. */
static void
end(struct umbel *c, struct call *call, int error, const char *text)
{
	calls_remove(&c->asking.calls, call);
	if (c->link == LINK_DOWN)
		c->asking.n_dead++;
	call->error = error;
	call->text = text ? strdup(text) : NULL;
	STAILQ_INSERT_TAIL(&c->asking.due, call, link);
	dispatch_attend(c, ATTEND_DUE);
	dispatch_wake(c);
}

static void
end_all(struct umbel *c, int error, const char *text)
{
	struct calls *calls = &c->asking.calls;
	struct call *call;
	size_t at = 0;

	while ((call = calls_next(calls, &at))) {
		end(c, call, error, text);
		at--;
	}
}

const char *
request_words(int error)
{
	switch (error) {
	case -ETIMEDOUT:
		return "no reply in time";
	case -ECONNRESET:
		return "the connection broke before the reply came";
	case -ECANCELED:
		return "canceled";
	default:
		return umbel_strerror(error);
	}
}

void
request_tell(struct umbel *c)
{
	struct call *call = STAILQ_FIRST(&c->asking.due);
	struct umbel_reply_info info = {
		.error = call->error,
		.text = call->text ? call->text : request_words(call->error),
	};

	STAILQ_REMOVE_HEAD(&c->asking.due, link);
	handle_unlock(c);
	call->cb(c, &info, call->user);
	call_free(call);
	handle_lock(c);
}

void
request_forget_all(struct umbel *c)
{
	struct asking *a = &c->asking;
	struct call *call;
	size_t at = 0;

	while ((call = calls_next(&a->calls, &at)))
		call_free(call);
	calls_fini(&a->calls);
	while ((call = STAILQ_FIRST(&a->due))) {
		STAILQ_REMOVE_HEAD(&a->due, link);
		call_free(call);
	}
}

void
request_init(struct umbel *c)
{
	STAILQ_INIT(&c->asking.due);
	inbox_init(&c->asking.inbox);
}

/* ---- those that wait to be sent ------------------------------------------------- */

/* Find the request in this frame, if any. False: the request has ended. */
static bool
find_in_frame(const struct umbel *c, const uint8_t *frame, size_t size,
              struct publish *p, struct call **call)
{
	uint64_t id;

	*call = NULL;
	if (publish_read(frame + FRAME_PREFIX_SIZE, size - FRAME_PREFIX_SIZE,
	                 p) != PUBLISH_OK ||
	    !p->reply)
		return true;
	id = inbox_number(&c->asking.inbox, p->reply, p->reply_len);
	if (id == 0)
		return true;
	*call = calls_find(&c->asking.calls, id);
	return *call != NULL;
}

static void
account_for_dropped(struct umbel *c, uint64_t n)
{
	c->asking.n_dead = 0;
	c->sent += n;
	c->settled += n;
	c->stats.refused += n;
}

static bool
keep_live(const uint8_t *frame, size_t size, void *arg)
{
	struct umbel *c = arg;
	struct publish p;
	struct call *call;
	bool keep = find_in_frame(c, frame, size, &p, &call);

	if (call)
		call->kept = true;
	return keep;
}

/* Without a connection: drop the requests that nobody waits for any more. */
static void
sweep(struct umbel *c)
{
	account_for_dropped(c, out_filter(&c->out, keep_live, c));
}

/* Done only now and then, so that the cost per request is small. */
static void
sweep_if_it_pays(struct umbel *c)
{
	if (c->link == LINK_DOWN && c->asking.n_dead > 0 &&
	    2 * (uint64_t)c->asking.n_dead >= c->taken - c->sent)
		sweep(c);
}

struct move {
	struct umbel *c;
	struct inbox to;
};

/* Write the frame with its new reply topic; see out_rewrite(). */
static size_t
move_frame(const uint8_t *frame, size_t size, uint8_t *to, void *arg)
{
	const struct move *move = arg;
	char topic[TOPIC_MAX + 1];
	struct publish p;
	struct call *call;
	const uint8_t *rest;
	size_t front, len, new_size;

	if (!find_in_frame(move->c, frame, size, &p, &call))
		return 0;
	if (!call) {
		if (to)
			memcpy(to, frame, size);
		return size;
	}
	len = inbox_topic(&move->to, call->id, topic);
	rest = (const uint8_t *)p.reply + p.reply_len;
	front = (size_t)((const uint8_t *)p.reply - frame) -
	        encode_str_head_size(p.reply_len);
	new_size = front + encode_str_head_size(len) + len +
	           (size_t)(frame + size - rest);
	if (new_size - FRAME_PREFIX_SIZE > move->c->max_frame) {
		end(move->c, call, -EMSGSIZE, NULL);
		return 0; /* the same as for a request that has ended */
	}
	if (!to)
		return new_size;
	memcpy(to, frame, front);
	frame_put_prefix(to, (uint32_t)(new_size - FRAME_PREFIX_SIZE));
	to += front;
	to += encode_str_head(to, len);
	memcpy(to, topic, len);
	memcpy(to + len, rest, (size_t)(frame + size - rest));
	return new_size;
}

int
request_welcomed(struct umbel *c, struct text inbox)
{
	struct move move = { .c = c };
	uint64_t dropped;
	int r;

	c->asking.possible = inbox_take(&move.to, inbox);
	if (!c->asking.possible)
		end_all(c, UMBEL_E_UNSUPPORTED, "the broker gave no inbox");
	if (c->asking.last_id > 0 && out_pending(&c->out) > 0) {
		r = out_rewrite(&c->out, move_frame, &move, &dropped);
		if (r < 0)
			return r;
		account_for_dropped(c, dropped);
	}
	if (c->asking.possible)
		c->asking.inbox = move.to;
	return 0;
}

void
request_connection_lost(struct umbel *c)
{
	struct calls *calls = &c->asking.calls;
	struct call *call;
	size_t at = 0;

	c->asking.subscribed = false;
	if (calls->n == 0)
		return;
	while ((call = calls_next(calls, &at)))
		call->kept = false;
	sweep(c); /* sets `kept` in the requests that stay */
	at = 0;
	while ((call = calls_next(calls, &at))) {
		if (call->kept)
			continue;
		end(c, call, -ECONNRESET, NULL);
		at--;
	}
	c->asking.n_dead = 0;
}

void
request_failed(struct umbel *c, int error, const char *text)
{
	end_all(c, error, text);
	sweep_if_it_pays(c);
}

/* ---- the subscription ------------------------------------------------------------ */

/* Subscribe to the inbox, if this is possible and not done yet. */
static int
subscribe(struct umbel *c)
{
	struct asking *a = &c->asking;
	char filter[TOPIC_MAX + 1];
	int r;

	if (a->subscribed || !a->possible ||
	    (c->link != LINK_RESTORE && c->link != LINK_UP))
		return 0;
	inbox_filter(&a->inbox, filter);
	r = sub_ask_for_inbox(c, &a->subscribe, filter);
	a->subscribed = r == 0;
	return r;
}

int
request_restore(struct umbel *c)
{
	return c->asking.calls.n > 0 ? subscribe(c) : 0;
}

void
request_answered(struct umbel *c, const struct message_error *error)
{
	char words[256];

	if (!error)
		return;
	c->asking.subscribed = false;
	control_text(words, sizeof(words), error->text);
	end_all(c, control_error(error->code),
	        words[0] ? words : status_words(error->code));
}

/* ---- replies, refusals and losses ---------------------------------------------- */

bool
request_refused(struct umbel *c, const struct message_error *m)
{
	uint64_t id = inbox_number(&c->asking.inbox, m->about.at, m->about.len);
	struct call *call;
	char words[256];

	if (id == 0)
		return false;
	call = calls_find(&c->asking.calls, id);
	if (!call)
		return true; /* it is over already */
	control_text(words, sizeof(words), m->text);
	end(c, call, control_error(m->code),
	    words[0] ? words : status_words(m->code));
	return true;
}

void
request_loss(struct umbel *c)
{
	struct calls *calls = &c->asking.calls;
	struct call *call;
	size_t at = 0;

	while ((call = calls_next(calls, &at))) {
		if (call->gather) {
			call->cut = true;
		} else if (call->max_replies > 1) {
			end(c, call, UMBEL_E_LOST, NULL);
			at--;
		}
	}
}

static int64_t
deadline_of(const struct call *call)
{
	return dispatch_deadline(call->timeout_ms);
}

/* Do more replies follow this one? Lock held. */
static bool
goes_on(struct umbel *c, struct call *call, const struct umbel_msg *m)
{
	if (++call->n_replies >= call->max_replies)
		return false;
	if (call->gather)
		return true;
	if (!umbel_msg_more(m))
		return false;
	calls_set_deadline(&c->asking.calls, call, deadline_of(call));
	return true;
}

unsigned
request_deliver(struct umbel *c)
{
	const struct umbel_msg *m = &c->run.msg;
	struct umbel_reply_info info = { .msg = m, .text = "" };
	struct call *found, call;
	char words[512];

	handle_lock(c);
	found = calls_find(&c->asking.calls, c->run.request);
	if (found) {
		info.more = goes_on(c, found, m);
		call = *found;
	}
	if (found && !info.more) {
		calls_remove(&c->asking.calls, found);
		call_free(found);
	}
	handle_unlock(c);
	if (!found)
		return 0; /* too late */

	info.code = umbel_msg_error(m);
	if (info.code != 0) {
		info.error = UMBEL_E_REPLY;
		control_text(words, sizeof(words),
		             (struct text){ (const char *)m->payload,
		                            m->payload_len });
		info.text = words[0] ? words : umbel_strerror(info.error);
	}
	call.cb(c, &info, call.user);
	return 1;
}

void
request_expire(struct umbel *c, int64_t now, bool listened)
{
	struct call *call;

	while ((call = calls_first_due(&c->asking.calls)) &&
	       call->deadline + (listened ? 0 : GRACE_MS) <= now)
		end(c, call, call->cut ? UMBEL_E_LOST : -ETIMEDOUT, NULL);
	c->at.request = call ? call->deadline : NEVER;
	sweep_if_it_pays(c);
}

/* ---- asking ------------------------------------------------------------------------- */

static int
take_options(struct question *q, const struct umbel_request_options *options)
{
	struct umbel_request_options *o = &q->options;

	if (!q->topic || (!q->data && q->len > 0) || !q->cb ||
	    options_take(o, sizeof(*o), options) < 0)
		return -EINVAL;
	if (o->timeout_ms == 0)
		o->timeout_ms = TIMEOUT_MS;
	if (o->max_replies == 0)
		o->max_replies = o->gather ? UINT_MAX : 1;
	q->publish = (struct umbel_pub_options){
		.size = sizeof(q->publish),
		.headers = o->headers,
		.n_headers = o->n_headers,
		.content_type = o->content_type,
	};
	return encode_check(&q->publish);
}

int
request_check(struct umbel *c, struct question *q,
              const struct umbel_request_options *options)
{
	int r = handle_check(c);

	if (r < 0)
		return r;
	r = take_options(q, options);
	if (r < 0)
		handle_refuse(c, r,
		              "request: no topic, no data, no callback, "
		              "or options or headers that are none");
	return r;
}

static struct call *
call_new(struct umbel *c, const struct question *q)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->id = ++c->asking.last_id;
	call->cb = q->cb;
	call->user = q->user;
	call->timeout_ms = q->options.timeout_ms;
	call->max_replies = q->options.max_replies;
	call->gather = q->options.gather;
	if (calls_add(&c->asking.calls, call) < 0) {
		free(call);
		return NULL;
	}
	return call;
}

static void
set_alarm(struct umbel *c, struct call *call)
{
	calls_set_deadline(&c->asking.calls, call, deadline_of(call));
	if (call->deadline >= c->at.request)
		return;
	c->at.request = call->deadline;
	dispatch_arm(c);
}

/* Is there an obstacle that waiting cannot remove? */
static int
look_for_obstacle(struct umbel *c)
{
	bool up = c->link == LINK_RESTORE || c->link == LINK_UP;

	if (c->failed)
		return handle_fail(c, c->failed, "request: not connected");
	if (up && !c->asking.possible)
		return handle_fail(c, UMBEL_E_UNSUPPORTED,
		                   "request: the broker gave no inbox");
	return 0;
}

int
request_ask(struct umbel *c, const struct question *q, uint64_t *id)
{
	struct umbel_pub_options publish = q->publish;
	char reply[TOPIC_MAX + 1];
	struct call *call;
	int r = look_for_obstacle(c);

	if (r < 0)
		return r;
	call = call_new(c, q);
	if (!call)
		return handle_fail(c, -ENOMEM, "request: no memory");
	set_alarm(c, call);
	*id = call->id;
	if (q->options.id)
		*q->options.id = call->id;
	inbox_topic(&c->asking.inbox, call->id, reply);
	publish.reply = reply;
	r = subscribe(c);
	if (r == 0)
		r = publish_put(c, q->topic, q->data, q->len, &publish);
	if (r == 0)
		return 0; /* the call may have ended by now */
	calls_remove(&c->asking.calls, call);
	call_free(call);
	if (r == -EAGAIN)
		send_now(c); /* the connection has had no attention yet */
	return r;
}

/* Forget a request that has ended if its callback is still due. False: it is
   being called right now. */
static bool
forget_due(struct umbel *c, const void *user)
{
	struct call *call;

	STAILQ_FOREACH (call, &c->asking.due, link) {
		if (call->user == user)
			break;
	}
	if (!call)
		return false;
	STAILQ_REMOVE(&c->asking.due, call, call, link);
	call_free(call);
	return true;
}

bool
request_forget(struct umbel *c, uint64_t id, const void *user)
{
	struct call *call = calls_find(&c->asking.calls, id);

	if (!call)
		return forget_due(c, user);
	calls_remove(&c->asking.calls, call);
	call_free(call);
	if (c->link == LINK_DOWN)
		c->asking.n_dead++;
	sweep_if_it_pays(c);
	return true;
}

/* ---- umbel.h -------------------------------------------------------------------------- */

int
umbel_request_opts(struct umbel *c, const char *topic, const void *data,
                   size_t len, umbel_reply_cb *cb, void *user,
                   const struct umbel_request_options *options)
{
	struct question q = {
		.topic = topic, .data = data, .len = len, .cb = cb, .user = user
	};
	uint64_t id;
	int r = request_check(c, &q, options);

	if (r < 0)
		return r;
	handle_lock(c);
	r = request_ask(c, &q, &id);
	handle_unlock(c);
	return r;
}

int
umbel_request(struct umbel *c, const char *topic, const void *data, size_t len,
              int timeout_ms, umbel_reply_cb *cb, void *user)
{
	if (handle_check(c) < 0)
		return handle_check(c);
	if (timeout_ms == 0)
		return handle_refuse(c, -EINVAL, "request: no time");
	return umbel_request_opts(c, topic, data, len, cb, user,
	                          UMBEL_REQUEST_OPTIONS(.timeout_ms =
	                                                        timeout_ms));
}

int
umbel_cancel(struct umbel *c, uint64_t id)
{
	struct call *call;

	if (handle_check(c) < 0)
		return handle_check(c);
	handle_lock(c);
	call = calls_find(&c->asking.calls, id);
	if (call) {
		end(c, call, -ECANCELED, NULL);
		sweep_if_it_pays(c);
	}
	handle_unlock(c);
	return call ? 0 : -ENOENT;
}
