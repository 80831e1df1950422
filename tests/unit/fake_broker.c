/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "fake_broker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

#define PATIENCE_MS 5000

/* ---- the socket --------------------------------------------------------- */

void
fake_prepare(struct fake *f)
{
	*f = (struct fake){ .listener = -1, .fd = -1 };
	strcpy(f->folder, "/tmp/umbel-test-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/socket", f->folder);
}

void
fake_listen(struct fake *f, int backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strcpy(address.sun_path, f->path);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(f->listener >= 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&address,
	                      sizeof(address)),
	                 0);
	assert_int_equal(listen(f->listener, backlog), 0);
}

void
fake_start(struct fake *f)
{
	fake_prepare(f);
	fake_listen(f, 16);
}

void
fake_unlisten(struct fake *f)
{
	if (f->listener >= 0)
		close(f->listener);
	f->listener = -1;
	unlink(f->path);
}

void
fake_hang_up(struct fake *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

void
fake_stop(struct fake *f)
{
	fake_hang_up(f);
	fake_unlisten(f);
	rmdir(f->folder);
}

static void
await(int fd, const char *what)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, PATIENCE_MS) != 1)
		fail_msg("waited %d ms for %s", PATIENCE_MS, what);
}

void
fake_accept(struct fake *f)
{
	fake_hang_up(f);
	await(f->listener, "a connection");
	f->fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(f->fd >= 0);
}

/* ---- reading ------------------------------------------------------------ */

void
fake_take(struct fake *f, void *to, size_t n)
{
	uint8_t *at = to;

	while (n > 0) {
		ssize_t r;

		await(f->fd, "bytes");
		r = read(f->fd, at, n);
		if (r <= 0)
			fail_msg("%zu bytes are missing: %s", n,
			         r < 0 ? strerror(errno) : "end of stream");
		at += r;
		n -= (size_t)r;
	}
}

void
fake_expect(struct fake *f, const void *bytes, size_t n)
{
	uint8_t *got = malloc(n);

	assert_non_null(got);
	fake_take(f, got, n);
	assert_memory_equal(got, bytes, n);
	free(got);
}

void
fake_expect_end(struct fake *f)
{
	char byte;
	ssize_t r;

	await(f->fd, "the end of the stream");
	r = read(f->fd, &byte, 1);
	assert_true(r == 0 || (r < 0 && errno == ECONNRESET));
}

void
fake_expect_silence(struct fake *f)
{
	char byte;

	assert_int_equal(recv(f->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK), -1);
	assert_int_equal(errno, EAGAIN);
}

size_t
fake_read(struct fake *f, uint8_t *body, size_t cap)
{
	uint8_t prefix[5];
	size_t n;

	fake_take(f, prefix, sizeof(prefix));
	assert_int_equal(prefix[0], 0xce);
	n = (size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 |
	    (size_t)prefix[3] << 8 | prefix[4];
	assert_true(n <= cap);
	fake_take(f, body, n);
	return n;
}

unsigned
fake_read_type(struct fake *f, enum fake_type type)
{
	uint8_t body[2048];
	size_t n = fake_read(f, body, sizeof(body));

	assert_true(n >= 2);
	assert_int_equal(body[1], type);
	return type == FAKE_SUBSCRIBE || type == FAKE_UNSUBSCRIBE ? body[2]
	                                                          : body[n - 1];
}

const char *
fake_read_publish(struct fake *f)
{
	static uint8_t body[300 + UINT16_MAX];
	size_t n = fake_read(f, body, sizeof(body) - 1);
	size_t at = 13;

	assert_true(n > at);
	assert_int_equal(body[0], 0x97);
	assert_int_equal(body[1], FAKE_PUBLISH);
	assert_int_equal(body[at] & 0xe0, 0xa0); /* a short topic */
	at += 1u + (body[at] & 0x1f);
	assert_int_equal(body[at], 0xc0);
	assert_int_equal(body[at + 1], 0xc0);
	at += body[at + 2] == 0xc4 ? 4 : 5;
	body[n] = '\0';
	return (const char *)body + at;
}

/* A str of fewer than 256 bytes at `*at`, made a C string. */
static const char *
take_text(const uint8_t **at, char out[256])
{
	size_t n = **at & 0x1f;

	if (**at == 0xd9)
		n = *++*at;
	else
		assert_int_equal(**at & 0xe0, 0xa0);
	memcpy(out, *at + 1, n);
	out[n] = '\0';
	*at += 1 + n;
	return out;
}

struct fake_request
fake_read_request(struct fake *f)
{
	static uint8_t body[2048];
	struct fake_request r;
	size_t n = fake_read(f, body, sizeof(body) - 1);
	const uint8_t *at = body + 13;

	assert_int_equal(body[0], 0x97);
	assert_int_equal(body[1], FAKE_PUBLISH);
	body[n] = '\0';
	take_text(&at, r.topic);
	take_text(&at, r.reply);
	r.headers = at;
	/* no payload of a test has a byte that could be its head */
	while (at[0] != 0xc4 || at + 2 + at[1] != body + n)
		at++;
	r.payload = (const char *)at + 2;
	return r;
}

bool
fake_fd_is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* ---- writing ------------------------------------------------------------ */

void
fake_send(struct fake *f, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	while (n > 0) {
		ssize_t r = send(f->fd, at, n, MSG_NOSIGNAL);

		assert_true(r > 0);
		at += r;
		n -= (size_t)r;
	}
}

void
fake_send_body(struct fake *f, const void *body, size_t n)
{
	uint8_t prefix[5] = { 0xce, (uint8_t)(n >> 24), (uint8_t)(n >> 16),
		              (uint8_t)(n >> 8), (uint8_t)n };

	fake_send(f, prefix, sizeof(prefix));
	fake_send(f, body, n);
}

static size_t
put_text(uint8_t *to, const char *text)
{
	size_t n = strlen(text);

	assert_true(n < 256);
	to[0] = 0xd9;
	to[1] = (uint8_t)n;
	memcpy(to + 2, text, n);
	return n + 2;
}

void
fake_send_welcome_to(struct fake *f, const char *inbox)
{
	/* [2, 1, 7, 5, {"max_frame": 4194304, "inbox": inbox}] */
	uint8_t body[300] = { 0x95, 2,   1,    7,    5,    0x82, 0xa9,
		              'm',  'a', 'x',  '_',  'f',  'r',  'a',
		              'm',  'e', 0xce, 0x00, 0x40, 0x00, 0x00,
		              0xa5, 'i', 'n',  'b',  'o',  'x' };
	size_t n = 27;

	n += put_text(body + n, inbox);
	fake_send_body(f, body, n);
}

void
fake_send_welcome(struct fake *f)
{
	fake_send_welcome_to(f, "$inbox.t.7");
}

void
fake_welcome(struct fake *f)
{
	fake_accept(f);
	fake_read_type(f, FAKE_HELLO);
	fake_send_welcome(f);
}

void
fake_send_ok(struct fake *f, uint8_t request)
{
	FAKE_SEND_BODY(f, 0x92, 8, request);
}

void
fake_send_error(struct fake *f, uint8_t code, const char *text, uint8_t request,
                bool fatal, const char *about)
{
	uint8_t body[600] = { 0x96, 9, code };
	size_t n = 3;

	n += put_text(body + n, text);
	body[n++] = request;
	body[n++] = fatal ? 0xc3 : 0xc2;
	if (about)
		n += put_text(body + n, about);
	else
		body[n++] = 0xc0;
	fake_send_body(f, body, n);
}

void
fake_send_publish(struct fake *f, const char *topic, const void *data,
                  size_t len)
{
	static const uint8_t front[] = { 0x97, 3, 0, 0xc4, 8, 0, 0,
		                         0,    9, 0, 0,    0, 8 };
	size_t topic_len = strlen(topic);
	uint8_t *body = malloc(sizeof(front) + topic_len + len + 8);
	size_t n = sizeof(front);

	assert_non_null(body);
	assert_true(topic_len < 32);
	memcpy(body, front, n);
	body[n++] = (uint8_t)(0xa0 | topic_len);
	memcpy(body + n, topic, topic_len);
	n += topic_len;
	body[n++] = 0xc0;
	body[n++] = 0xc0;
	if (len < 256) {
		body[n++] = 0xc4;
	} else {
		body[n++] = 0xc6;
		body[n++] = (uint8_t)(len >> 24);
		body[n++] = (uint8_t)(len >> 16);
		body[n++] = (uint8_t)(len >> 8);
	}
	body[n++] = (uint8_t)len;
	if (len > 0)
		memcpy(body + n, data, len);
	fake_send_body(f, body, n + len);
	free(body);
}

void
fake_pong(struct fake *f, uint8_t accepted, uint8_t unmatched, uint8_t refused)
{
	unsigned token = fake_read_type(f, FAKE_PING);

	FAKE_SEND_BODY(f, 0x95, 11, (uint8_t)token, accepted, unmatched,
	               refused);
}

void
fake_send_goaway(struct fake *f, uint8_t delay_ms)
{
	FAKE_SEND_BODY(f, 0x93, 12, 0xa4, 's', 't', 'o', 'p', delay_ms);
}
