/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * ctest: threads timeout=60
 *
 * One handle, many threads, and a broker that sends everything back. Run under
 * ThreadSanitizer too.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "client/handle.h"

enum { PUBLISHERS = 4 };

/* ---- a broker that echoes ----------------------------------------------- */

struct echo {
	struct fake f;
	pthread_t thread;
	unsigned accepted; /* since the last PING */
	unsigned n_frames; /* hang up after so many, if not 0 */
	unsigned n_cut;    /* connections that ended that way */
	bool subscribed;
	_Atomic bool over;
	uint8_t in[1u << 16];
	size_t n_in;
	uint8_t out[1u << 18];
	size_t n_out;
};

static void
reply(struct echo *e, const uint8_t *body, size_t n)
{
	const uint8_t prefix[] = { 0xce, 0, 0, (uint8_t)(n >> 8), (uint8_t)n };

	assert_true(e->n_out + n + 5 <= sizeof(e->out));
	memcpy(e->out + e->n_out, prefix, 5);
	memcpy(e->out + e->n_out + 5, body, n);
	e->n_out += n + 5;
}

/* A request number or token, as message_encode() writes it: its bytes. */
static size_t
number_size(uint8_t head)
{
	return head == 0xcc ? 2 : head == 0xcd ? 3 : head == 0xce ? 5 : 1;
}

/* What was asked goes back to the topic for replies: its own is left out. */
static bool
is_request(struct echo *e, const uint8_t *body, size_t n)
{
	uint8_t out[300];
	size_t at = 13 + 1u + (body[13] & 0x1f);
	size_t reply_end = at + 1u + (body[at] & 0x1f);

	if (body[at] == 0xc0)
		return false;
	assert_int_equal(body[at] & 0xe0, 0xa0);
	assert_true(n < sizeof(out));
	memcpy(out, body, 13);
	memcpy(out + 13, body + at, reply_end - at);
	out[13 + reply_end - at] = 0xc0;
	memcpy(out + 14 + reply_end - at, body + reply_end, n - reply_end);
	reply(e, out, 14 + n - at);
	return true;
}

static void
answer(struct echo *e, const uint8_t *body, size_t n)
{
	/* [2, 1, 7, 5, {"inbox": "$inbox.e.7"}] */
	static const uint8_t welcome[] = { 0x95, 2,   1,   7,   5,   0x81,
		                           0xa5, 'i', 'n', 'b', 'o', 'x',
		                           0xaa, '$', 'i', 'n', 'b', 'o',
		                           'x',  '.', 'e', '.', '7' };
	uint8_t out[64] = { 0x92, 8 };
	size_t size = n > 2 ? number_size(body[2]) : 0;

	switch (body[1]) {
	case FAKE_HELLO:
		reply(e, welcome, sizeof(welcome));
		break;
	case FAKE_SUBSCRIBE:
		e->subscribed = true;
		memcpy(out + 2, body + 2, size);
		reply(e, out, 2 + size);
		break;
	case FAKE_UNSUBSCRIBE:
		memcpy(out + 2, body + 2, size);
		reply(e, out, 2 + size);
		break;
	case FAKE_PING:
		out[0] = 0x95;
		out[1] = FAKE_PONG;
		memcpy(out + 2, body + 2, size);
		out[2 + size] = 0xce;
		for (unsigned i = 0; i < 4; i++)
			out[3 + size + i] =
				(uint8_t)(e->accepted >> (24 - 8 * i));
		e->accepted = 0;
		reply(e, out, size + 9);
		break;
	case FAKE_PUBLISH:
		e->accepted++;
		if (!is_request(e, body, n) && e->subscribed)
			reply(e, body, n);
		break;
	default:
		break;
	}
}

/* Whole frames of what came in. False: it is time to hang up. */
static bool
digest(struct echo *e)
{
	size_t at = 0;

	while (e->n_in - at >= 5) {
		size_t n = (size_t)e->in[at + 3] << 8 | e->in[at + 4];

		if (e->n_in - at - 5 < n)
			break;
		answer(e, e->in + at + 5, n);
		at += 5 + n;
		if (e->n_frames > 0 && --e->n_frames == 0) {
			e->n_cut++;
			return false;
		}
		if (e->n_out > sizeof(e->out) / 2) {
			fake_send(&e->f, e->out, e->n_out);
			e->n_out = 0;
		}
	}
	memmove(e->in, e->in + at, e->n_in - at);
	e->n_in -= at;
	return true;
}

static void
serve(struct echo *e)
{
	e->n_in = e->n_out = e->accepted = 0;
	e->subscribed = false;
	for (;;) {
		ssize_t n =
			read(e->f.fd, e->in + e->n_in, sizeof(e->in) - e->n_in);

		if (n <= 0)
			return;
		e->n_in += (size_t)n;
		if (!digest(e))
			return;
		/* whoever hung up does not want it */
		for (size_t at = 0; at < e->n_out;) {
			n = send(e->f.fd, e->out + at, e->n_out - at,
			         MSG_NOSIGNAL);
			if (n <= 0)
				return;
			at += (size_t)n;
		}
		e->n_out = 0;
	}
}

static void *
echo_main(void *arg)
{
	struct echo *e = arg;

	for (;;) {
		int fd = accept(e->f.listener, NULL, NULL);

		if (fd < 0 || atomic_load(&e->over)) {
			if (fd >= 0)
				close(fd);
			return NULL;
		}
		e->f.fd = fd;
		serve(e);
		fake_hang_up(&e->f);
		e->n_frames = 0;
	}
}

static struct echo *
echo_start(unsigned n_frames)
{
	struct echo *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	fake_start(&e->f);
	e->n_frames = n_frames;
	assert_int_equal(pthread_create(&e->thread, NULL, echo_main, e), 0);
	return e;
}

static void
echo_stop(struct echo *e)
{
	atomic_store(&e->over, true);
	shutdown(e->f.listener, SHUT_RDWR);
	pthread_join(e->thread, NULL);
	fake_stop(&e->f);
	free(e);
}

/* ---- threads that use a handle ------------------------------------------- */

struct job {
	struct umbel *c;
	pthread_t thread;
	unsigned number;
	unsigned n;
	unsigned next; /* what comes back next */
	_Atomic unsigned ended;
};

static void *
publish_all(void *arg)
{
	struct job *job = arg;
	char topic[16], text[16];

	snprintf(topic, sizeof(topic), "job.%u", job->number);
	for (unsigned i = 0; i < job->n; i++) {
		int len = snprintf(text, sizeof(text), "%u", i);

		if (i % 64 == 0)
			umbel_cork(job->c);
		assert_int_equal(umbel_publish_wait(job->c, topic, text,
		                                    (size_t)len, NULL, 20000),
		                 0);
		if (i % 64 == 63)
			umbel_uncork(job->c);
		if (i % 500 == 499)
			umbel_flush_wait(job->c, 20000);
	}
	if (job->n % 64)
		umbel_uncork(job->c);
	return NULL;
}

static void
count_end(struct umbel *c, struct umbel_sub *s, int error, void *user)
{
	struct job *job = user;

	(void)c;
	(void)s;
	(void)error;
	atomic_fetch_add(&job->ended, 1);
}

static void
ignore(struct umbel *c, const struct umbel_msg *m, void *user)
{
	(void)c;
	(void)m;
	(void)user;
}

static void *
come_and_go(void *arg)
{
	static const char *const filters[] = { "job.*", "job.1", "**" };
	struct job *job = arg;

	for (unsigned i = 0; i < job->n; i++) {
		struct umbel_sub *s;
		struct umbel_stats stats;

		assert_int_equal(
			umbel_subscribe(job->c, filters[i % 3], ignore, job,
		                        UMBEL_SUB_OPTIONS(.on_end = count_end),
		                        &s),
			0);
		umbel_get_stats(job->c, &stats, sizeof(stats));
		assert_int_equal(umbel_unsubscribe(job->c, s), 0);
		if (i % 50 == 0)
			assert_non_null(umbel_last_error(job->c));
	}
	return NULL;
}

static struct job jobs[PUBLISHERS + 1];
static unsigned n_back;
static unsigned n_expected;

static void
on_back(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct job *job = &jobs[umbel_msg_topic(m)[4] - '0'];
	char text[16];
	size_t len;
	const char *data = umbel_msg_data(m, &len);

	(void)user;
	snprintf(text, sizeof(text), "%.*s", (int)len, data);
	/* in order, and none twice; over a broken connection some are lost */
	assert_true((unsigned)atoi(text) >= job->next);
	job->next = (unsigned)atoi(text) + 1;
	if (++n_back == n_expected)
		umbel_stop(c);
}

static struct umbel *
start_jobs(struct echo *e, unsigned n)
{
	struct umbel *c;

	memset(jobs, 0, sizeof(jobs));
	n_back = 0;
	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.address = e->f.path,
	                                             .retry_first_ms = 1,
	                                             .retry_last_ms = 2,
	                                             .buffer = 20000)),
	                 0);
	assert_int_equal(umbel_subscribe(c, "job.*", on_back, NULL, NULL, NULL),
	                 0);
	assert_int_equal(umbel_connect(c, 20000), 0);
	for (unsigned i = 0; i <= PUBLISHERS; i++) {
		jobs[i].c = c;
		jobs[i].number = i;
		jobs[i].n = n;
		pthread_create(&jobs[i].thread, NULL,
		               i < PUBLISHERS ? publish_all : come_and_go,
		               &jobs[i]);
	}
	return c;
}

static void
join_jobs(void)
{
	for (unsigned i = 0; i <= PUBLISHERS; i++)
		pthread_join(jobs[i].thread, NULL);
}

static void *
run_until_stopped(void *arg)
{
	assert_int_equal(umbel_run(arg), 0);
	return NULL;
}

TEST(what_each_thread_publishes_comes_back_whole_and_in_its_order)
{
	unsigned n = rounds(5000);
	struct echo *e = echo_start(0);
	struct umbel_stats stats;
	struct umbel *c;

	n_expected = n * PUBLISHERS;
	c = start_jobs(e, n);
	run_until_stopped(c);
	join_jobs();
	assert_int_equal(umbel_flush_wait(c, 20000), 0);
	for (unsigned i = 0; i < PUBLISHERS; i++)
		assert_int_equal(jobs[i].next, n);
	umbel_get_stats(c, &stats, sizeof(stats));
	assert_int_equal(stats.published, n_expected);
	assert_int_equal(stats.confirmed, n_expected);
	assert_int_equal(stats.received, n_expected);
	while (atomic_load(&jobs[PUBLISHERS].ended) < n)
		umbel_dispatch(c, 10);
	assert_int_equal(umbel_close(c, 1000), 0);
	echo_stop(e);
}

TEST(threads_outlive_a_broker_that_hangs_up_on_them)
{
	unsigned n = rounds(2500);
	struct echo *e = echo_start(n);
	struct umbel_stats stats;
	pthread_t loop;
	struct umbel *c;

	n_expected = 0;
	c = start_jobs(e, n);
	pthread_create(&loop, NULL, run_until_stopped, c);
	join_jobs();
	umbel_flush_wait(c, 20000);
	umbel_stop(c);
	pthread_join(loop, NULL);
	assert_int_equal(umbel_flush_wait(c, 20000), 0);
	umbel_get_stats(c, &stats, sizeof(stats));
	assert_true(stats.reconnects >= 1);
	assert_int_equal(stats.published, n * PUBLISHERS);
	assert_int_equal(stats.confirmed + stats.unconfirmed, stats.published);
	umbel_free(c);
	echo_stop(e);
}

TEST(without_a_dispatching_thread_the_waiting_ones_take_turns)
{
	unsigned n = rounds(2000);
	struct echo *e = echo_start(0);
	struct umbel *c;

	n_expected = 0;
	c = start_jobs(e, n);
	join_jobs();
	assert_int_equal(umbel_flush_wait(c, 20000), 0);
	assert_int_equal(umbel_close(c, 20000), 0);
	echo_stop(e);
}

/* ---- one that passes by ------------------------------------------------------- */

struct visit {
	struct umbel *c;
	struct fake f;
	_Atomic bool inside, seen;
};

static void
on_hold_linger(struct umbel *c, const struct umbel_hold_info *info, void *user)
{
	struct visit *v = user;

	(void)c;
	(void)info;
	atomic_store(&v->inside, true);
	while (!atomic_load(&v->seen))
		sched_yield();
	for (int i = 0; i < 1000; i++) /* so that the other one meets us */
		sched_yield();
}

static void *
pass_by(void *arg)
{
	struct visit *v = arg;

	while (!atomic_load(&v->inside)) {
		assert_int_equal(
			umbel_publish_wait(v->c, "a", "x", 1, NULL, 5000), 0);
		assert_string_equal(fake_read_publish(&v->f), "x");
	}
	return NULL;
}

TEST(who_dispatches_lets_one_finish_that_only_hears_what_is_overdue)
{
	struct visit v = { 0 };
	pthread_t thread;

	fake_start(&v.f);
	v.c = connected(&v.f,
	                UMBEL_OPTIONS(.on_hold = on_hold_linger, .user = &v));
	/* held by session 9, "n", on topic "t" */
	FAKE_SEND_BODY(&v.f, 0x95, 13, 0xc3, 9, 0xa1, 'n', 0xa1, 't');
	pthread_create(&thread, NULL, pass_by, &v);
	while (!atomic_load(&v.inside))
		sched_yield();
	/* but not if it has no time */
	assert_int_equal(umbel_dispatch(v.c, 0), 0);
	atomic_store(&v.seen, true);
	assert_true(umbel_dispatch(v.c, 1) >= 0);
	pthread_join(thread, NULL);
	umbel_free(v.c);
	fake_stop(&v.f);
}

static void *
ask_one(void *arg)
{
	struct umbel_msg *m;

	assert_int_equal(
		umbel_request_wait(arg, "ask", "?", 1, NULL, 20000, &m), 0);
	umbel_msg_unref(m);
	return NULL;
}

static void
stop_here(struct umbel *c, const struct umbel_msg *m, void *user)
{
	(void)m;
	(void)user;
	umbel_stop(c);
}

/* Has anybody the role of dispatcher? */
static bool
is_dispatched(struct umbel *c)
{
	bool is;

	handle_lock(c);
	is = c->dispatcher != 0;
	handle_unlock(c);
	return is;
}

TEST(who_waits_for_a_reply_makes_way_for_the_one_who_dispatches)
{
	struct fake_request r;
	pthread_t thread;
	struct umbel *c;
	struct fake f;

	fake_start(&f);
	c = connected(&f, UMBEL_OPTIONS(.name = "me"));
	umbel_subscribe(c, "a", stop_here, NULL, NULL, NULL);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_send_ok(&f, 1);
	pthread_create(&thread, NULL, ask_one, c);
	fake_read_type(&f, FAKE_SUBSCRIBE);
	fake_send_ok(&f, 2);
	r = fake_read_request(&f);
	while (!is_dispatched(c))
		sched_yield();
	umbel_stop(c);
	assert_int_equal(umbel_run(c), 0);
	assert_int_equal(umbel_dispatch(c, 1), 0);
	fake_send_publish(&f, "a", "x", 1); /* to either of the two */
	assert_int_equal(umbel_run(c), 0);
	fake_send_publish(&f, r.reply, "!", 1);
	pthread_join(thread, NULL);
	umbel_free(c);
	fake_stop(&f);
}

/* ---- threads that ask ---------------------------------------------------------- */

struct asker {
	struct umbel *c;
	pthread_t thread;
	unsigned n;
	_Atomic unsigned n_asked; /* those that are called back */
	_Atomic unsigned n_called;
	_Atomic unsigned n_replies;
	_Atomic unsigned n_cancelled;
	unsigned n_waited_for; /* replies, in the asking thread */
};

static void
on_reply(struct umbel *c, const struct umbel_reply_info *info, void *user)
{
	struct asker *a = user;

	(void)c;
	atomic_fetch_add(&a->n_called, 1);
	if (info->msg)
		atomic_fetch_add(&a->n_replies, 1);
	else
		assert_true(info->error == -ECANCELED ||
		            info->error == -ETIMEDOUT ||
		            info->error == -ECONNRESET);
}

static void
ask_and_wait(struct asker *a, unsigned i)
{
	struct umbel_msg *m;
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", i);
	int r = umbel_request_wait(a->c, "ask", text, (size_t)len, NULL, 20000,
	                           &m);

	if (r < 0) {
		assert_int_equal(r, -ECONNRESET);
		return;
	}
	assert_memory_equal(umbel_msg_data(m, NULL), text, (size_t)len);
	umbel_msg_unref(m);
	a->n_waited_for++;
}

static void *
ask_all(void *arg)
{
	struct asker *a = arg;
	struct umbel_msg *m;
	uint64_t id;
	int r;

	for (unsigned i = 0; i < a->n; i++) {
		if (i % 8 == 0)
			ask_and_wait(a, i);
		if (i % 50 == 0)
			umbel_request_wait(a->c, "ask", "", 0, NULL, 0, &m);
		if (i % 50 == 0)
			umbel_msg_unref(m);
		r = umbel_request_opts(
			a->c, "ask", "x", 1, on_reply, a,
			UMBEL_REQUEST_OPTIONS(.id = &id,
		                              .timeout_ms = i % 5 ? 20000 : 1));
		if (r == -EAGAIN) {
			umbel_flush_wait(a->c, 20000);
			continue;
		}
		assert_int_equal(r, 0);
		atomic_fetch_add(&a->n_asked, 1);
		if (i % 7 == 0 && umbel_cancel(a->c, id) == 0)
			atomic_fetch_add(&a->n_cancelled, 1);
	}
	return NULL;
}

static void
ask_in_threads(unsigned n_frames, bool with_loop)
{
	struct asker askers[PUBLISHERS] = { { 0 } };
	struct echo *e = echo_start(n_frames);
	pthread_t loop;
	struct umbel *c;

	assert_int_equal(umbel_new(&c, UMBEL_OPTIONS(.address = e->f.path,
	                                             .retry_first_ms = 1,
	                                             .retry_last_ms = 2,
	                                             .buffer = 20000)),
	                 0);
	assert_int_equal(umbel_connect(c, 20000), 0);
	if (with_loop)
		pthread_create(&loop, NULL, run_until_stopped, c);
	for (unsigned i = 0; i < PUBLISHERS; i++) {
		askers[i].c = c;
		askers[i].n = rounds(1000);
		pthread_create(&askers[i].thread, NULL, ask_all, &askers[i]);
	}
	for (unsigned i = 0; i < PUBLISHERS; i++)
		pthread_join(askers[i].thread, NULL);
	if (with_loop) {
		umbel_stop(c);
		pthread_join(loop, NULL);
	}
	for (unsigned i = 0; i < PUBLISHERS; i++) {
		struct asker *a = &askers[i];

		while (a->n_called < a->n_asked)
			assert_true(umbel_dispatch(c, 20000) > 0);
		assert_int_equal(a->n_called, a->n_asked);
		assert_true(n_frames > 0 || a->n_waited_for > 0);
	}
	assert_int_equal(umbel_dispatch(c, 0), 0);
	umbel_free(c);
	echo_stop(e);
}

TEST(every_request_of_every_thread_is_called_back_once)
{
	ask_in_threads(0, true);
}

TEST(so_it_is_when_those_that_wait_dispatch)
{
	ask_in_threads(0, false);
}

TEST(so_it_is_when_the_broker_hangs_up)
{
	ask_in_threads(rounds(1000), true);
}

/* ---- a handle of one thread -------------------------------------------------- */

struct stranger {
	struct umbel *c;
	int publish, dispatch, subscribe;
	const char *address;
	struct umbel_stats stats;
};

static void *
be_a_stranger(void *user)
{
	struct stranger *s = user;

	s->publish = umbel_publish(s->c, "a", "x", 1);
	s->dispatch = umbel_dispatch(s->c, 0);
	s->subscribe = umbel_subscribe(s->c, "a", NULL, NULL, NULL, NULL);
	s->address = umbel_address(s->c);
	umbel_get_stats(s->c, &s->stats, sizeof(s->stats));
	umbel_stop(s->c);
	return NULL;
}

static void
a_handle_of_one_thread_refuses_all_others_but_for_stop(void **state)
{
	struct umbel_options options;
	struct umbel_stats stats;
	struct stranger s;
	pthread_t thread;

	(void)state;
	umbel_options_init(&options);
	options.address = "/nonexistent/umbel.sock";
	options.single_thread = true;
	assert_int_equal(umbel_new(&s.c, &options), 0);
	assert_int_equal(umbel_publish(s.c, "a", "mine", 4), 0);

	assert_int_equal(pthread_create(&thread, NULL, be_a_stranger, &s), 0);
	pthread_join(thread, NULL);
	assert_int_equal(s.publish, -EPERM);
	assert_int_equal(s.dispatch, -EPERM);
	assert_int_equal(s.subscribe, -EPERM);
	assert_null(s.address);
	assert_int_equal(s.stats.published, 0);

	assert_int_equal(umbel_run(s.c), 0); /* stop was heard */
	umbel_get_stats(s.c, &stats, sizeof(stats));
	assert_int_equal(stats.published, 1);
	umbel_free(s.c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_handle_of_one_thread_refuses_all_others_but_for_stop),
		cmocka_unit_test(
			what_each_thread_publishes_comes_back_whole_and_in_its_order),
		cmocka_unit_test(
			threads_outlive_a_broker_that_hangs_up_on_them),
		cmocka_unit_test(
			without_a_dispatching_thread_the_waiting_ones_take_turns),
		cmocka_unit_test(
			who_dispatches_lets_one_finish_that_only_hears_what_is_overdue),
		cmocka_unit_test(
			who_waits_for_a_reply_makes_way_for_the_one_who_dispatches),
		cmocka_unit_test(
			every_request_of_every_thread_is_called_back_once),
		cmocka_unit_test(so_it_is_when_those_that_wait_dispatch),
		cmocka_unit_test(so_it_is_when_the_broker_hangs_up),
	};

	return RUN(tests);
}
