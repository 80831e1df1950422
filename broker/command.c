/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "command.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "broker/publish.h"
#include "proto/cursor.h"
#include "proto/topic.h"
#include "proto/utf8.h"
#include "report.h"
#include "rights.h"
#include "shortage.h"
#include "snapshot.h"

/* The maximum length of a will. */
#define WILL_MAX (16u << 10)

static const struct text nil;

uint32_t
command_max_body(const struct session *s)
{
	return s->state == SESSION_NEW ? FRAME_MAX_HELLO
	                               : s->broker->config->max_frame;
}

/* ---- HELLO ---------------------------------------------------------------- */

static bool
hello_is_acceptable(struct session *s, const struct message_hello *m)
{
	if (m->version < PROTOCOL_VERSION_MIN) {
		session_fail(s, STATUS_BAD_VERSION,
		             "version %" PRIu32 ": this broker speaks %u to %u",
		             m->version, PROTOCOL_VERSION_MIN,
		             PROTOCOL_VERSION);
		return false;
	}
	if (m->name.len > NAME_MAX_BYTES ||
	    !utf8_is_text((const uint8_t *)m->name.at, m->name.len)) {
		session_fail(s, STATUS_BAD_FRAME,
		             "HELLO: a name is at most %u bytes of UTF-8 "
		             "without control characters",
		             NAME_MAX_BYTES);
		return false;
	}
	return true;
}

/* A will must meet the same conditions as if it were published now. */
static bool
will_is_acceptable(struct session *s, struct text will, struct publish *p)
{
	struct objection objection;

	if (will.len > WILL_MAX) {
		session_fail(s, STATUS_FRAME_TOO_BIG,
		             "HELLO: a will of %" PRIu32 " bytes (limit %u)",
		             will.len, WILL_MAX);
		return false;
	}
	switch (publish_read((const uint8_t *)will.at, will.len, p)) {
	case PUBLISH_OK:
		break;
	case PUBLISH_BAD_FRAME:
		session_fail(s, STATUS_BAD_FRAME,
		             "HELLO: the will is not the body of a PUBLISH");
		return false;
	case PUBLISH_BAD_TOPIC:
		session_fail(s, STATUS_BAD_TOPIC,
		             "HELLO: the will has no valid topic");
		return false;
	case PUBLISH_BAD_REPLY:
		session_fail(s, STATUS_BAD_REPLY,
		             "HELLO: the will has no valid reply topic");
		return false;
	}
	if (p->reply) {
		session_fail(s, STATUS_BAD_REPLY,
		             "HELLO: nobody is left to reply to a will");
		return false;
	}
	if (!rights_object(s, p, &objection))
		return true;
	session_fail(s, STATUS_DENIED, "HELLO: the will: %s", objection.words);
	return false;
}

static bool
keep_will(struct session *s, struct text will)
{
	struct publish p;

	if (!will_is_acceptable(s, will, &p))
		return false;
	switch (session_set_will(s, will, p.stamp_offset)) {
	case 0:
		return true;
	case -EDQUOT:
		session_fail(s, STATUS_NO_MEMORY,
		             "HELLO: a will of %" PRIu32
		             " bytes, and all wills "
		             "take %zu already (limit %zu, an eighth of "
		             "memory-max)",
		             will.len, s->broker->will_bytes,
		             session_wills_max(s->broker));
		return false;
	default:
		session_fail(s, STATUS_NO_MEMORY, "no memory for a will");
		return false;
	}
}

/* The overflow policy of a session: the one that it asks for, if it may hold
   publishers. */
static enum overflow
policy_for(const struct session *s, struct text wanted)
{
	enum overflow policy = OVERFLOW_BLOCK;

	if (wanted.at)
		overflow_parse(wanted.at, wanted.len, &policy);
	if (stalled_has(&s->broker->stalled, s->peer.uid, s->name) ||
	    (policy == OVERFLOW_BLOCK && !rights_of(s, ACL_HOLD).ok))
		policy = OVERFLOW_DROP_OLDEST;
	return policy;
}

static void
welcome(struct session *s, uint32_t version)
{
	struct message m = { .type = TYPE_WELCOME };
	char inbox[INBOX_MAX];

	if (version > PROTOCOL_VERSION)
		version = PROTOCOL_VERSION;
	m.welcome.version = version;
	m.welcome.session = s->id;
	m.welcome.uid = (uint32_t)s->peer.uid;
	m.welcome.limits.max_frame = s->broker->config->max_frame;
	m.welcome.limits.overflow = text_from(overflow_name(s->out.policy));
	m.welcome.limits.inbox.len = (uint32_t)session_inbox(s, inbox);
	m.welcome.limits.inbox.at = inbox;
	session_answer(s, &m);
}

static void
on_hello(struct session *s, const struct message *m)
{
	char words[SESSION_WORDS_MAX];

	if (!hello_is_acceptable(s, &m->hello))
		return;
	s->name = strndup(m->hello.name.at, m->hello.name.len);
	if (!s->name || roster_add(&s->broker->roster, s->id, s) < 0) {
		session_fail(s, STATUS_NO_MEMORY, "no memory for a session");
		return;
	}
	s->out.policy = policy_for(s, m->hello.options.overflow);
	if (m->hello.options.will.at && !keep_will(s, m->hello.options.will))
		return;
	session_open(s);
	broker_welcomes(s->broker);
	log_event(&s->broker->log, LOG_DEBUG, LOG_SESSION,
	          "hello %s overflow=%s", session_words(s, words),
	          overflow_name(s->out.policy));
	welcome(s, m->hello.version);
	if (s->broker->draining)
		session_send_away(s);
}

/* ---- SUBSCRIBE, UNSUBSCRIBE ----------------------------------------------- */

static void
confirm(struct session *s, uint32_t request)
{
	struct message m = { .type = TYPE_OK, .ok.request = request };

	session_answer(s, &m);
}

static bool
request_is_valid(struct session *s, uint32_t request)
{
	if (request == 0)
		session_fail(s, STATUS_BAD_FRAME, "a request of 0");
	return request != 0;
}

/* Refuse a filter that the rules do not allow. */
static bool
filter_is_denied(struct session *s, uint32_t request, struct text filter)
{
	struct verdict v = rights_to_subscribe(s, filter);
	char words[RIGHTS_WORDS_MAX];

	if (!v.ok)
		report_denied_subscription(s, request, filter,
		                           rights_words(&v, words));
	return !v.ok;
}

static bool
subscribe(struct session *s, const struct message_subscribe *m)
{
	if (session_subscribe(s, m->sub, m->filter, &m->options) == 0)
		return true;
	session_refuse(s, STATUS_LIMIT, m->request, nil,
	               "no memory for a subscription");
	return false;
}

/*
 * Subscribe and send the retained values. A message published before the
 * subscription is in the store or has been routed, and one published after it
 * goes to the subscription: no message is missed and none comes twice.
 */
static void
subscribe_with_values(struct session *s, const struct message_subscribe *m)
{
	/* the store bounds one snapshot; a session that asks for several has to
	   read them first */
	s->reads_first = s->out.bytes >= s->out.limits->high;
	s->put_off = true;
	/* short values are copied, so a snapshot also waits when memory is
	   short */
	if (!s->reads_first && !s->keeps_memory &&
	    slab_pool_is_short(&s->broker->pool))
		shortage_wait(s);
	s->put_off = session_is_waiting(s);
	if (s->put_off)
		return;
	publish_posted(s->broker);
	if (s->state == SESSION_OPEN && subscribe(s, m))
		snapshot_send(s, m->request, m->sub, m->filter);
}

static bool
group_is_valid(struct text name)
{
	return name.len > 0 && name.len <= GROUP_NAME_MAX &&
	       utf8_is_text((const uint8_t *)name.at, name.len);
}

/* Refuse a subscription if the session or its user has as many as it may. */
static bool
has_too_many(struct session *s, uint32_t request)
{
	const struct config *c = s->broker->config;
	uint32_t of_user = *quota_subscriptions(s->user);

	if (s->subs.n >= c->max_subscriptions)
		report_refused_subscription(s, request, "subscriptions",
		                            "max-subscriptions", s->subs.n,
		                            c->max_subscriptions);
	else if (c->max_user_subscriptions > 0 &&
	         of_user >= c->max_user_subscriptions)
		report_refused_subscription(s, request, "subscriptions",
		                            "max-user-subscriptions", of_user,
		                            c->max_user_subscriptions);
	else
		return false;
	return true;
}

/* Refuse a subscription if the session is in its group often enough. */
static bool
is_member_too_often(struct session *s, const struct message_subscribe *m)
{
	struct broker *b = s->broker;
	const struct group *g = NULL;
	uint32_t n;

	if (m->options.group.at && s->subs.n >= GROUP_SESSION_MAX)
		g = groups_find(&b->router.groups, m->options.group, m->filter);
	if (!g)
		return false;
	b->work += g->n;
	n = group_count(g, &s->out);
	if (n >= GROUP_SESSION_MAX)
		report_refused_subscription(s, m->request,
		                            "subscriptions in this group",
		                            "umbel-protocol(7):Q8", n,
		                            GROUP_SESSION_MAX);
	return n >= GROUP_SESSION_MAX;
}

static void
on_subscribe(struct session *s, const struct message *message)
{
	const struct message_subscribe *m = &message->subscribe;
	const char *fault;
	unsigned token;

	if (!request_is_valid(s, m->request))
		return;
	fault = filter_fault(m->filter.at, m->filter.len, &token);
	if (fault)
		session_refuse(s, STATUS_BAD_FILTER, m->request, nil,
		               "not a valid filter: %s (token %u)", fault,
		               token);
	else if (filter_is_denied(s, m->request, m->filter))
		return;
	else if (m->options.group.at && m->options.retained)
		session_refuse(s, STATUS_UNSUPPORTED, m->request, nil,
		               "a queue group gets no retained messages");
	else if (m->options.group.at && m->options.monitor)
		session_refuse(s, STATUS_UNSUPPORTED, m->request, nil,
		               "a member of a queue group is no monitor: what "
		               "it gets nobody else does");
	else if (m->options.group.at && !group_is_valid(m->options.group))
		session_refuse(s, STATUS_BAD_FILTER, m->request, nil,
		               "a group's name is 1 to %u bytes of UTF-8 "
		               "without control characters",
		               GROUP_NAME_MAX);
	else if (subtable_find(&s->subs, m->sub))
		session_refuse(s, STATUS_SUB_IN_USE, m->request, nil,
		               "subscription %" PRIu32 " is in use", m->sub);
	else if (has_too_many(s, m->request) || is_member_too_often(s, m))
		return;
	else if (m->options.retained)
		subscribe_with_values(s, m);
	else if (subscribe(s, m))
		confirm(s, m->request);
}

static void
on_unsubscribe(struct session *s, const struct message *message)
{
	const struct message_unsubscribe *m = &message->unsubscribe;

	if (!request_is_valid(s, m->request))
		return;
	if (session_unsubscribe(s, m->sub))
		confirm(s, m->request);
	else
		session_refuse(s, STATUS_NO_SUB, m->request, nil,
		               "there is no subscription %" PRIu32, m->sub);
}

/* ---- PING, PONG, GOAWAY --------------------------------------------------- */

static void
on_ping(struct session *s, const struct message *ping)
{
	struct message m = { .type = TYPE_PONG };

	m.pong.token = ping->ping.token;
	m.pong.accepted = (struct last_u64){ s->accepted, true };
	m.pong.unmatched = (struct last_u64){ s->unmatched, true };
	m.pong.refused = (struct last_u64){ s->refused, true };
	s->messages_in += s->accepted;
	s->accepted = s->unmatched = s->refused = 0;
	session_answer(s, &m);
	session_sent_ping(s);
}

static void
on_pong(struct session *s, const struct message *m)
{
	session_sent_pong(s, m->pong.token);
}

static void
on_goaway(struct session *s, const struct message *m)
{
	char words[SESSION_WORDS_MAX];

	(void)m;
	log_event(&s->broker->log, LOG_DEBUG, LOG_SESSION, "goodbye %s",
	          session_words(s, words));
	session_leave(s);
}

/* ---- the table ------------------------------------------------------------ */

struct command {
	enum frame_type type;
	enum session_state when;
	void (*run)(struct session *s, const struct message *m);
};

static const struct command commands[] = {
	{ TYPE_HELLO, SESSION_NEW, on_hello },
	{ TYPE_SUBSCRIBE, SESSION_OPEN, on_subscribe },
	{ TYPE_UNSUBSCRIBE, SESSION_OPEN, on_unsubscribe },
	{ TYPE_PING, SESSION_OPEN, on_ping },
	{ TYPE_PONG, SESSION_OPEN, on_pong },
	{ TYPE_GOAWAY, SESSION_OPEN, on_goaway },
};

static const struct command *
find_command(const struct session *s, uint32_t type)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (commands[i].type == type && commands[i].when == s->state)
			return &commands[i];
	}
	return NULL;
}

/* Fail the session: the frame is not allowed at this point, or not known. */
static void
object(struct session *s, uint32_t type)
{
	bool known = type == TYPE_DELIVER || message_ways(type) != 0;

	if (s->state == SESSION_NEW)
		session_fail(s, STATUS_OUT_OF_TURN,
		             "the first frame must be HELLO, not %s (%" PRIu32
		             ")",
		             message_name(type), type);
	else if (known)
		session_fail(s, STATUS_OUT_OF_TURN,
		             "%s is not for you to say "
		             "now",
		             message_name(type));
	else
		session_fail(s, STATUS_UNKNOWN_TYPE,
		             "frame type %" PRIu32 " is not known", type);
}

/* Fail the session: an element of the frame is missing or of the wrong type. */
static void
object_to_element(struct session *s, uint32_t type, const struct message *m)
{
	if (m->option_wanted && m->option.at)
		session_fail(s, STATUS_BAD_FRAME,
		             "%s: option `%.*s` must be %s", message_name(type),
		             (int)m->option.len, m->option.at,
		             m->option_wanted);
	else if (m->option_wanted)
		session_fail(s, STATUS_BAD_FRAME,
		             "%s: the key of an option must be %s",
		             message_name(type), m->option_wanted);
	else
		session_fail(s, STATUS_BAD_FRAME,
		             "%s: an element is missing, or of the wrong type",
		             message_name(type));
}

/* Reading and answering a command costs as much as looking at this many
   nodes. */
#define COMMAND_WORK 4u

static void
decode_and_run(struct session *s, const struct command *command,
               const uint8_t *body, uint32_t len)
{
	struct message m;

	s->broker->work += COMMAND_WORK;
	switch (message_decode(body, len, &m)) {
	case MESSAGE_OK:
		command->run(s, &m);
		break;
	case MESSAGE_BAD:
		object_to_element(s, command->type, &m);
		break;
	case MESSAGE_NO_MEMORY:
		session_fail(s, STATUS_NO_MEMORY, "no memory for a frame");
		break;
	}
}

static enum command_outcome
take_publish(struct session *s, struct input *in, uint32_t body_len)
{
	switch (publish_take(s, in, body_len)) {
	case PUBLISH_TAKEN:
		return s->state == SESSION_ENDING ? COMMAND_LAST
		                                  : COMMAND_TAKEN;
	case PUBLISH_PAUSES:
		return s->state == SESSION_ENDING ? COMMAND_LAST
		                                  : COMMAND_PAUSES;
	case PUBLISH_WAITS:
		return COMMAND_WAITS;
	case PUBLISH_FATAL:
		break;
	}
	return COMMAND_LAST;
}

enum command_outcome
command_take(struct session *s, struct input *in, uint32_t body_len)
{
	const uint8_t *body = input_frame(in) + FRAME_PREFIX_SIZE;
	const struct command *command;
	uint32_t type;

	if (s->state == SESSION_OPEN && publish_is_likely(body, body_len))
		return take_publish(s, in, body_len);

	if (!cursor_check_body(body, body_len, &type)) {
		session_fail(s, STATUS_BAD_FRAME,
		             "the body is not one msgpack array that begins "
		             "with a frame type");
		return COMMAND_LAST;
	}
	if (s->state == SESSION_OPEN && type == TYPE_PUBLISH)
		return take_publish(s, in, body_len);

	/* the command sets them again if needed */
	s->reads_first = s->put_off = false;
	command = find_command(s, type);
	if (command)
		decode_and_run(s, command, body, body_len);
	else if (type < TYPE_EXTENSION || s->state == SESSION_NEW)
		object(s, type);
	if (s->put_off)
		return COMMAND_WAITS;
	shortage_release(s); /* the command may have been refused */
	input_skip(in, FRAME_PREFIX_SIZE + (size_t)body_len);
	if (s->state == SESSION_ENDING)
		return COMMAND_LAST;
	return broker_is_spent(s->broker) ? COMMAND_PAUSES : COMMAND_TAKEN;
}
