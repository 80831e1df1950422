/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * libumbel against a broker that says anything: whatever comes, the library
 * does not crash, hang, or hand on what is malformed, and it lets go of
 * everything in the end.
 *
 * The input is a program: what the broker sends, piece by piece, and what the
 * application does in between; see do_step(). Bodies that the broker sends are
 * in the input without their prefix.
 */
#include "client/umbel.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz.h"
#include "reference.h"

#define MAX_STEPS 60u
#define N_SUBS    4u
#define N_KEPT    4u

struct world {
	int listener;
	int fd; /* the broker's end, -1: not connected */
	unsigned n_connected;
	struct umbel *c;
	struct umbel_sub *subs[N_SUBS];
	struct umbel_msg *kept[N_KEPT];
	unsigned n_flushes; /* whose end has not come */
};

/* ---- what the library hands on -------------------------------------------- */

static void
check_text(const char *text)
{
	CHECK(text);
	CHECK(reference_is_utf8(text, strlen(text)));
}

static void
check_header(const char *key, const struct umbel_header *h)
{
	check_text(key);
	if (h->type == UMBEL_STR)
		check_text(h->value.str);
	if (h->type == UMBEL_BIN)
		CHECK(h->value.bin.data || h->value.bin.len == 0);
}

static void
check_message(const struct umbel_msg *m)
{
	const char *topic = umbel_msg_topic(m), *reply = umbel_msg_reply(m);
	const uint8_t *data;
	uint8_t sum = 0;
	size_t len;

	CHECK(reference_is_valid(topic, strlen(topic), false));
	if (reply)
		CHECK(reference_is_valid(reply, strlen(reply), false));
	data = umbel_msg_data(m, &len);
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + data[i]); /* it can be read, all of it */
	(void)sum;
	for (size_t i = 0; i < umbel_msg_n_headers(m); i++) {
		struct umbel_header h;

		CHECK(umbel_msg_header_at(m, i, &h));
		check_header(h.key, &h);
	}
	(void)umbel_msg_header_str(m, "content-type");
	(void)umbel_msg_sender(m);
	(void)umbel_msg_retain_flag(m);
}

static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct world *w = user;
	size_t len;

	(void)c;
	check_message(m);
	umbel_msg_data(m, &len);
	if (len % 3 == 0) {
		umbel_msg_unref(w->kept[len % N_KEPT]);
		w->kept[len % N_KEPT] = umbel_msg_ref(m);
	}
}

static void
on_end(struct umbel *c, struct umbel_sub *s, int error, void *user)
{
	struct world *w = user;

	(void)c;
	(void)error;
	for (unsigned i = 0; i < N_SUBS; i++) {
		if (w->subs[i] == s)
			w->subs[i] = NULL;
	}
}

static void
on_state(struct umbel *c, enum umbel_state state,
         const struct umbel_state_info *info, void *user)
{
	(void)c;
	(void)state;
	(void)user;
	check_text(info->text);
}

static void
on_hold(struct umbel *c, const struct umbel_hold_info *info, void *user)
{
	(void)c;
	(void)user;
	check_text(info->name);
	check_text(info->topic);
}

static void
on_error(struct umbel *c, const struct umbel_error_info *info, void *user)
{
	(void)c;
	(void)user;
	check_text(info->text);
	check_text(info->about);
}

static void
on_loss(struct umbel *c, const struct umbel_loss_info *info, void *user)
{
	(void)c;
	(void)user;
	check_text(info->reason);
}

static void
on_flushed(struct umbel *c, int error, void *user)
{
	struct world *w = user;

	(void)c;
	CHECK(error <= 0);
	CHECK(w->n_flushes > 0);
	w->n_flushes--;
}

/* ---- the two ends --------------------------------------------------------- */

/* A listener whose path is gone again when the input has been run. */
static void
listen_at(struct world *w, char folder[32], struct sockaddr_un *address)
{
	strcpy(folder, "/tmp/umbel-fuzz-XXXXXX");
	CHECK(mkdtemp(folder));
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "%s/s", folder);
	w->listener =
		socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK(w->listener >= 0);
	CHECK(bind(w->listener, (struct sockaddr *)address, sizeof(*address)) ==
	      0);
	CHECK(listen(w->listener, 4) == 0);
}

static void
turn(struct world *w)
{
	/* a round ends, whatever was sent: it calls few callbacks at most */
	CHECK(umbel_dispatch(w->c, 0) >= 0);
}

/* Take the connection that the library makes, if it makes one. */
static void
accept_one(struct world *w)
{
	if (w->fd >= 0)
		return;
	w->fd = accept4(w->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	w->n_connected += w->fd >= 0;
}

static void
hang_up(struct world *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static void
broker_sends(struct world *w, const void *bytes, size_t n)
{
	char unread[4096];

	if (w->fd < 0)
		return;
	while (recv(w->fd, unread, sizeof(unread), MSG_DONTWAIT) > 0)
		continue;
	if (n > 0)
		(void)!send(w->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	turn(w);
}

static void
broker_sends_body(struct world *w, const uint8_t *body, size_t n, bool whole)
{
	uint8_t frame[5 + 65536] = { 0xce };

	CHECK(n <= 65536);
	for (int i = 0; i < 4; i++)
		frame[1 + i] = (uint8_t)(n >> (24 - 8 * i));
	memcpy(frame + 5, body, n);
	n += 5;
	if (whole) {
		broker_sends(w, frame, n);
		return;
	}
	broker_sends(w, frame, n / 2);
	broker_sends(w, frame + n / 2, n - n / 2);
}

static void
broker_welcomes(struct world *w)
{
	static const uint8_t welcome[] = "\x95\x02\x01\x07\x05\x83"
					 "\xa9"
					 "max_frame\xce\x00\x00\x40\x00"
					 "\xa8"
					 "overflow\xa5"
					 "block"
					 "\xa5"
					 "inbox\xaa$inbox.x.7";

	broker_sends_body(w, welcome, sizeof(welcome) - 1, true);
}

/* ---- what the application does -------------------------------------------- */

static void
subscribe(struct world *w, uint8_t how)
{
	static const char *const filters[] = { "a", "a.*", "**", "b.c.**" };
	struct umbel_sub **sub = &w->subs[how % N_SUBS];

	if (*sub) {
		CHECK(umbel_unsubscribe(w->c, *sub) == 0);
		return;
	}
	CHECK(umbel_subscribe(w->c, filters[how / 4 % N_SUBS],
	                      how & 64 ? NULL : on_message, w,
	                      UMBEL_SUB_OPTIONS(.on_end = on_end), sub) == 0);
}

static void
publish(struct world *w, uint8_t how)
{
	static const char data[5000];
	const struct umbel_header header = {
		.key = "k",
		.type = UMBEL_STR,
		.value.str = "v",
	};
	struct umbel_pub_options options = {
		.size = sizeof(options),
		.reply = how & 1 ? "a.reply" : NULL,
		.headers = &header,
		.n_headers = how & 2 ? 1 : 0,
	};

	/* the broker may have said that it takes next to nothing */
	(void)umbel_publish_opts(w->c, how & 4 ? "a" : "b.c", data,
	                         (size_t)how * 19, &options);
}

static void
ask(struct world *w, uint8_t how)
{
	struct umbel_msg *m = NULL;
	struct umbel_stats stats;

	switch (how % 4) {
	case 0:
		w->n_flushes++;
		CHECK(umbel_flush(w->c, on_flushed, w) == 0);
		break;
	case 1:
		w->n_flushes++;
		CHECK(umbel_drain(w->c, on_flushed, w) == 0);
		break;
	case 2:
		if (umbel_next(w->c, &m, 0) == 0 && m)
			check_message(m);
		umbel_msg_unref(m);
		break;
	case 3:
		umbel_get_stats(w->c, &stats, sizeof(stats));
		CHECK(stats.confirmed <= stats.published);
		check_text(umbel_last_error(w->c));
		break;
	}
}

/* Without a connection, wait for the next: a millisecond or two, seldom. */
static void
come_back(struct world *w)
{
	if (w->fd >= 0 || w->n_connected > 1)
		return;
	(void)umbel_dispatch(w->c, 2);
	accept_one(w);
}

static void
do_step(struct world *w, struct feed *f)
{
	uint8_t op = feed_byte(f);
	const uint8_t *at;
	size_t n;

	accept_one(w);
	switch (op % 10) {
	case 0:
	case 1:
		n = feed_bytes(f, feed_byte(f), &at);
		broker_sends_body(w, at, n, op & 16);
		break;
	case 2:
		n = feed_bytes(f, feed_number(f, 2), &at);
		broker_sends_body(w, at, n, op & 16);
		break;
	case 3:
		n = feed_bytes(f, feed_byte(f), &at);
		broker_sends(w, at, n);
		break;
	case 4:
		broker_welcomes(w);
		break;
	case 5:
		hang_up(w);
		turn(w);
		break;
	case 6:
		come_back(w);
		break;
	case 7:
		subscribe(w, feed_byte(f));
		break;
	case 8:
		publish(w, feed_byte(f));
		break;
	case 9:
		ask(w, feed_byte(f));
		break;
	}
	turn(w);
}

static void
let_go(struct world *w, bool in_order)
{
	for (unsigned i = 0; i < N_KEPT; i++) {
		if (w->kept[i])
			check_message(w->kept[i]);
	}
	if (in_order)
		(void)umbel_close(w->c, 0);
	else
		umbel_free(w->c);
	/* messages outlive the handle */
	for (unsigned i = 0; i < N_KEPT; i++) {
		if (w->kept[i])
			check_message(w->kept[i]);
		umbel_msg_unref(w->kept[i]);
	}
	hang_up(w);
	close(w->listener);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct world w = { .fd = -1 };
	struct feed f = { data, len };
	struct sockaddr_un address;
	uint8_t how = feed_byte(&f);
	char folder[32];

	if (f.left > 65536)
		return 0;
	listen_at(&w, folder, &address);
	CHECK(umbel_new(&w.c,
	                UMBEL_OPTIONS(.name = "fuzz",
	                              .address = address.sun_path,
	                              .single_thread = how & 1,
	                              .next_buffer = how & 2 ? 100 : 0,
	                              .buffer = how & 4 ? 8192 : 0,
	                              .retry_first_ms = 1, .retry_last_ms = 1,
	                              .on_state = on_state, .on_hold = on_hold,
	                              .on_error = on_error, .on_loss = on_loss,
	                              .user = &w)) == 0);
	CHECK(umbel_connect(w.c, 0) == 0);
	turn(&w);
	accept_one(&w);
	if (how & 8)
		broker_welcomes(&w);
	for (unsigned i = 0; i < MAX_STEPS && f.left > 0; i++)
		do_step(&w, &f);
	unlink(address.sun_path);
	rmdir(folder);
	let_go(&w, how & 16);
	return 0;
}
