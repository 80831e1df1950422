/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * zeromq - PUB to SUB through an XSUB/XPUB proxy, over ipc.
 *
 * A message is one frame, topic, NUL and payload, which is faster than a frame
 * for each; filters are prefixes, as ZeroMQ has them. No high water marks: the
 * bench's window bounds what waits. Subscriptions are never confirmed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "../adapter.h"
#include "../util.h"

#define IN_SOCKET  "zeromq-in.sock"
#define OUT_SOCKET "zeromq-out.sock"

struct zeromq_client {
	struct client base;
	const char *dir;
	void *context;
	void *out;
	void *in;
};

static void
must(bool good, const char *what)
{
	if (!good)
		die("zeromq: %s: %s", what, zmq_strerror(errno));
}

static void *
socket_new(void *context, int type)
{
	void *s = zmq_socket(context, type);
	int none = 0;

	must(s, "socket");
	must(zmq_setsockopt(s, ZMQ_SNDHWM, &none, sizeof(none)) == 0 &&
	             zmq_setsockopt(s, ZMQ_RCVHWM, &none, sizeof(none)) == 0,
	     "no high water marks");
	return s;
}

static void
zeromq_serve(const char *dir)
{
	void *context = zmq_ctx_new();
	void *in = socket_new(context, ZMQ_XSUB);
	void *out = socket_new(context, ZMQ_XPUB);
	char *path = must_format("ipc://%s/" IN_SOCKET, dir);

	must(zmq_bind(in, path) == 0, path);
	path = must_format("ipc://%s/" OUT_SOCKET, dir);
	must(zmq_bind(out, path) == 0, path);
	zmq_proxy(in, out, NULL);
}

static bool
zeromq_answers(const char *dir)
{
	return unix_answers(dir, OUT_SOCKET);
}

static struct client *
zeromq_connect(const char *dir, const struct client *model)
{
	struct zeromq_client *c = must_alloc(sizeof(*c));

	c->base = *model;
	c->dir = dir;
	c->context = zmq_ctx_new();
	must(c->context, "context");
	return &c->base;
}

static void *
open_socket(struct zeromq_client *c, int type, const char *name)
{
	char *path = must_format("ipc://%s/%s", c->dir, name);
	void *s = socket_new(c->context, type);

	must(zmq_connect(s, path) == 0, path);
	free(path);
	return s;
}

/* Up to a wildcard, or to the NUL that ends a topic. */
static void
zeromq_subscribe(struct client *client, const char *filter)
{
	struct zeromq_client *c = (struct zeromq_client *)client;
	const char *star = strchr(filter, '*');
	size_t len = star ? (size_t)(star - filter) : strlen(filter) + 1;

	if (!c->in)
		c->in = open_socket(c, ZMQ_SUB, OUT_SOCKET);
	must(zmq_setsockopt(c->in, ZMQ_SUBSCRIBE, filter, len) == 0, filter);
}

static void
zeromq_nothing(struct client *client)
{
	(void)client;
}

static void
zeromq_publish(struct client *client, const char *topic, const void *data,
               size_t len)
{
	struct zeromq_client *c = (struct zeromq_client *)client;
	size_t topic_size = strlen(topic) + 1;
	zmq_msg_t m;

	if (!c->out)
		c->out = open_socket(c, ZMQ_PUB, IN_SOCKET);
	must(zmq_msg_init_size(&m, topic_size + len) == 0, "message");
	memcpy(zmq_msg_data(&m), topic, topic_size);
	memcpy((char *)zmq_msg_data(&m) + topic_size, data, len);
	must(zmq_msg_send(&m, c->out, 0) >= 0, "send");
}

static void
take(struct zeromq_client *c, zmq_msg_t *m)
{
	const char *data = zmq_msg_data(m);
	size_t size = zmq_msg_size(m);
	size_t skip = strnlen(data, size) + 1;

	if (skip > size)
		die("zeromq: a message without a topic");
	c->base.on_message(c->base.user, data + skip, size - skip);
}

static void
zeromq_receive(struct client *client, int timeout_ms)
{
	struct zeromq_client *c = (struct zeromq_client *)client;
	zmq_pollitem_t item = { .socket = c->in, .events = ZMQ_POLLIN };
	zmq_msg_t m;

	if (zmq_poll(&item, 1, timeout_ms) <= 0)
		return;
	zmq_msg_init(&m);
	while (zmq_msg_recv(&m, c->in, ZMQ_DONTWAIT) >= 0)
		take(c, &m);
	zmq_msg_close(&m);
}

static void
zeromq_disconnect(struct client *client)
{
	struct zeromq_client *c = (struct zeromq_client *)client;

	zmq_ctx_term(c->context);
	free(c);
}

const struct adapter adapter_zeromq = {
	.name = "zeromq",
	.is_peer = true,
	.has_filters = true,
	.has_wildcards = true,
	.remarks = "PUB to SUB through an XSUB/XPUB proxy, over ipc",
	.serve = zeromq_serve,
	.answers = zeromq_answers,
	.connect = zeromq_connect,
	.subscribe = zeromq_subscribe,
	.sync = zeromq_nothing,
	.publish = zeromq_publish,
	.flush = zeromq_nothing,
	.receive = zeromq_receive,
	.disconnect = zeromq_disconnect,
};
