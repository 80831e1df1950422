/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "publish_inside.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "gate.h"
#include "hold.h"
#include "introspect.h"
#include "proto/ahead.h"
#include "report.h"
#include "throttle.h"

/* ---- the run ------------------------------------------------------------- */

struct stamp {
	uint8_t bytes[PUBLISH_STAMP_SIZE];
};

static struct stamp
stamp_of(const struct session *s)
{
	struct stamp stamp;

	store_be32(stamp.bytes, s->id);
	store_be32(stamp.bytes + 4, (uint32_t)s->peer.uid);
	return stamp;
}

/* Is the next frame one more message of the run? Its shape goes to `shape`. */
static bool
repeats(const struct publish *first, const uint8_t *frame, size_t left,
        uint32_t max_frame, struct publish_shape *shape)
{
	const uint8_t *body = frame + FRAME_PREFIX_SIZE;
	uint32_t len, head;

	if (left <= FRAME_PREFIX_SIZE || frame[0] != FRAME_MAGIC)
		return false;
	len = load_be32(frame + 1);
	if (len > max_frame || len > left - FRAME_PREFIX_SIZE ||
	    !publish_repeats(first, body, len, &head))
		return false;
	*shape = publish_shape_of(frame, first, len, head);
	return true;
}

/*
 * The run that begins with `first`, the message at the front, and continues
 * with every message that repeats it. All are stamped.
 */
static struct run
take_run(const struct session *s, const struct input *in, uint32_t body_len,
         const struct publish *first)
{
	uint32_t max_frame = s->broker->config->max_frame;
	uint8_t *at = input_frame(in) + FRAME_PREFIX_SIZE;
	const uint8_t *end = in->slab->data + in->end;
	struct stamp stamp = stamp_of(s);
	struct publish_shape shape = PUBLISH_NO_SHAPE;
	uint32_t frames = 1;

	memcpy(at + first->stamp_offset, stamp.bytes, sizeof(stamp.bytes));
	at += body_len;
	while (first->repeat) {
		size_t left = (size_t)(end - at);
		uint32_t alike = publish_count(&shape, at, left);

		if (alike == 0 && !repeats(first, at, left, max_frame, &shape))
			break;
		frames += alike;
		for (; alike > 0; alike--) {
			memcpy(at + FRAME_PREFIX_SIZE + PUBLISH_PLAIN_STAMP,
			       stamp.bytes, sizeof(stamp.bytes));
			at += shape.size;
		}
	}
	return (struct run){
		.slab = in->slab,
		.off = in->at,
		.len = (uint32_t)(at - input_frame(in)),
		.frames = frames,
	};
}

/* ---- is there room ------------------------------------------------------- */

/*
 * May the message wait for room in `o`? Only if the policy of that session is
 * to block, and never a message to an inbox or one that a session sends to
 * itself. See shed.h for the others.
 */
static bool
can_wait(const struct session *s, const struct outbox *o,
         const struct publish *p)
{
	return o->policy == OVERFLOW_BLOCK && o != &s->out &&
	       p->topic[0] != '$';
}

/* A group is full when all its members are. NULL: every group has room. */
static struct outbox *
find_full_group(const struct session *s, const struct route *route,
                const struct publish *p, struct group **of)
{
	for (uint32_t i = 0; i < route_n_groups(route); i++) {
		struct outbox *o;

		*of = route_group(route, i);
		o = group_find_full(*of, &s->out);
		if (o && can_wait(s, o, p))
			return o;
	}
	*of = NULL;
	return NULL;
}

/*
 * The first outbox that has no room, or NULL: a message goes to all or to none.
 * If the outbox stands for a group, *of is that group.
 */
static inline struct outbox *
find_full(const struct session *s, const struct route *route,
          const struct publish *p, struct group **of)
{
	*of = NULL;
	for (uint32_t i = 0; i < route_n_outboxes(route); i++) {
		struct outbox *o = route_outbox(route, i);

		if (outbox_is_full(o) && can_wait(s, o, p))
			return o;
	}
	return find_full_group(s, route, p, of);
}

static enum publish_outcome
wait_for(struct session *s, struct outbox *full, struct group *group,
         const struct publish *p, const struct route *route)
{
	if (hold_begin(s, session_of_outbox(full), group,
	               (struct text){ p->topic, p->topic_len })) {
		hold_watch(s, route);
		return PUBLISH_WAITS;
	}
	session_fail(s, STATUS_NO_MEMORY, "no memory to wait");
	return PUBLISH_FATAL;
}

/* ---- route -------------------------------------------------------------- */

static void
count_on_broker(struct broker *b, const struct run *run,
                const struct route *route)
{
	struct broker_counts *c = &b->counts;

	c->messages_in += run->frames;
	c->bytes_in += run->len;
	c->messages_out += (uint64_t)run->frames * route->n;
	c->bytes_out += (uint64_t)run->len * route->n;
	if (route->n == 0)
		c->unmatched += run->frames;
}

static void
count(struct session *s, const struct run *run, const struct route *route,
      const struct publish *p)
{
	count_on_broker(s->broker, run, route);
	s->accepted += run->frames;
	s->in_want = false;
	if (route->n == 0)
		s->unmatched += run->frames;
	if (p->reply && !(route->mark & ROUTE_HAS_RESPONDER))
		session_refuse(s, STATUS_NO_RESPONDER, 0,
		               (struct text){ p->reply, p->reply_len },
		               "nobody listens on %.*s", (int)p->topic_len,
		               p->topic);
}

/* Route a run for which every outbox has room. */
static enum publish_outcome
route_run(struct session *s, struct input *in, const struct run *run,
          const struct publish *p, const struct route *route)
{
	count(s, run, route, p);
	publish_fan_out(run, route);
	input_skip(in, run->len);
	return PUBLISH_TAKEN;
}

static enum publish_outcome
route_repeats(struct session *s, struct input *in, uint32_t body_len,
              const struct publish *p, const struct route *route)
{
	struct group *group;
	struct outbox *full = find_full(s, route, p, &group);
	struct run run;

	if (full)
		return wait_for(s, full, group, p, route);
	run = take_run(s, in, body_len, p);
	return route_run(s, in, &run, p, route);
}

/* ---- refuse, and answer ------------------------------------------------- */

static enum publish_outcome
refuse(struct session *s, struct input *in, uint32_t body_len,
       enum status status, const struct objection *objection)
{
	report_refused_publish(s, status, objection->about, objection->words);
	input_skip(in, FRAME_PREFIX_SIZE + (size_t)body_len);
	return PUBLISH_TAKEN;
}

/* Answer a request about the broker itself. No subscriber sees such a
   request. */
static enum publish_outcome
answer(struct session *s, struct input *in, uint32_t body_len,
       const struct publish *p)
{
	struct text reply = { p->reply, p->reply_len };
	struct objection objection;
	struct slab *slab;
	uint32_t len;

	if (introspect_object(s, p, &objection))
		return refuse(s, in, body_len, STATUS_DENIED, &objection);
	/* the session must read first, or its answers would be dropped */
	s->reads_first = s->out.bytes >= s->out.limits->high;
	if (s->reads_first)
		return PUBLISH_WAITS;
	slab = introspect_answer(s->broker, p, &len);
	if (slab) {
		publish_inject(s->broker, slab, 0, len);
		slab_unref(slab);
	} else {
		session_refuse(s, STATUS_LIMIT, 0, reply,
		               "no memory for an answer");
	}
	s->accepted++;
	input_skip(in, FRAME_PREFIX_SIZE + (size_t)body_len);
	return PUBLISH_TAKEN;
}

static enum publish_outcome
fail(struct session *s, enum publish_result why, const struct publish *p)
{
	char quoted[LOG_TEXT_MAX];

	switch (why) {
	case PUBLISH_BAD_TOPIC:
		session_fail(s, STATUS_BAD_TOPIC,
		             "PUBLISH: not a valid topic: %s",
		             log_text(quoted, p->topic, p->topic_len));
		break;
	case PUBLISH_BAD_REPLY:
		session_fail(s, STATUS_BAD_REPLY,
		             "PUBLISH: not a valid reply topic: %s",
		             log_text(quoted, p->reply, p->reply_len));
		break;
	case PUBLISH_BAD_FRAME:
	case PUBLISH_OK:
		session_fail(s, STATUS_BAD_FRAME, "PUBLISH: malformed");
		break;
	}
	return PUBLISH_FATAL;
}

/* ---- one message -------------------------------------------------------- */

/* Cache in the route that the session's ACL class may publish to the topic. */
static void
remember_right(const struct session *s, struct route *route, struct text topic)
{
	if (s->class_bit && !(route->admits & s->class_bit) &&
	    rights_to_publish(s, topic).ok)
		route->admits |= s->class_bit;
}

/* Like route_repeats(), for a message that is to be retained. */
static enum publish_outcome
route_retained(struct session *s, struct input *in, uint32_t body_len,
               const struct publish *p, const struct route *route)
{
	struct group *group;
	struct outbox *full = find_full(s, route, p, &group);
	const uint8_t *body = input_frame(in) + FRAME_PREFIX_SIZE;
	struct objection objection;
	struct run run;

	if (full)
		return wait_for(s, full, group, p, route);
	run = take_run(s, in, body_len, p);
	objection.about = p->reply ? (struct text){ p->reply, p->reply_len }
	                           : (struct text){ p->topic, p->topic_len };
	if (!publish_keep(s->broker, p, body, body_len, objection.words))
		return refuse(s, in, body_len, STATUS_LIMIT, &objection);
	return route_run(s, in, &run, p, route);
}

/* The slow path, when no cached route with the right was found: check
   everything. */
static enum publish_outcome
take_unknown(struct session *s, struct input *in, uint32_t body_len)
{
	const uint8_t *body = input_frame(in) + FRAME_PREFIX_SIZE;
	struct objection objection;
	enum publish_result r;
	struct route *route;
	struct publish p;

	r = publish_read(body, body_len, &p);
	if (r != PUBLISH_OK)
		return fail(s, r, &p);
	if (introspect_knows(p.topic, p.topic_len))
		return answer(s, in, body_len, &p);
	if (rights_object(s, &p, &objection))
		return refuse(s, in, body_len, STATUS_DENIED, &objection);
	route = router_find(&s->broker->router, p.topic, p.topic_len);
	if (!route) {
		session_fail(s, STATUS_NO_MEMORY, "no memory for a route");
		return PUBLISH_FATAL;
	}
	remember_right(s, route, (struct text){ p.topic, p.topic_len });
	if (p.flags & PUBLISH_FLAG_RETAIN)
		return route_retained(s, in, body_len, &p, route);
	return route_repeats(s, in, body_len, &p, route);
}

static enum publish_outcome
pause_if_spent(const struct session *s, enum publish_outcome outcome)
{
	return outcome == PUBLISH_TAKEN && broker_is_spent(s->broker)
	               ? PUBLISH_PAUSES
	               : outcome;
}

static enum publish_outcome
take_one(struct session *s, struct input *in, uint32_t body_len)
{
	const uint8_t *body = input_frame(in) + FRAME_PREFIX_SIZE;
	const struct route *route;
	struct publish p;

	/* a topic with a cached route is valid; is the right cached, too? */
	if (publish_read_plain(body, body_len, &p)) {
		route = router_recall(&s->broker->router, p.topic, p.topic_len);
		if (route && route->admits & s->class_bit)
			return route_repeats(s, in, body_len, &p, route);
	}
	return pause_if_spent(s, take_unknown(s, in, body_len));
}

/* ---- messages on several topics ----------------------------------------- */

/* The cached route of the i-th message, if the session may publish there. */
static const struct route *
known_route(const struct session *s, const struct ahead *a, uint32_t i)
{
	const struct route *route =
		ahead_route(a, i, &s->broker->router.routes);

	return route && route->admits & s->class_bit ? route : NULL;
}

/* Does the same rule of can_wait() apply to both messages? */
static bool
wait_alike(const struct publish *a, const struct publish *b)
{
	return (a->topic[0] == '$') == (b->topic[0] == '$');
}

/*
 * The run that begins with the i-th message, which is at the front, and
 * continues with those behind it that go to the same subscribers. All are
 * stamped.
 */
static struct run
take_alike(const struct session *s, const struct input *in,
           const struct ahead *a, uint32_t i, const struct route *route)
{
	struct run run = { .slab = in->slab, .off = in->at };
	const struct publish *first = &a->at[i].p;
	struct stamp stamp = stamp_of(s);
	uint8_t *at = input_frame(in);
	const struct route *other;

	do {
		memcpy(at + FRAME_PREFIX_SIZE + PUBLISH_PLAIN_STAMP,
		       stamp.bytes, sizeof(stamp.bytes));
		at += a->at[i].size;
		run.frames++;
		i++;
	} while (i < a->n && wait_alike(first, &a->at[i].p) &&
	         (other = known_route(s, a, i)) &&
	         route_leads_like(route, other));
	run.len = (uint32_t)(at - input_frame(in));
	return run;
}

/* Take the i-th message, and those behind it that go to the same
   subscribers. */
static enum publish_outcome
take_next(struct session *s, struct input *in, const struct ahead *a,
          uint32_t i, uint32_t *taken)
{
	const struct ahead_message *m = &a->at[i];
	const struct route *route = known_route(s, a, i);
	struct group *group;
	struct outbox *full;
	struct run run;

	*taken = 1;
	if (!route)
		return pause_if_spent(
			s, take_unknown(s, in, m->size - FRAME_PREFIX_SIZE));
	full = find_full(s, route, &m->p, &group);
	if (full)
		return wait_for(s, full, group, &m->p, route);
	run = take_alike(s, in, a, i, route);
	*taken = run.frames;
	return route_run(s, in, &run, &m->p, route);
}

/* Stop when the session has got an answer, because the caller has to look at
   the session before it goes on. */
static enum publish_outcome
take_several(struct session *s, struct input *in, const struct ahead *a)
{
	size_t answers = s->out.answer_bytes;
	uint32_t i = 0;

	for (;;) {
		uint32_t taken;
		enum publish_outcome outcome = take_next(s, in, a, i, &taken);

		i += taken;
		if (outcome != PUBLISH_TAKEN || i >= a->n ||
		    s->state == SESSION_ENDING ||
		    s->out.answer_bytes != answers)
			return outcome;
	}
}

/* One topic, or several? For bulk messages on one topic this is asked once per
   run. When memory is short, each topic has to pass the gate by itself. */
static enum publish_outcome
take(struct session *s, struct input *in, uint32_t body_len)
{
	const struct router *router = &s->broker->router;
	const uint8_t *end = in->slab->data + in->end;
	struct ahead a;

	if (s->broker->passing ||
	    input_length(in) == FRAME_PREFIX_SIZE + (size_t)body_len)
		return take_one(s, in, body_len);
	ahead_look(&a, &router->routes, input_frame(in), end,
	           s->broker->config->max_frame);
	if (a.n < 2)
		return take_one(s, in, body_len);
	if (a.n_unknown > 0)
		ahead_fetch(&a, &router->trie);
	return take_several(s, in, &a);
}

/* ---- through the gate ------------------------------------------------------- */

/* At most this many frames are looked at for one run while frames are
   counted. */
#define COUNTED_MAX 64u

/* The offset behind the first `frames` whole frames, or behind the last one
   that has arrived. */
static uint32_t
end_of(const struct input *in, uint32_t frames)
{
	const uint8_t *at = input_frame(in);
	const uint8_t *end = in->slab->data + in->end;

	if (frames > COUNTED_MAX)
		frames = COUNTED_MAX;
	while (frames-- > 0 && end - at >= (ptrdiff_t)FRAME_PREFIX_SIZE) {
		uint32_t len = load_be32(at + 1);

		if (len > (size_t)(end - at) - FRAME_PREFIX_SIZE)
			break;
		at += FRAME_PREFIX_SIZE + len;
	}
	return (uint32_t)(at - in->slab->data);
}

/* Take at most `most` messages, the number that the session may publish now. */
static enum publish_outcome
take_some(struct session *s, struct input *in, uint32_t body_len, uint32_t most)
{
	uint64_t before = s->accepted + s->refused;
	uint32_t end = in->end;
	enum publish_outcome outcome;

	in->end = end_of(in, most);
	outcome = take(s, in, body_len);
	in->end = end;
	throttle_take(s, (uint32_t)(s->accepted + s->refused - before));
	return outcome;
}

enum publish_outcome
publish_take(struct session *s, struct input *in, uint32_t body_len)
{
	uint32_t most;

	if (!s->broker->gated)
		return take(s, in, body_len);
	most = gate_allows(s, in, body_len);
	return most > 0 ? take_some(s, in, body_len, most) : PUBLISH_WAITS;
}

/* ---- messages of the broker --------------------------------------------- */

/* If it cannot be retained, there is nobody to refuse it to: it is still
   delivered. */
static void
keep_injected(struct broker *b, const struct publish *p, const uint8_t *body,
              uint32_t len)
{
	char why[RIGHTS_WORDS_MAX], topic[LOG_TEXT_MAX];

	if (p->flags & PUBLISH_FLAG_RETAIN &&
	    !publish_keep(b, p, body, len, why))
		log_event(&b->log, LOG_WARN, LOG_REFUSED,
		          "not retained topic=%s: %s",
		          log_text(topic, p->topic, p->topic_len), why);
}

uint32_t
publish_inject(struct broker *b, struct slab *slab, uint32_t off, uint32_t len)
{
	const uint8_t *body = slab->data + off + FRAME_PREFIX_SIZE;
	struct run run = { .slab = slab, .off = off, .len = len, .frames = 1 };
	const struct route *route;
	enum publish_result r;
	struct publish p;

	r = publish_read(body, len - FRAME_PREFIX_SIZE, &p);
	assert(r == PUBLISH_OK);
	route = router_find(&b->router, p.topic, p.topic_len);
	if (!route) {
		log_event(&b->log, LOG_WARN, LOG_MEMORY,
		          "no memory for a route, one message is lost");
		return 0;
	}
	count_on_broker(b, &run, route);
	keep_injected(b, &p, body, len - FRAME_PREFIX_SIZE);
	publish_fan_out(&run, route);
	return route->n;
}

void
publish_posted(struct broker *b)
{
	struct letter *letter;

	while ((letter = STAILQ_FIRST(&b->letters))) {
		STAILQ_REMOVE_HEAD(&b->letters, link);
		publish_inject(b, letter->frame, 0, letter->frame->cap);
		letter_free(letter);
	}
}
