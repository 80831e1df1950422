/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * A message begins with 8 bytes: its number in its lane, whether it is the last
 * one, or that it is a probe. Probes are sent until every subscriber has seen
 * one; only then does anybody start, and what comes of them later is ignored.
 *
 * A system that does not slow its publishers down gets the same help as every
 * other such system: at most WINDOW_BYTES of messages are under way to any
 * subscriber; subscribers tell in shared memory how far they are.
 */
#include "stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "util.h"

#define LAST         (UINT64_C(1) << 63)
#define PROBE        UINT64_MAX
#define WARM_UP      (UINT64_MAX - 1)
#define TOPIC_SIZE   48
#define BATCH_BYTES  ((size_t)64 << 10)
#define WINDOW_BYTES ((size_t)1 << 20)
#define WINDOW_MIN   16u
#define WINDOW_MAX   16384u
#define STRIDE       7368787u /* a prime: visits every topic once */
#define CHOSEN_AHEAD 8u

enum reached { NOBODY, SUBSCRIBED, PROBED }; /* slot.reached */

static unsigned
at_least_one(unsigned n)
{
	return n > 0 ? n : 1;
}

static unsigned
n_subscribers(const struct stream *s)
{
	return at_least_one(s->n_publishers) * at_least_one(s->n_lanes) *
	       at_least_one(s->n_listeners);
}

static uint64_t
window_of(const struct run *r, const struct stream *s)
{
	size_t n = WINDOW_BYTES / s->payload;

	if (r->adapter->holds_back)
		return UINT64_MAX;
	return n < WINDOW_MIN ? WINDOW_MIN : n > WINDOW_MAX ? WINDOW_MAX : n;
}

static void
name_topic(const struct run *r, char *name, unsigned publisher, unsigned i,
           const char *tail)
{
	snprintf(name, TOPIC_SIZE, "bench.%u.%u%s", publisher, i,
	         tail ? tail : "");
	if (r->adapter->respell)
		r->adapter->respell(name);
}

/* ---- a subscriber -------------------------------------------------------- */

struct subscriber {
	struct audience *audience;
	struct client *client;
	uint64_t next;    /* the number that is due */
	uint64_t tell_at; /* when to say how far we are */
	uint64_t tell_each;
	size_t payload;
	uint64_t skipped; /* numbers that went to others of the group */
	bool grouped;
	bool probed;
	bool done;
};

/* The subscribers of one process, nearly always one. */
struct audience {
	const struct adapter *adapter;
	struct slot *slot;
	struct subscriber *subscribers;
	unsigned n;
	int epoll; /* of their descriptors, if there are several */
	unsigned n_probed;
	_Atomic unsigned n_done;
};

static void
tell_progress(struct subscriber *s)
{
	struct slot *slot = s->audience->slot;

	s->tell_at += s->tell_each;
	slot->n_received = (uint32_t)s->next;
	if (slot->awaited)
		word_wake(&slot->n_received);
}

static void
on_probe(struct subscriber *s)
{
	struct audience *a = s->audience;

	if (s->probed)
		return;
	s->probed = true;
	if (++a->n_probed < a->n)
		return;
	a->slot->reached = PROBED;
	word_wake(&a->slot->reached);
}

static void
on_last(struct subscriber *s)
{
	struct slot *slot = s->audience->slot;

	s->next++;
	s->done = true;
	slot->n_messages += s->next - s->skipped;
	slot->last_ns = now_ns();
	s->audience->n_done++;
}

/* Those before `number` went to others of the group. */
static void
skip_to(struct subscriber *s, uint64_t number)
{
	s->skipped += number - s->next;
	s->next = number;
}

static void
on_unusual(struct subscriber *s, uint64_t number)
{
	if (number == PROBE) {
		on_probe(s);
		return;
	}
	if (number == WARM_UP)
		return;
	if (s->grouped && (number & ~LAST) > s->next)
		skip_to(s, number & ~LAST);
	if (number == s->next)
		s->next++;
	else if (number == (s->next | LAST) && !s->done)
		on_last(s);
	else
		die("message %llu came when %llu was due",
		    (unsigned long long)(number & ~LAST),
		    (unsigned long long)s->next);
}

static void
on_message(void *user, const void *data, size_t len)
{
	struct subscriber *s = user;
	uint64_t number = 0;

	if (len != s->payload)
		die("a message has %zu bytes, not %zu", len, s->payload);
	memcpy(&number, data, sizeof(number));
	if (number != s->next) {
		on_unusual(s, number);
		return;
	}
	s->next++;
	if (s->next == s->tell_at)
		tell_progress(s);
}

static void
subscribe_all(struct actor *me, struct subscriber *sub)
{
	const struct adapter *a = me->run->adapter;
	const struct stream *s = me->task;
	unsigned lane = me->part / at_least_one(s->n_listeners);
	unsigned n_lanes = at_least_one(s->n_lanes);
	char filter[TOPIC_SIZE];

	sub->client = a->connect(
		me->run->dir, &(struct client){ .on_message = on_message,
	                                        .user = sub,
	                                        .bulk = true,
	                                        .one_thread = s->one_thread });
	for (unsigned i = lane % n_lanes; i < at_least_one(s->n_topics);
	     i += n_lanes) {
		name_topic(me->run, filter, lane / n_lanes, i, s->filter_tail);
		if (s->group)
			a->join(sub->client, filter, s->group);
		else
			a->subscribe(sub->client, filter);
	}
	if (s->group) { /* what all are to know */
		name_topic(me->run, filter, lane / n_lanes,
		           at_least_one(s->n_topics), NULL);
		a->subscribe(sub->client, filter);
	}
	if (a->start)
		a->start(sub->client);
}

static void
audience_init(struct audience *a, struct actor *me)
{
	const struct stream *s = me->task;
	uint64_t window = window_of(me->run, s);

	*a = (struct audience){ .adapter = me->run->adapter,
		                .slot = me->slot,
		                .n = at_least_one(s->n_clients),
		                .epoll = epoll_create1(EPOLL_CLOEXEC) };
	a->subscribers = must_alloc(a->n * sizeof(a->subscribers[0]));
	for (unsigned i = 0; i < a->n; i++) {
		a->subscribers[i] = (struct subscriber){
			.audience = a,
			.tell_each = window / 8,
			.tell_at = window / 8,
			.payload = s->payload,
			.grouped = s->group != NULL,
		};
		subscribe_all(me, &a->subscribers[i]);
	}
	for (unsigned i = 0; i < a->n; i++)
		a->adapter->sync(a->subscribers[i].client);
	for (unsigned i = 0; i < a->n && a->n > 1; i++) {
		struct client *c = a->subscribers[i].client;
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

		if (epoll_ctl(a->epoll, EPOLL_CTL_ADD, a->adapter->fd(c), &e) <
		    0)
			die("epoll_ctl: %s", strerror(errno));
	}
}

static void
audience_receive(struct audience *a)
{
	struct epoll_event events[64];
	int n;

	if (a->n == 1) {
		a->adapter->receive(a->subscribers[0].client, 1000);
		return;
	}
	n = epoll_wait(a->epoll, events, 64, 1000);
	for (int i = 0; i < n; i++)
		a->adapter->receive(events[i].data.ptr, 0);
}

static void
subscribe_and_check(struct actor *me)
{
	struct audience a;

	actor_name("subscriber");
	audience_init(&a, me);
	me->slot->reached = SUBSCRIBED;
	word_wake(&me->slot->reached);
	while (me->slot->reached != PROBED)
		audience_receive(&a);
	actor_ready(me);
	while (a.n_done < a.n)
		audience_receive(&a);
	actor_done(me);
}

/* ---- a publisher --------------------------------------------------------- */

struct publisher {
	const struct adapter *adapter;
	struct client *client;
	const struct stream *stream;
	struct slot *listeners; /* of its lanes, one after the other */
	unsigned n_listeners;   /* ... of each */
	unsigned n_lanes;
	unsigned n_topics;
	char (*topics)[TOPIC_SIZE];
	char *payload;
	uint64_t *sent; /* per lane */
	uint64_t window;
	uint64_t limit;  /* most messages */
	unsigned topic;  /* the one last chosen */
	uint64_t random; /* state */
	unsigned chosen[CHOSEN_AHEAD];
	unsigned n_chosen;
};

static void
send_number(struct publisher *p, unsigned topic, uint64_t number)
{
	memcpy(p->payload, &number, sizeof(number));
	p->adapter->publish(p->client, p->topics[topic], p->payload,
	                    p->stream->payload);
}

/* What is not for one of a group has a topic of its own there. */
static unsigned
topic_for_all(const struct publisher *p, unsigned topic)
{
	return p->stream->group ? p->n_topics : topic;
}

static void
await_subscriptions(struct publisher *p)
{
	for (unsigned i = 0; i < p->n_lanes * p->n_listeners; i++)
		while (p->listeners[i].reached == NOBODY)
			word_await(&p->listeners[i].reached, NOBODY, 1000);
}

static void
probe(struct publisher *p)
{
	for (unsigned i = 0; i < p->n_lanes * p->n_listeners; i++) {
		unsigned lane = i / p->n_listeners;
		struct slot *s = &p->listeners[i];

		while (s->reached != PROBED) {
			send_number(p,
			            topic_for_all(p, p->n_topics - p->n_lanes +
			                                     lane),
			            PROBE);
			p->adapter->flush(p->client);
			word_await(&s->reached, SUBSCRIBED, 5);
		}
	}
}

static unsigned
next_topic(struct publisher *p)
{
	unsigned n = p->n_topics;

	switch (p->stream->order) {
	case ORDER_TURN:
		p->topic = p->topic + 1 < n ? p->topic + 1 : 0;
		break;
	case ORDER_RANDOM:
		p->random ^= p->random << 13;
		p->random ^= p->random >> 7;
		p->random ^= p->random << 17;
		p->topic = (unsigned)((p->random >> 32) * n >> 32);
		break;
	case ORDER_ONCE:
		p->topic = (unsigned)((p->topic + (uint64_t)STRIDE) % n);
		break;
	}
	return p->topic;
}

/* What may be sent to the slowest before it has to be asked again. */
static uint64_t
room_at(struct publisher *p, unsigned listener)
{
	uint64_t sent = p->sent[listener / p->n_listeners];
	uint32_t behind = (uint32_t)sent - p->listeners[listener].n_received;

	return behind < p->window ? p->window - behind : 0;
}

static uint64_t
wait_for_room(struct publisher *p)
{
	uint64_t least = p->window;

	if (p->window == UINT64_MAX)
		return UINT64_MAX;
	for (unsigned i = 0; i < p->n_lanes * p->n_listeners; i++) {
		struct slot *s = &p->listeners[i];
		uint64_t room;

		while ((room = room_at(p, i)) == 0) {
			uint32_t known = s->n_received;

			p->adapter->flush(p->client);
			s->awaited = 1;
			if (room_at(p, i) == 0)
				word_await(&s->n_received, known, 1000);
			s->awaited = 0;
		}
		if (room < least)
			least = room;
	}
	return least;
}

static unsigned
lane_of(const struct publisher *p, unsigned topic)
{
	return p->n_lanes == 1 ? 0 : topic % p->n_lanes;
}

/* A table of many topics is in no cache; to wait for it is not what is
   measured, so each is chosen and fetched some messages before its turn. */
static unsigned
choose_topic(struct publisher *p)
{
	unsigned *place = &p->chosen[p->n_chosen++ % CHOSEN_AHEAD];
	unsigned topic = *place;

	*place = next_topic(p);
	__builtin_prefetch(p->topics[*place]);
	return topic;
}

static void
publish_some(struct publisher *p, uint64_t n)
{
	while (n-- > 0) {
		unsigned topic = p->n_topics == 1 ? 0 : choose_topic(p);

		send_number(p, topic, p->sent[lane_of(p, topic)]++);
	}
}

static void
publish_all(struct publisher *p, uint64_t until_ns)
{
	size_t batch = BATCH_BYTES / p->stream->payload + 1;
	uint64_t left = p->limit;

	while (left > 0 && now_ns() <= until_ns) {
		uint64_t n = wait_for_room(p);

		n = n < batch ? n : batch;
		n = n < left ? n : left;
		publish_some(p, n);
		left -= n;
	}
	for (unsigned lane = 0; lane < p->n_lanes; lane++)
		send_number(p, topic_for_all(p, lane), p->sent[lane] | LAST);
	p->adapter->flush(p->client);
}

static uint64_t
limit_of(const struct run *r, const struct stream *s)
{
	if (s->limit > 0)
		return s->limit;
	return r->limit > 0 ? r->limit : UINT64_MAX;
}

static void
publisher_init(struct publisher *p, struct actor *me)
{
	const struct stream *s = me->task;

	*p = (struct publisher){
		.adapter = me->run->adapter,
		.stream = s,
		.n_listeners = at_least_one(s->n_listeners),
		.n_lanes = at_least_one(s->n_lanes),
		.n_topics = at_least_one(s->n_topics),
		.payload = must_alloc(s->payload),
		.window = window_of(me->run, s),
		.limit = limit_of(me->run, s),
		.random = 88172645463325252u,
	};
	p->sent = must_alloc(p->n_lanes * sizeof(p->sent[0]));
	p->listeners = &me->run->slots[me->part * p->n_lanes * p->n_listeners];
	p->topics = must_alloc((p->n_topics + 1) * sizeof(p->topics[0]));
	for (unsigned i = 0; i < p->n_topics; i++)
		name_topic(me->run, p->topics[i], me->part, i, s->topic_tail);
	name_topic(me->run, p->topics[p->n_topics], me->part, p->n_topics,
	           NULL);
	for (unsigned i = 0; i < CHOSEN_AHEAD; i++)
		choose_topic(p);
	p->client = p->adapter->connect(
		me->run->dir,
		&(struct client){ .bulk = true, .one_thread = s->one_thread });
}

/* From now on locks are what they cost in a program with threads. */
static void *
idle(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

static void
start_idle_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, idle, NULL) != 0)
		die("no thread");
}

static void
publish(struct actor *me)
{
	struct publisher p;
	uint64_t until = UINT64_MAX;

	actor_name("publisher");
	publisher_init(&p, me);
	if (p.stream->threaded)
		start_idle_thread();
	await_subscriptions(&p);
	for (unsigned i = 0; i < p.n_topics && p.stream->warm_up; i++)
		send_number(&p, i, WARM_UP);
	probe(&p);
	actor_ready(me);
	me->slot->first_ns = now_ns();
	if (p.limit == UINT64_MAX)
		until = me->slot->first_ns + (uint64_t)(me->run->seconds * 1e9);
	publish_all(&p, until);
	me->slot->n_messages = p.sent[0];
	actor_done(me);
}

/* ---- all of them --------------------------------------------------------- */

unsigned
stream_n_actors(const struct stream *s)
{
	return n_subscribers(s) + at_least_one(s->n_publishers);
}

void
stream_add(struct run *r, const struct stream *s)
{
	for (unsigned i = 0; i < n_subscribers(s); i++)
		run_add(r, subscribe_and_check, s, i);
	for (unsigned i = 0; i < at_least_one(s->n_publishers); i++)
		run_add(r, publish, s, i);
}

static double
n_deliveries(const struct run *r, const struct stream *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < n_subscribers(s); i++)
		n += r->slots[i].n_messages;
	return (double)n;
}

static double
rate(const struct run *r, const struct stream *s)
{
	unsigned n = n_subscribers(s);
	uint64_t first = UINT64_MAX, last = 0;

	for (unsigned i = 0; i < n; i++)
		if (r->slots[i].last_ns > last)
			last = r->slots[i].last_ns;
	for (unsigned i = n; i < n + at_least_one(s->n_publishers); i++)
		if (r->slots[i].first_ns < first)
			first = r->slots[i].first_ns;
	return n_deliveries(r, s) * 1e9 / (double)(last - first);
}

static double
cpu_of(const struct run *r, unsigned from, unsigned to)
{
	uint64_t ns = 0;

	for (unsigned i = from; i < to; i++)
		ns += r->slots[i].cpu_ns;
	return (double)ns;
}

void
stream_values(const struct run *r, const struct stream *s, double *values)
{
	/* nanoseconds of all of them, to seconds of a million */
	double scale = 1e-3 / n_deliveries(r, s);
	unsigned n = n_subscribers(s);

	values[0] = rate(r, s);
	values[1] = (double)r->cpu_ns * scale;
	values[2] = cpu_of(r, n, n + at_least_one(s->n_publishers)) * scale;
	values[3] = cpu_of(r, 0, n) * scale;
	values[4] = (double)memory_of(r->server, "VmHWM:");
}

/* All of a group together: each message once, and all of them the last one. */
static bool
group_is_complete(const struct run *r, const struct stream *s)
{
	unsigned n = n_subscribers(s);
	uint64_t sent = r->slots[n].n_messages;
	double got = n_deliveries(r, s) - n;

	if (got != (double)sent)
		fprintf(stderr, "a group got %.0f of %llu messages\n", got,
		        (unsigned long long)sent);
	return got == (double)sent;
}

int
stream_measure_with(struct run *r, const struct stream *s, double *values,
                    unsigned n_others, void (*add)(struct run *r))
{
	if (run_begin(r, stream_n_actors(s) + n_others) < 0)
		return -1;
	stream_add(r, s);
	if (add)
		add(r);
	if (run_start(r) < 0 || run_finish(r) < 0)
		return -1;
	stream_values(r, s, values);
	return s->group && !group_is_complete(r, s) ? -1 : 0;
}

int
stream_measure(struct run *r, const void *shape, double *values)
{
	return stream_measure_with(r, shape, values, 0, NULL);
}
