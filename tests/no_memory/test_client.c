/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * libumbel when the k-th allocation of a scripted run fails, for every k: each
 * call says so or succeeds, the handle connects again if it has to, and what
 * was promised is kept: callbacks come once, messages that were taken go out.
 *
 * ctest: timeout=60
 */
#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/umbel.h"
#include "no_memory.h"
#include "unit.h"

/* Allocations fail in the library only. */
#define SCARCE(type, call)         \
	__extension__({            \
		type result_;      \
		no_memory_begin(); \
		result_ = (call);  \
		no_memory_end();   \
		result_;           \
	})

/* ---- a broker that serves one client: what is published comes back --------- */

struct echo {
	int listener;
	int fd;
	unsigned n_connections;
	unsigned n_published; /* PUBLISHes that came, over all connections */
	unsigned since_ping;
	char folder[32];
	struct sockaddr_un address;
	uint8_t in[1 << 20];
	size_t n_in;
};

static void
echo_start(struct echo *b)
{
	*b = (struct echo){ .fd = -1, .address.sun_family = AF_UNIX };
	strcpy(b->folder, "/tmp/umbel-test-XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(b->address.sun_path, sizeof(b->address.sun_path), "%s/s",
	         b->folder);
	b->listener =
		socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(b->listener >= 0);
	assert_int_equal(bind(b->listener, (struct sockaddr *)&b->address,
	                      sizeof(b->address)),
	                 0);
	assert_int_equal(listen(b->listener, 4), 0);
}

static void
echo_hang_up(struct echo *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	b->n_in = 0;
}

static void
echo_stop(struct echo *b)
{
	echo_hang_up(b);
	close(b->listener);
	unlink(b->address.sun_path);
	rmdir(b->folder);
}

static void
echo_send(struct echo *b, const void *bytes, size_t n)
{
	ssize_t sent = send(b->fd, bytes, n, MSG_NOSIGNAL);

	assert_true(sent == (ssize_t)n || (sent < 0 && errno == EPIPE));
}

#define ECHO_SEND(b, ...)                                \
	echo_send((b), (const uint8_t[]){ __VA_ARGS__ }, \
	          sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void
echo_take(struct echo *b, uint8_t *frame, size_t size)
{
	static const char welcome[] =
		"\xce\0\0\0\x26\x95\2\1\7\5\x82"
		"\xa9max_frame\xce\0\x10\0\0\xa5inbox\xaa$inbox.x.7";
	const uint8_t *body = frame + 5;

	/* what the library sends has its numbers in these places */
	switch (body[1]) {
	case 1:
		assert_int_equal(sizeof(welcome) - 1, 5 + 0x26);
		echo_send(b, welcome, sizeof(welcome) - 1);
		break;
	case 3:
		b->n_published++;
		b->since_ping++;
		frame[5 + 5 + 3] = 9; /* from session 9 */
		echo_send(b, frame, size);
		break;
	case 4:
	case 5:
		ECHO_SEND(b, 0xce, 0, 0, 0, 3, 0x92, 8, body[2]);
		break;
	case 10:
		ECHO_SEND(b, 0xce, 0, 0, 0, 6, 0x95, 11, body[2],
		          (uint8_t)b->since_ping, 0, 0);
		b->since_ping = 0;
		break;
	default:
		break;
	}
}

static void
echo_turn(struct echo *b)
{
	ssize_t n;

	if (b->fd < 0) {
		b->fd = accept4(b->listener, NULL, NULL,
		                SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (b->fd < 0)
			return;
		b->n_connections++;
		b->since_ping = 0;
	}
	n = recv(b->fd, b->in + b->n_in, sizeof(b->in) - b->n_in, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		echo_hang_up(b);
		return;
	}
	b->n_in += n > 0 ? (size_t)n : 0;
	while (b->n_in >= 5) {
		size_t size = 5 + ((size_t)b->in[2] << 16 |
		                   (size_t)b->in[3] << 8 | b->in[4]);

		assert_int_equal(b->in[0], 0xce);
		if (b->n_in < size)
			break;
		echo_take(b, b->in, size);
		b->n_in -= size;
		memmove(b->in, b->in + size, b->n_in);
	}
}

/* ---- the application ------------------------------------------------------- */

struct app {
	struct echo broker;
	struct umbel *c;
	struct umbel_sub *sub;
	struct umbel_msg *kept;
	unsigned n_taken; /* publishes that said 0 */
	unsigned n_messages;
	unsigned flushes;  /* whose callback has not come */
	unsigned requests; /* the same */
	int flushed;       /* what the last one said */
};

static void on_flushed(struct umbel *c, int error, void *user);

/* In a callback the buffer grows for a PING; if it cannot, the connection and
   the message under way are still there. */
static void
flush_inside(struct app *a, struct umbel *c)
{
	static const char data[600];

	for (unsigned i = 0; i < 6; i++) {
		int r = umbel_flush(c, on_flushed, a);

		assert_true(r == 0 || r == -ENOMEM);
		a->flushes += r == 0;
		a->n_taken += umbel_publish(c, "b", data, sizeof(data)) == 0;
	}
}

static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	const char *data = umbel_msg_data(m, NULL);
	struct app *a = user;
	char first = *data;

	a->n_messages++;
	umbel_msg_unref(a->kept);
	a->kept = umbel_msg_ref(m);
	if (a->n_messages > 1)
		return;
	flush_inside(a, c);
	assert_int_equal(*data, first);
	assert_int_equal(umbel_get_state(c), UMBEL_CONNECTED);
}

static void
on_end(struct umbel *c, struct umbel_sub *s, int error, void *user)
{
	struct app *a = user;

	(void)c;
	(void)s;
	(void)error;
	a->sub = NULL;
}

static void
on_flushed(struct umbel *c, int error, void *user)
{
	struct app *a = user;

	(void)c;
	assert_true(a->flushes > 0);
	a->flushes--;
	a->flushed = error;
}

/* Nobody replies: it ends when the connection does, or earlier. */
static void
on_reply(struct umbel *c, const struct umbel_reply_info *info, void *user)
{
	struct app *a = user;

	(void)c;
	assert_int_not_equal(info->error, 0);
	assert_true(a->requests > 0);
	a->requests--;
}

static void
turns(struct app *a, unsigned n)
{
	while (n-- > 0) {
		int r = SCARCE(int, umbel_dispatch(a->c, 0));

		assert_true(r >= 0);
		echo_turn(&a->broker);
	}
}

static void
publish(struct app *a, const char *topic, size_t len)
{
	static const char data[200000];
	int r = SCARCE(int, umbel_publish(a->c, topic, data, len));

	assert_true(r == 0 || r == -ENOMEM || r == -EAGAIN);
	a->n_taken += r == 0;
	turns(a, 2);
}

static void
flush(struct app *a)
{
	int r = SCARCE(int, umbel_flush(a->c, on_flushed, a));

	assert_true(r == 0 || r == -ENOMEM);
	a->flushes += r == 0;
	turns(a, 3);
}

/* Wait, a millisecond at a time, for the pauses before a reconnection. */
static void
await_connection(struct app *a)
{
	for (int i = 0; i < 1000; i++) {
		int r = SCARCE(int, umbel_dispatch(a->c, 1));

		assert_true(r >= 0);
		echo_turn(&a->broker);
		if (umbel_get_state(a->c) == UMBEL_CONNECTED)
			return;
	}
	fail_msg("not connected again: %s", umbel_last_error(a->c));
}

static void
run_script(struct app *a)
{
	const struct umbel_header header = {
		.key = "k",
		.type = UMBEL_STR,
		.value.str = "v",
	};
	struct umbel_pub_options with_header = {
		.size = sizeof(with_header),
		.headers = &header,
		.n_headers = 1,
	};
	struct umbel_msg *m = NULL;
	struct umbel_sub *more = NULL;
	int r;

	r = SCARCE(int, umbel_subscribe(a->c, "a.*", on_message, a,
	                                UMBEL_SUB_OPTIONS(.on_end = on_end),
	                                &a->sub));
	assert_true(r == 0 || r == -ENOMEM);
	r = SCARCE(int, umbel_subscribe(a->c, "**", NULL, NULL, NULL, &more));
	assert_true(r == 0 || r == -ENOMEM);
	turns(a, 6);
	publish(a, "a.b", 10);
	publish(a, "c", 10);
	r = SCARCE(int, umbel_publish_opts(a->c, "a.h", "x", 1, &with_header));
	assert_true(r == 0 || r == -ENOMEM);
	a->n_taken += r == 0;
	publish(a, "a.b", 100000);
	flush(a);
	turns(a, 6);
	r = SCARCE(int, umbel_next(a->c, &m, 0));
	assert_true(r == 0 || r == -ENOMEM || r == -ETIMEDOUT || r == 1 ||
	            r == -EAGAIN);
	umbel_msg_unref(m);
	r = SCARCE(int, umbel_request(a->c, "q", "x", 1, 60000, on_reply, a));
	if (r != 0 && r != -ENOMEM)
		fail_msg("umbel_request: %s", umbel_strerror(r));
	a->n_taken += r == 0;
	a->requests += r == 0;
	turns(a, 6);
	echo_hang_up(&a->broker);
	turns(a, 2);
	await_connection(a);
	publish(a, "a.c", 10);
	turns(a, 6);
}

/* With memory again, all is as it should be. */
static void
expect_service(struct app *a)
{
	unsigned n = a->n_messages;

	await_connection(a);
	if (!a->sub)
		assert_int_equal(umbel_subscribe(a->c, "a.*", on_message, a,
		                                 NULL, &a->sub),
		                 0);
	turns(a, 6);
	publish(a, "a.last", 3);
	/* the first may have to tell what an earlier connection lost */
	flush(a);
	flush(a);
	for (int i = 0; i < 1000 && (a->flushes > 0 || a->n_messages == n); i++)
		turns(a, 1);
	assert_int_equal(a->flushes, 0);
	assert_int_equal(a->flushed, 0);
	assert_true(a->n_messages > n);
	/* two connections were meant to be: then nothing was lost on the way */
	if (a->broker.n_connections <= 2)
		assert_int_equal(a->broker.n_published, a->n_taken);
	/* a question that has no answer yet ends with the connection */
	echo_hang_up(&a->broker);
	turns(a, 2);
	await_connection(a);
	assert_int_equal(a->requests, 0);
}

static bool
run_with_failures(unsigned k, unsigned n)
{
	struct app a = { .n_taken = 0 };
	bool happened;
	int r;

	echo_start(&a.broker);
	print_message("allocation %u fails\n", k);
	no_memory_at(k, n);
	r = SCARCE(int,
	           umbel_new(&a.c,
	                     UMBEL_OPTIONS(.address = a.broker.address.sun_path,
	                                   .retry_first_ms = 1,
	                                   .retry_last_ms = 1)));
	if (r < 0) {
		assert_int_equal(r, -ENOMEM);
		echo_stop(&a.broker);
		return true;
	}
	assert_int_equal(umbel_connect(a.c, 0), 0);
	turns(&a, 4);
	/* with nothing at all it cannot connect, and says so for ever */
	if (n > 3)
		turns(&a, 20);
	else
		run_script(&a);
	happened = no_memory_happened();
	no_memory_at(0, 0);
	expect_service(&a);
	umbel_msg_unref(a.kept);
	(void)SCARCE(int64_t, umbel_close(a.c, 0));
	echo_stop(&a.broker);
	return happened;
}

TEST(any_one_allocation_may_fail)
{
	unsigned k = 1;

	while (run_with_failures(k, 1))
		k++;
	print_message("%u allocations\n", k - 1);
	assert_true(k > 10);
}

TEST(any_three_in_a_row_may_fail)
{
	unsigned k = 1;

	while (run_with_failures(k, 3))
		k++;
	assert_true(k > 10);
}

TEST(from_any_one_on_all_may_fail)
{
	unsigned k = 1;

	while (run_with_failures(k, UINT_MAX))
		k++;
	assert_true(k > 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_one_allocation_may_fail),
		cmocka_unit_test(any_three_in_a_row_may_fail),
		cmocka_unit_test(from_any_one_on_all_may_fail),
	};

	return RUN(tests);
}
