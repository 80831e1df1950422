/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "handover.h"
#include "hold.h"
#include "proto/frame.h"
#include "proto/publish.h"
#include "proto/utf8.h"
#include "report.h"
#include "rights.h"
#include "shortage.h"
#include "spare.h"
#include "sys.h"
#include "throttle.h"
#include "unread.h"

/* The longest text of an ERROR. */
#define TEXT_MAX        400
/* A client may come back this soon after GOAWAY. */
#define GOAWAY_DELAY_MS 10u

static void
on_outbox_wake(struct outbox *o)
{
	struct session *s = session_of_outbox(o);

	s->ops->wake(s);
}

static void
on_waiter_resume(struct waiter *w)
{
	struct session *s =
		(struct session *)((char *)w -
	                           offsetof(struct session, waiter));

	hold_ended(s);
	s->ops->resume(s);
}

static bool
on_waiter_take(struct waiter *w)
{
	struct session *s = session_of_waiter(w);

	return s->put_off ? shortage_keep(s) : s->ops->take_memory(s);
}

/*
 * After the last number start again at the first, skipping those in use. A
 * session that has not said HELLO is not on the roster, but it does not live
 * long enough to matter.
 */
static uint32_t
next_number(struct broker *b)
{
	do {
		if (b->last_session == SESSION_LAST)
			b->last_session = 0;
		b->last_session++;
	} while (roster_find(&b->roster, b->last_session));
	return b->last_session;
}

int
session_init(struct session *s, struct broker *b, const struct session_ops *ops,
             const struct peer *peer)
{
	struct quota_user *user;

	user = quota_join(&b->quota, peer->uid);
	if (!user)
		return -ENOMEM;
	quota_begin_handshake(&b->quota, user);
	*s = (struct session){
		.broker = b,
		.ops = ops,
		.id = next_number(b),
		.peer = *peer,
		.user = user,
		.waiter = { .resume = on_waiter_resume,
		            .take = on_waiter_take },
	};
	outbox_init(&s->out, &b->limits, &b->pool, on_outbox_wake);
	rights_assign(s);
	list_init(&s->awaited);
	TAILQ_INSERT_TAIL(&b->sessions, s, link);
	b->n_sessions++;
	return 0;
}

const char *
session_name(const struct session *s)
{
	return s->name ? s->name : "";
}

const char *
session_peer_words(const struct peer *p, char buf[PEER_WORDS_MAX])
{
	char command[LOG_TEXT_MAX];

	snprintf(buf, PEER_WORDS_MAX, "pid=%ld command=%s uid=%lu",
	         (long)p->pid,
	         log_text(command, p->command, strlen(p->command)),
	         (unsigned long)p->uid);
	return buf;
}

const char *
session_words(const struct session *s, char buf[SESSION_WORDS_MAX])
{
	char name[LOG_TEXT_MAX], peer[PEER_WORDS_MAX];

	snprintf(buf, SESSION_WORDS_MAX, "session=%" PRIu32 " name=%s %s",
	         s->id,
	         log_text(name, session_name(s), strlen(session_name(s))),
	         session_peer_words(&s->peer, peer));
	return buf;
}

size_t
session_inbox(const struct session *s, char buf[INBOX_MAX])
{
	return (size_t)snprintf(buf, INBOX_MAX, "%s.%" PRIu32,
	                        s->broker->inbox_root, s->id);
}

/* Like vsnprintf, but a text that is too long is cut between characters. */
static void
format_text(char text[TEXT_MAX], const char *format, va_list args)
{
	int n = vsnprintf(text, TEXT_MAX, format, args);

	while (n >= TEXT_MAX && n > 0 &&
	       !utf8_is_valid((const uint8_t *)text, strlen(text)))
		text[strlen(text) - 1] = '\0';
}

/* ---- the end of its subscriptions --------------------------------------- */

/* End all subscriptions. Messages that no other member of a group can take stay
   in the outbox. */
static struct handover
end_subscriptions(struct session *s)
{
	struct handover h = handover_all(s);
	struct subscription *sub;

	*quota_subscriptions(s->user) -= s->subs.n;
	s->broker->heap_freed += (size_t)s->subs.n * SPARE_SUBSCRIPTION;
	while ((sub = subtable_pop(&s->subs))) {
		router_unsubscribe(&s->broker->router, sub);
		free(sub);
	}
	return h;
}

/* Drop the whole outbox: nothing of it can be sent any more. */
static void
drop_all(struct session *s)
{
	struct handover h = end_subscriptions(s);

	handover_log_loss(s, &h);
	outbox_close(&s->out);
}

/* ---- answers ------------------------------------------------------------ */

/* Without memory for its answers a session cannot go on. */
static void
give_up(struct session *s)
{
	session_is_deaf(s);
	session_end(s);
}

void
session_answer(struct session *s, const struct message *m)
{
	uint8_t frame[MESSAGE_MAX];
	size_t len = message_encode(m, frame, sizeof(frame));

	if (len == 0 || outbox_answer(&s->out, frame, len) < 0)
		give_up(s);
}

/* An ERROR about a limit also says who has reached it, so that people know whom
   to ask. */
static bool
is_about_a_limit(enum status status)
{
	return status == STATUS_LIMIT || status == STATUS_SLOW_CONSUMER ||
	       status == STATUS_FRAME_TOO_BIG || status == STATUS_TIMEOUT ||
	       status == STATUS_NO_MEMORY;
}

static void
tell_error(struct session *s, enum status status, uint32_t request, bool fatal,
           struct text about, const char *text)
{
	struct message m = { .type = TYPE_ERROR };
	char words[PEER_WORDS_MAX], all[TEXT_MAX + PEER_WORDS_MAX];

	if (is_about_a_limit(status)) {
		snprintf(all, sizeof(all), "%s; %s", text,
		         session_peer_words(&s->peer, words));
		text = all;
	}
	m.error.code = (uint32_t)status;
	m.error.text = text_from(text);
	m.error.request = request;
	m.error.fatal = fatal;
	m.error.about = about;
	session_answer(s, &m);
}

void
session_refuse(struct session *s, enum status status, uint32_t request,
               struct text about, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	format_text(text, format, args);
	va_end(args);
	tell_error(s, status, request, false, about, text);
}

void
session_send_away(struct session *s)
{
	struct message m = { .type = TYPE_GOAWAY };
	struct message ping = { .type = TYPE_PING, .ping.token = s->id };

	m.goaway.reason = text_from("the broker is shutting down");
	m.goaway.delay_ms = GOAWAY_DELAY_MS;
	s->owes = OWES_PING | OWES_PONG;
	s->broker->n_undrained++;
	session_answer(s, &m);
	session_answer(s, &ping);
}

static void
owes_no_more(struct session *s, uint8_t what)
{
	bool owed = s->owes != 0;

	s->owes &= (uint8_t)~what;
	s->broker->n_undrained -= owed && s->owes == 0;
}

void
session_sent_ping(struct session *s)
{
	owes_no_more(s, OWES_PING);
}

void
session_sent_pong(struct session *s, uint64_t token)
{
	if (token == s->id)
		owes_no_more(s, OWES_PONG);
}

/* ---- its will ------------------------------------------------------------- */

/* Wills may take one such part of all memory. */
#define WILLS_PART 8u

static void
stamp(const struct session *s, uint8_t at[PUBLISH_STAMP_SIZE])
{
	store_be32(at, s->id);
	store_be32(at + 4, (uint32_t)s->peer.uid);
}

size_t
session_wills_max(const struct broker *b)
{
	return b->config->memory_max / WILLS_PART;
}

int
session_set_will(struct session *s, struct text body, uint32_t stamp_at)
{
	struct broker *b = s->broker;
	uint8_t *frame;

	if (b->will_bytes + body.len > session_wills_max(b))
		return -EDQUOT;
	s->will = letter_new(&b->pool, FRAME_PREFIX_SIZE + body.len);
	if (!s->will)
		return -ENOMEM;
	b->will_bytes += s->will->frame->cap;
	frame = s->will->frame->data;
	frame_put_prefix(frame, body.len);
	memcpy(frame + FRAME_PREFIX_SIZE, body.at, body.len);
	stamp(s, frame + FRAME_PREFIX_SIZE + stamp_at);
	return 0;
}

static struct letter *
take_will(struct session *s)
{
	struct letter *will = s->will;

	if (will)
		s->broker->will_bytes -= will->frame->cap;
	s->will = NULL;
	return will;
}

void
session_forget_will(struct session *s)
{
	letter_free(take_will(s));
}

/* ---- begin -------------------------------------------------------------- */

void
session_open(struct session *s)
{
	quota_end_handshake(&s->broker->quota, s->user);
	s->state = SESSION_OPEN;
	s->since_ms = clock_now_ms();
	sys_tell_connected(s);
}

/* ---- end ---------------------------------------------------------------- */

static const struct loss nothing = { 0, 0 };

/*
 * Tell others. When the broker stops, every session ends, which is no news to
 * act on.
 */
static void
depart(struct session *s, enum session_state was, const char *reason,
       struct loss lost)
{
	if (s->broker->draining)
		session_forget_will(s);
	if (s->will)
		broker_post(s->broker, take_will(s));
	if (was == SESSION_OPEN)
		sys_tell_disconnected(s, reason, lost);
}

/* `reason` is a word of PROTOCOL.md. */
static void
end(struct session *s, const char *reason, struct loss lost)
{
	enum session_state was = s->state;

	if (was == SESSION_ENDING)
		return;
	s->state = SESSION_ENDING;
	if (was == SESSION_NEW)
		quota_end_handshake(&s->broker->quota, s->user);
	end_subscriptions(s);
	depart(s, was, reason, lost);
	owes_no_more(s, OWES_PING | OWES_PONG);
	hold_forget(s);
	shortage_forget(s);
	unread_forget(s);
	/* the sessions that it holds up need not wait for it any more */
	waiters_resume_all(&s->out.waiters);
	deadline_clear(&s->out.clock);
	s->ops->ending(s);
}

void
session_end(struct session *s)
{
	end(s, s->broker->draining ? "stopping" : "closed", nothing);
}

void
session_leave(struct session *s)
{
	session_forget_will(s);
	end(s, "goodbye", nothing);
}

void
session_fail(struct session *s, enum status status, const char *format, ...)
{
	char text[TEXT_MAX], words[SESSION_WORDS_MAX], quoted[LOG_TEXT_MAX];
	va_list args;

	va_start(args, format);
	format_text(text, format, args);
	va_end(args);
	log_event(&s->broker->log, LOG_WARN, LOG_FAULT, "%s: %s %s",
	          status_name(status), log_text(quoted, text, strlen(text)),
	          session_words(s, words));
	tell_error(s, status, 0, true, (struct text){ NULL, 0 }, text);
	end(s, status_name((unsigned)status), nothing);
}

void
session_evict(struct session *s, const char *format, ...)
{
	char text[TEXT_MAX], words[SESSION_WORDS_MAX];
	struct loss lost;
	va_list args;

	if (s->state == SESSION_ENDING)
		return;
	va_start(args, format);
	format_text(text, format, args);
	va_end(args);

	s->broker->counts.evicted++;
	end_subscriptions(s);
	outbox_cut(&s->out, &lost.frames, &lost.bytes);
	log_event(&s->broker->log, LOG_WARN, LOG_EVICTED,
	          "evicted %s: %s; lost messages=%" PRIu64 " bytes=%" PRIu64,
	          session_words(s, words), text, lost.frames, lost.bytes);
	if (lost.frames > 0 && outbox_gap(&s->out, lost.frames, lost.bytes,
	                                  "evicted: too slow") < 0)
		give_up(s);
	tell_error(s, STATUS_SLOW_CONSUMER, 0, true, (struct text){ NULL, 0 },
	           text);
	end(s, "evicted", lost);
}

void
session_is_deaf(struct session *s)
{
	drop_all(s);
	deadline_clear(&s->out.clock);
}

void
session_fini(struct session *s)
{
	drop_all(s);
	owes_no_more(s, OWES_PING | OWES_PONG);
	hold_forget(s);
	shortage_forget(s);
	unread_forget(s);
	outbox_fini(&s->out);
	throttle_free(s);
	report_forget(s);
	session_forget_will(s);
	free(s->name);
	peer_fini(&s->peer);
	roster_remove(&s->broker->roster, s->id);
	if (s->state == SESSION_NEW)
		quota_end_handshake(&s->broker->quota, s->user);
	quota_leave(&s->broker->quota, s->user);
	TAILQ_REMOVE(&s->broker->sessions, s, link);
	s->broker->n_sessions--;
	s->broker->heap_freed += SPARE_SESSION;
}

/* ---- subscriptions -------------------------------------------------------- */

static int
enlist(struct router *r, struct subscription *sub, struct text filter,
       struct text group)
{
	int err;

	if (!group.at)
		return router_subscribe(r, sub, filter.at, filter.len);
	err = router_join(r, member_of(sub), group, filter);
	if (err == 0)
		hold_review_group(member_of(sub)->group);
	return err;
}

/* The session goes on, but some of its messages can go to nobody. */
static void
announce_loss(struct session *s, const struct handover *h)
{
	handover_log_loss(s, h);
	if (h->left_frames > 0 &&
	    outbox_gap(&s->out, h->left_frames, h->left_bytes,
	               "left its group, and no other member could have it") < 0)
		give_up(s);
}

int
session_subscribe(struct session *s, uint32_t id, struct text filter,
                  const struct options *options)
{
	struct subscription *sub;

	if (s->out.closed)
		return 0; /* nobody would get its messages, or a group's */
	sub = calloc(1, options->group.at ? sizeof(struct member)
	                                  : sizeof(struct subscription));
	if (!sub)
		return -ENOMEM;
	sub->id = id;
	sub->to = &s->out;
	sub->monitor = options->monitor;
	if (subtable_add(&s->subs, sub) < 0) {
		free(sub);
		return -ENOMEM;
	}
	if (enlist(&s->broker->router, sub, filter, options->group) < 0) {
		subtable_remove(&s->subs, id);
		free(sub);
		return -ENOMEM;
	}
	++*quota_subscriptions(s->user);
	return 0;
}

bool
session_unsubscribe(struct session *s, uint32_t id)
{
	struct subscription *sub = subtable_find(&s->subs, id);
	struct handover h = { 0 };

	if (!sub)
		return false;
	if (sub->in_group)
		h = handover_of(s, sub);
	subtable_remove(&s->subs, id);
	--*quota_subscriptions(s->user);
	router_unsubscribe(&s->broker->router, sub);
	free(sub);
	s->broker->heap_freed += SPARE_SUBSCRIPTION;
	hold_made_room(s);
	hold_review(s);
	announce_loss(s, &h);
	return true;
}
