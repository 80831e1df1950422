/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "rights.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"
#include "proto/topic.h"

/* A class that is allowed nothing, for when there is no memory to find the real
   one. */
static const struct acl_class nobody;

void
rights_assign(struct session *s)
{
	struct acl *acl = s->broker->acl;
	const struct acl_identity id = {
		.uid = s->peer.uid,
		.gid = s->peer.gid,
		.groups = s->peer.groups,
		.n_groups = s->peer.n_groups,
		.groups_unknown = s->peer.groups_unknown,
		.role = s->peer.role,
	};

	s->class = acl ? acl_classify(acl, &id) : NULL;
	if (acl && !s->class)
		s->class = &nobody;
	s->class_bit = s->class ? s->class->bit : 1;
}

static struct verdict
judge(const struct session *s, enum acl_verb verb, struct text topic)
{
	struct verdict v = { 0 };

	v.verb = acl_right_for(verb, topic.at, topic.len, &v.why);
	v.ok = !v.why &&
	       acl_permits(s->class, v.verb, topic.at, topic.len, &v.rule);
	return v;
}

bool
rights_is_inbox(const struct broker *b, struct text topic)
{
	size_t root = strlen(b->inbox_root);

	return topic.len > root + 1 &&
	       topic_is_below(topic.at, topic.len, b->inbox_root, root);
}

bool
rights_is_own_inbox(const struct session *s, struct text topic)
{
	char inbox[INBOX_MAX];

	/* a datagram's sender has no inbox, whatever inbox its number would
	   give */
	return s->id != SESSION_DATAGRAM &&
	       topic_is_below(topic.at, topic.len, inbox,
	                      session_inbox(s, inbox));
}

struct verdict
rights_of(const struct session *s, enum acl_verb verb)
{
	return judge(s, verb, text_from(""));
}

struct verdict
rights_to_publish(const struct session *s, struct text topic)
{
	return judge(s, ACL_PUBLISH, topic);
}

struct verdict
rights_to_retain(const struct session *s, struct text topic)
{
	return judge(s, ACL_RETAIN, topic);
}

struct verdict
rights_to_subscribe(const struct session *s, struct text filter)
{
	if (rights_is_own_inbox(s, filter))
		return (struct verdict){ .ok = true, .verb = ACL_SUBSCRIBE };
	return judge(s, ACL_SUBSCRIBE, filter);
}

/* How much of a path is shown. */
#define PATH_END_MAX 200u

const char *
rights_place(const struct acl_rule *rule, char buf[RIGHTS_PLACE_MAX])
{
	const char *file = rule->file;
	size_t len = strlen(file);
	bool cut = len > PATH_END_MAX;

	if (cut)
		file += len - PATH_END_MAX;
	while (cut && ((unsigned char)*file & 0xc0) == 0x80)
		file++; /* do not cut inside a character */
	snprintf(buf, RIGHTS_PLACE_MAX, "%s%s:%u", cut ? "..." : "", file,
	         rule->line);
	return buf;
}

const char *
rights_words(const struct verdict *v, char buf[RIGHTS_WORDS_MAX])
{
	char place[RIGHTS_PLACE_MAX];

	if (v->why)
		snprintf(buf, RIGHTS_WORDS_MAX, "%s", v->why);
	else if (v->rule)
		snprintf(buf, RIGHTS_WORDS_MAX, "%s: denied by %s",
		         acl_verb_name(v->verb), rights_place(v->rule, place));
	else
		snprintf(buf, RIGHTS_WORDS_MAX, "%s: no rule allows it",
		         acl_verb_name(v->verb));
	return buf;
}

/* ---- a PUBLISH ------------------------------------------------------------ */

static bool
object(struct objection *o, const char *words)
{
	snprintf(o->words, sizeof(o->words), "%s", words);
	return true;
}

static bool
object_to_topic(const struct session *s, struct text topic, struct objection *o)
{
	const struct route *route =
		router_recall(&s->broker->router, topic.at, topic.len);
	struct verdict v;

	if (route && route->admits & s->class_bit)
		return false;
	if (topic.at[0] == '$' && !rights_is_inbox(s->broker, topic))
		return object(o,
		              "topics that begin with $ belong to the broker");
	v = rights_to_publish(s, topic);
	if (v.ok || rights_is_own_inbox(s, topic))
		return false;
	rights_words(&v, o->words);
	return true;
}

/* The reply must not go where the sender itself could not have published. */
static bool
object_to_reply(const struct session *s, struct text reply, struct objection *o)
{
	struct verdict v;

	if (rights_is_own_inbox(s, reply))
		return false;
	if (reply.at[0] == '$')
		return object(o, "reply must be in your own inbox, or a topic "
		                 "that you may publish to");
	v = rights_to_publish(s, reply);
	if (!v.ok)
		rights_words(&v, o->words);
	return !v.ok;
}

bool
rights_object(const struct session *s, const struct publish *p,
              struct objection *out)
{
	struct text topic = { p->topic, p->topic_len };
	struct text reply = { p->reply, p->reply_len };
	struct verdict v;

	out->about = p->reply ? reply : topic;
	if (object_to_topic(s, topic, out) ||
	    (p->reply && object_to_reply(s, reply, out)))
		return true;
	if (!(p->flags & PUBLISH_FLAG_RETAIN))
		return false;
	v = rights_to_retain(s, topic);
	if (!v.ok)
		rights_words(&v, out->words);
	return !v.ok;
}

bool
rights_object_to_datagram(struct broker *b, const struct peer *sender,
                          const struct publish *p, struct objection *out)
{
	/* a temporary session, which has the rights of the sender */
	struct session s = {
		.broker = b,
		.id = SESSION_DATAGRAM,
		.peer = *sender,
	};

	rights_assign(&s);
	if (!p->reply || p->reply[0] != '$')
		return rights_object(&s, p, out);
	out->about = (struct text){ p->reply, p->reply_len };
	return object(out, "a datagram has no inbox that could take a reply");
}

/* ---- other rules ---------------------------------------------------------- */

/* Subscriptions of a session that are no longer allowed. */
struct revoked {
	const struct session *session;
	uint32_t *ids; /* has room for all of its subscriptions */
	uint32_t n;
};

static struct text
filter_of(const struct subscription *sub, char buf[TOPIC_MAX])
{
	return (struct text){ buf, (uint32_t)subscription_filter(sub, buf) };
}

static void
review(struct subscription *sub, void *user)
{
	struct revoked *r = user;
	char buf[TOPIC_MAX];

	if (!rights_to_subscribe(r->session, filter_of(sub, buf)).ok)
		r->ids[r->n++] = sub->id;
}

static void
revoke(struct session *s, uint32_t id)
{
	char buf[TOPIC_MAX], words[RIGHTS_WORDS_MAX], who[SESSION_WORDS_MAX];
	char quoted[LOG_TEXT_MAX];
	struct text filter = filter_of(subtable_find(&s->subs, id), buf);
	struct verdict v = rights_to_subscribe(s, filter);

	rights_words(&v, words);
	log_event(&s->broker->log, LOG_WARN, LOG_REFUSED,
	          "revoked sub=%" PRIu32 " filter=%s: %s %s", id,
	          log_text(quoted, filter.at, filter.len), words,
	          session_words(s, who));
	session_unsubscribe(s, id);
	session_refuse(s, STATUS_REVOKED, 0, filter, "%s", words);
}

/* Drop a will that the session may no longer publish. */
static void
review_will(struct session *s)
{
	const struct slab *frame = s->will ? s->will->frame : NULL;
	char who[SESSION_WORDS_MAX];
	struct objection objection;
	enum publish_result r;
	struct publish p;

	if (!frame)
		return;
	r = publish_read(frame->data + FRAME_PREFIX_SIZE,
	                 frame->cap - FRAME_PREFIX_SIZE, &p);
	assert(r == PUBLISH_OK);
	if (!rights_object(s, &p, &objection))
		return;
	log_event(&s->broker->log, LOG_WARN, LOG_REFUSED,
	          "revoked a will: %s %s", objection.words,
	          session_words(s, who));
	session_forget_will(s);
}

static size_t
revoke_all(struct session *s)
{
	struct revoked r = { .session = s };
	uint64_t at = 0;

	if (s->state != SESSION_OPEN || s->subs.n == 0)
		return 0;
	r.ids = calloc(s->subs.n, sizeof(*r.ids));
	/* it must not keep subscriptions that may no longer be allowed */
	if (!r.ids) {
		session_fail(s, STATUS_NO_MEMORY,
		             "no memory to apply new rules");
		return 0;
	}
	while (at < SUBTABLE_END)
		at = subtable_visit(&s->subs, at, review, &r);
	for (uint32_t i = 0; i < r.n && s->state == SESSION_OPEN; i++)
		revoke(s, r.ids[i]);
	free(r.ids);
	return r.n;
}

size_t
rights_replace(struct broker *b, struct acl *acl)
{
	struct session *s, *next;
	size_t n = 0;

	b->acl = acl;
	/* routes remember which classes were admitted */
	routes_invalidate(&b->router.routes);
	TAILQ_FOREACH (s, &b->sessions, link)
		rights_assign(s);
	for (s = TAILQ_FIRST(&b->sessions); s; s = next) {
		next = TAILQ_NEXT(s, link);
		review_will(s);
		n += revoke_all(s);
	}
	return n;
}
