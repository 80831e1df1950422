/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * nats - nats-server through libnats, on the loopback interface: the server has
 * no Unix socket.
 *
 * libnats writes and reads in threads of its own; messages come in one thread
 * for all subscriptions of a process.
 */
#include <arpa/inet.h>
#include <nats/nats.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../adapter.h"
#include "../util.h"

#define SYNC_MS 10000
#define LOOK_MS 5 /* how often receive() lets its caller look */

struct nats_client {
	struct client base;
	natsConnection *connection;
};

static void
must(natsStatus status, const char *what)
{
	if (status != NATS_OK)
		die("nats: %s: %s", what, natsStatus_GetText(status));
}

/* ---- the server ---------------------------------------------------------- */

static int
loopback(int port, bool listens)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port),
	};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = -1;

	if (fd < 0)
		die("nats: no TCP here");
	if (!listens)
		r = connect(fd, (struct sockaddr *)&address, size);
	else if (bind(fd, (struct sockaddr *)&address, size) == 0)
		r = getsockname(fd, (struct sockaddr *)&address, &size);
	close(fd);
	return r < 0 ? -1 : ntohs(address.sin_port);
}

/* Kept in a file, for those who connect. */
static int
port_in(const char *dir)
{
	char *path = must_format("%s/port", dir);
	FILE *f = fopen(path, "re");
	char text[16] = "";

	free(path);
	if (!f)
		return -1;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return (int)strtol(text, NULL, 10);
}

static void
nats_serve(const char *dir)
{
	char *text = must_format("%d", loopback(0, true));
	char *path = must_format("%s/port", dir);
	FILE *f = fopen(path, "we");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		die("nats: %s", path);
	exec_server(dir, (const char *[]){ "nats-server", "-a", "127.0.0.1",
	                                   "-p", text, NULL });
}

static bool
nats_answers(const char *dir)
{
	int port = port_in(dir);

	return port > 0 && loopback(port, false) >= 0;
}

/* ---- a client ------------------------------------------------------------ */

static struct client *
nats_connect(const char *dir, const struct client *model)
{
	struct nats_client *c = must_alloc(sizeof(*c));
	char *url = must_format("nats://127.0.0.1:%d", port_in(dir));
	natsOptions *options;

	c->base = *model;
	must(natsOptions_Create(&options), "options");
	must(natsOptions_SetURL(options, url), url);
	must(natsOptions_UseGlobalMessageDelivery(options, true), "threads");
	must(natsOptions_SetSendAsap(options, !model->bulk), "send at once");
	must(natsConnection_Connect(&c->connection, options), url);
	natsOptions_Destroy(options);
	free(url);
	return &c->base;
}

static void
on_message(natsConnection *connection, natsSubscription *sub, natsMsg *m,
           void *user)
{
	struct nats_client *c = user;

	(void)connection;
	(void)sub;
	c->base.on_message(c->base.user, natsMsg_GetData(m),
	                   (size_t)natsMsg_GetDataLength(m));
	natsMsg_Destroy(m);
}

static void
nats_subscribe(struct client *client, const char *filter)
{
	struct nats_client *c = (struct nats_client *)client;
	natsSubscription *sub;

	must(natsConnection_Subscribe(&sub, c->connection, filter, on_message,
	                              c),
	     filter);
	must(natsSubscription_SetPendingLimits(sub, -1, -1), "limits");
}

static void
nats_sync(struct client *client)
{
	struct nats_client *c = (struct nats_client *)client;

	must(natsConnection_FlushTimeout(c->connection, SYNC_MS), "flush");
}

static void
nats_publish(struct client *client, const char *topic, const void *data,
             size_t len)
{
	struct nats_client *c = (struct nats_client *)client;

	must(natsConnection_Publish(c->connection, topic, data, (int)len),
	     topic);
}

/* Its thread writes soon; asking for it would wait for an answer as well. */
static void
nats_flush(struct client *client)
{
	(void)client;
}

static void
nats_receive(struct client *client, int timeout_ms)
{
	_Atomic uint32_t word = 0;

	(void)client;
	word_await(&word, 0, timeout_ms < LOOK_MS ? timeout_ms : LOOK_MS);
}

static void
nats_disconnect(struct client *client)
{
	struct nats_client *c = (struct nats_client *)client;

	natsConnection_Destroy(c->connection);
	free(c);
}

const struct adapter adapter_nats = {
	.name = "nats",
	.is_peer = true,
	.has_filters = true,
	.has_wildcards = true,
	.acknowledges = true,
	.remarks = "through libnats, over TCP on the loopback interface",
	.serve = nats_serve,
	.answers = nats_answers,
	.connect = nats_connect,
	.subscribe = nats_subscribe,
	.sync = nats_sync,
	.publish = nats_publish,
	.flush = nats_flush,
	.receive = nats_receive,
	.disconnect = nats_disconnect,
};
