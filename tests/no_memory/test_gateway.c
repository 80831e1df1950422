/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * The HTTP gateway when the k-th allocation of a scripted run fails, for every
 * k: who could not be served sees an answer that says so, or the end of its
 * stream, and nothing is left of it.
 *
 * ctest: timeout=60
 */
#include <limits.h>

#include "gateways.h"
#include "no_memory.h"
#include "unit.h"

static const char *const script[] = {
	"GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n",
	GET("/metrics"),
	GET("/sessions"),
	GET("/topics"),
	GET("/nowhere"),
	"PUT /topics/a HTTP/1.1\r\nHost: x\r\n\r\n",
	POST("/topics/a"),
	POST("/topics/b?retain=1") GET("/topics/b"),
	"POST /topics/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	"3\r\nabc\r\n0\r\n\r\n",
	POST("/requests/nobody"),
	POST("/requests/a?timeout=3600"),
	POST("/requests/$SYS.broker.info"),
	GET("/subscribe?filter=*&filter=b&retained=1"),
	GET("/subscribe?filter=a&group=g"),
	POST("/topics/a") POST("/topics/$denied") POST("/topics/$denied"),
};
#define N_ENDS COUNT(script)

struct run {
	struct gate t;
	struct client *c; /* subscribes to a, and reads */
	struct client *filler;
	int fds[N_ENDS];
	char got[N_ENDS][64]; /* of what came first */
	size_t n_got[N_ENDS];
	bool eof[N_ENDS];
};

/* What the gateway does here may fail; what the test does may not. */
static void
turn(struct run *r)
{
	for (int i = 0; i < 10; i++) {
		no_memory_begin();
		event_base_loop(r->t.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		gateway_end_turn(&r->t.g);
		publish_posted(&r->t.rig.broker);
		no_memory_end();
	}
	if (r->c->session.state == SESSION_OPEN)
		client_reads_all(r->c);
}

static void
come(struct run *r, size_t i)
{
	int fds[2], taken;

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	no_memory_begin();
	taken = admission_let_in(&r->t.rig.broker, gateway_carrier(&r->t.g),
	                         fds[0], NULL);
	no_memory_end();
	r->fds[i] = fds[1];
	if (taken < 0)
		close(fds[0]);
	(void)send(r->fds[i], script[i], strlen(script[i]), MSG_NOSIGNAL);
	turn(r);
}

static void
read_all(struct run *r)
{
	static char buf[65536];

	for (size_t i = 0; i < N_ENDS; i++) {
		ssize_t n = recv(r->fds[i], buf, sizeof(buf), MSG_DONTWAIT);

		for (; n > 0;
		     n = recv(r->fds[i], buf, sizeof(buf), MSG_DONTWAIT)) {
			size_t room = sizeof(r->got[i]) - 1 - r->n_got[i];
			size_t part = (size_t)n < room ? (size_t)n : room;

			memcpy(r->got[i] + r->n_got[i], buf, part);
			r->n_got[i] += part;
			turn(r);
		}
		r->eof[i] |= n == 0 || errno != EAGAIN;
	}
}

static void
step(struct run *r, uint64_t ms)
{
	rig_step(&r->t.rig, ms);
	turn(r);
}

static void
begin(struct run *r)
{
	memset(r, 0, sizeof(*r));
	gate_init(&r->t);
	r->c = client_open_on(&r->t.rig, "c", "a");
	r->filler = client_open(&r->t.rig, "filler", 1000);
}

static void
run_script(struct run *r)
{
	for (size_t i = 0; i < N_ENDS; i++)
		come(r, i);
	read_all(r);
}

/* An answer or the end; but for who awaits a reply that is lost, or does not
   come: that takes its time, which nobody steps. */
static void
expect_answers(struct run *r)
{
	for (size_t i = 0; i < N_ENDS; i++) {
		if (strstr(script[i], "/requests/") && r->n_got[i] == 0)
			continue;
		if (r->n_got[i] > 0)
			assert_begins(r->got[i], "HTTP/1.1 ");
		else if (!r->eof[i])
			fail_msg("no answer and no end: %s", script[i]);
	}
}

static void
end(struct run *r)
{
	for (size_t i = 0; i < N_ENDS; i++)
		close(r->fds[i]);
	turn(r);
	step(r, 100000);
	assert_int_equal(r->t.g.n, 0);
	gate_asks(&r->t, GET("/healthz"), OK, "ok");
	client_free(r->c);
	client_free(r->filler);
	gate_fini(&r->t);
}

static bool
run_with_failures(unsigned k, unsigned n)
{
	struct run *r = calloc(1, sizeof(*r));
	bool happened;

	assert_non_null(r);
	begin(r);
	no_memory_at(k, n);
	run_script(r);
	happened = no_memory_happened();
	no_memory_at(0, 0);
	/* who waits for memory is let go in time */
	step(r, 2000);
	step(r, 2000);
	read_all(r);
	expect_answers(r);
	end(r);
	free(r);
	return happened;
}

TEST(with_memory_all_are_answered)
{
	struct run *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	begin(r);
	run_script(r);
	expect_answers(r);
	for (size_t i = 0; i < N_ENDS; i++)
		assert_false(r->eof[i]);
	end(r);
	free(r);
}

static void
run_all(unsigned n)
{
	unsigned k = 1;

	while (run_with_failures(k, n))
		k++;
	print_message("%u allocations\n", k - 1);
	assert_true(k > 40);
}

TEST(any_one_allocation_may_fail)
{
	run_all(1);
}

TEST(any_three_in_a_row_may_fail)
{
	run_all(3);
}

TEST(from_any_one_on_all_may_fail)
{
	run_all(UINT_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_memory_all_are_answered),
		cmocka_unit_test(any_one_allocation_may_fail),
		cmocka_unit_test(any_three_in_a_row_may_fail),
		cmocka_unit_test(from_any_one_on_all_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
