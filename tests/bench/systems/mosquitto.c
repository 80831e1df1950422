/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * mosquitto - MQTT, QoS 0, through libmosquitto without its thread, on the
 * broker's Unix listener. Its queues have no limit: the bench's window bounds
 * them.
 */
#include <errno.h>
#include <mosquitto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "../adapter.h"
#include "../util.h"

#define SOCKET      "mosquitto.sock"
#define KEEPALIVE_S 3600

struct mosquitto_client {
	struct client base;
	struct mosquitto *handle;
	bool is_connected;
	size_t n_pending; /* subscriptions without an answer */
};

static void
mosquitto_serve(const char *dir)
{
	char *path = must_format("%s/conf", dir);
	FILE *f = fopen(path, "we");

	if (!f ||
	    fprintf(f,
	            "user root\n"
	            "listener 0 %s/" SOCKET "\n"
	            "allow_anonymous true\n"
	            "persistence false\n"
	            "log_type error\n"
	            "max_queued_messages 0\n"
	            "max_queued_bytes 0\n",
	            dir) < 0 ||
	    fclose(f) != 0)
		die("mosquitto: %s", path);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", 1);
	exec_server(dir, (const char *[]){ "mosquitto", "-c", path, NULL });
}

static bool
mosquitto_answers(const char *dir)
{
	return unix_answers(dir, SOCKET);
}

static void
must(int r, const char *what)
{
	if (r != MOSQ_ERR_SUCCESS)
		die("mosquitto: %s: %s", what, mosquitto_strerror(r));
}

static void
on_connect(struct mosquitto *handle, void *user, int code)
{
	struct mosquitto_client *c = user;

	(void)handle;
	if (code != 0)
		die("mosquitto: %s", mosquitto_connack_string(code));
	c->is_connected = true;
}

static void
on_subscribe(struct mosquitto *handle, void *user, int id, int n,
             const int *granted)
{
	struct mosquitto_client *c = user;

	(void)handle;
	(void)id;
	if (n != 1 || granted[0] != 0)
		die("mosquitto: a subscription was not granted");
	c->n_pending--;
}

static void
on_message(struct mosquitto *handle, void *user,
           const struct mosquitto_message *m)
{
	struct mosquitto_client *c = user;

	(void)handle;
	c->base.on_message(c->base.user, m->payload, (size_t)m->payloadlen);
}

/* mosquitto_loop() itself cannot take descriptors beyond 1023. */
static void
mosquitto_receive(struct client *client, int timeout_ms)
{
	struct mosquitto_client *c = (struct mosquitto_client *)client;
	struct pollfd p = { .fd = mosquitto_socket(c->handle),
		            .events = POLLIN };

	if (mosquitto_want_write(c->handle))
		p.events |= POLLOUT;
	if (poll(&p, 1, timeout_ms) <= 0)
		return;
	if (p.revents & POLLOUT)
		must(mosquitto_loop_write(c->handle, 1), "write");
	if (p.revents & ~POLLOUT)
		must(mosquitto_loop_read(c->handle, 1), "read");
}

static struct client *
mosquitto_client_connect(const char *dir, const struct client *model)
{
	struct mosquitto_client *c = must_alloc(sizeof(*c));
	char *path = must_format("%s/" SOCKET, dir);
	_Atomic uint32_t never = 0;
	int r;

	mosquitto_lib_init();
	c->base = *model;
	c->handle = mosquitto_new(NULL, true, c);
	if (!c->handle)
		die("mosquitto: no memory");
	mosquitto_connect_callback_set(c->handle, on_connect);
	mosquitto_subscribe_callback_set(c->handle, on_subscribe);
	mosquitto_message_callback_set(c->handle, on_message);
	/* its backlog is 100 */
	while ((r = mosquitto_connect(c->handle, path, 0, KEEPALIVE_S)) ==
	               MOSQ_ERR_ERRNO &&
	       errno == EAGAIN)
		word_await(&never, 0, 1);
	must(r, path);
	unix_enlarge(mosquitto_socket(c->handle));
	free(path);
	return &c->base;
}

static void
mosquitto_client_subscribe(struct client *client, const char *filter)
{
	struct mosquitto_client *c = (struct mosquitto_client *)client;

	must(mosquitto_subscribe(c->handle, NULL, filter, 0), filter);
	c->n_pending++;
}

static void
mosquitto_sync(struct client *client)
{
	struct mosquitto_client *c = (struct mosquitto_client *)client;

	while (!c->is_connected || c->n_pending > 0)
		mosquitto_receive(client, 1000);
}

/* What its socket did not take at once goes out in its loop. */
static void
mosquitto_flush(struct client *client)
{
	struct mosquitto_client *c = (struct mosquitto_client *)client;

	while (!c->is_connected)
		mosquitto_receive(client, 1000);
	while (mosquitto_want_write(c->handle)) {
		struct pollfd p = { .fd = mosquitto_socket(c->handle),
			            .events = POLLOUT };

		poll(&p, 1, 1000);
		must(mosquitto_loop_write(c->handle, 1), "write");
	}
}

static void
mosquitto_client_publish(struct client *client, const char *topic,
                         const void *data, size_t len)
{
	struct mosquitto_client *c = (struct mosquitto_client *)client;

	if (!c->is_connected)
		mosquitto_flush(client);
	must(mosquitto_publish(c->handle, NULL, topic, (int)len, data, 0,
	                       false),
	     topic);
}

/* a.*.b is a/+/b */
static void
mosquitto_respell(char *topic)
{
	for (; *topic; topic++)
		*topic = *topic == '.' ? '/' : *topic == '*' ? '+' : *topic;
}

static int
mosquitto_fd(struct client *client)
{
	return mosquitto_socket(((struct mosquitto_client *)client)->handle);
}

static void
mosquitto_client_disconnect(struct client *client)
{
	struct mosquitto_client *c = (struct mosquitto_client *)client;

	mosquitto_destroy(c->handle);
	free(c);
}

const struct adapter adapter_mosquitto = {
	.name = "mosquitto",
	.is_peer = true,
	.has_filters = true,
	.has_wildcards = true,
	.acknowledges = true,
	.remarks = "MQTT, QoS 0, on its Unix listener",
	.serve = mosquitto_serve,
	.answers = mosquitto_answers,
	.respell = mosquitto_respell,
	.connect = mosquitto_client_connect,
	.subscribe = mosquitto_client_subscribe,
	.sync = mosquitto_sync,
	.publish = mosquitto_client_publish,
	.flush = mosquitto_flush,
	.receive = mosquitto_receive,
	.fd = mosquitto_fd,
	.disconnect = mosquitto_client_disconnect,
};
