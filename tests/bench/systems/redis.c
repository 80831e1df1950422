/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * redis - PUBLISH and SUBSCRIBE through hiredis on a Unix socket.
 *
 * Publishers turn replies off (CLIENT REPLY OFF) and pipeline 64 KiB. Nothing
 * is saved to disk, and output buffers have no limit: the bench's window bounds
 * them. Who subscribes may not publish, so there are two connections.
 */
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "../adapter.h"
#include "../util.h"

#define SOCKET "redis.sock"
#define BATCH  ((size_t)64 << 10)

struct redis_client {
	struct client base;
	const char *dir;
	redisContext *out;
	redisContext *in;
	size_t batched;
	size_t n_pending; /* subscriptions without an answer */
};

static void
redis_serve(const char *dir)
{
	char *path = must_format("%s/" SOCKET, dir);

	exec_server(dir, (const char *[]){
				 "redis-server", "--port", "0", "--unixsocket",
				 path, "--save", "", "--appendonly", "no",
				 "--tcp-backlog", "4096", "--loglevel",
				 "warning", "--client-output-buffer-limit",
				 "pubsub", "0", "0", "0", NULL });
}

static bool
redis_answers(const char *dir)
{
	return unix_answers(dir, SOCKET);
}

static redisContext *
context_new(const char *dir)
{
	char *path = must_format("%s/" SOCKET, dir);
	redisContext *context = redisConnectUnix(path);

	if (!context || context->err)
		die("redis: %s: %s", path,
		    context ? context->errstr : "no memory");
	unix_enlarge(context->fd);
	free(path);
	return context;
}

static void
write_all(redisContext *context)
{
	int done = 0;

	while (!done)
		if (redisBufferWrite(context, &done) != REDIS_OK)
			die("redis: %s", context->errstr);
}

static struct client *
redis_connect(const char *dir, const struct client *model)
{
	struct redis_client *c = must_alloc(sizeof(*c));

	c->base = *model;
	c->dir = dir;
	return &c->base;
}

static void
redis_subscribe(struct client *client, const char *filter)
{
	struct redis_client *c = (struct redis_client *)client;

	if (!c->in)
		c->in = context_new(c->dir);
	redisAppendCommand(
		c->in, strchr(filter, '*') ? "PSUBSCRIBE %s" : "SUBSCRIBE %s",
		filter);
	if (++c->n_pending % 1000 == 0)
		write_all(c->in);
}

static void
redis_start(struct client *client)
{
	write_all(((struct redis_client *)client)->in);
}

/* message, channel, payload; pmessage, pattern, channel, payload. */
static void
take_reply(struct redis_client *c, const redisReply *reply)
{
	const char *kind = reply->element[0]->str;
	const redisReply *last = reply->element[reply->elements - 1];

	if (strcmp(kind, "message") == 0 || strcmp(kind, "pmessage") == 0)
		c->base.on_message(c->base.user, last->str, last->len);
	else
		c->n_pending--;
}

static void
redis_receive(struct client *client, int timeout_ms)
{
	struct redis_client *c = (struct redis_client *)client;
	struct pollfd p = { .fd = c->in->fd, .events = POLLIN };
	void *reply = NULL;

	if (poll(&p, 1, timeout_ms) <= 0)
		return;
	if (redisBufferRead(c->in) != REDIS_OK)
		die("redis: %s", c->in->errstr);
	for (;;) {
		if (redisReaderGetReply(c->in->reader, &reply) != REDIS_OK)
			die("redis: %s", c->in->reader->errstr);
		if (!reply)
			return;
		if (((redisReply *)reply)->type != REDIS_REPLY_ARRAY)
			die("redis: %s", ((redisReply *)reply)->str);
		take_reply(c, reply);
		freeReplyObject(reply);
	}
}

static void
redis_sync(struct client *client)
{
	struct redis_client *c = (struct redis_client *)client;

	write_all(c->in);
	while (c->n_pending > 0)
		redis_receive(client, 1000);
}

static void
redis_flush(struct client *client)
{
	struct redis_client *c = (struct redis_client *)client;

	write_all(c->out);
	c->batched = 0;
}

static void
redis_publish(struct client *client, const char *topic, const void *data,
              size_t len)
{
	struct redis_client *c = (struct redis_client *)client;
	const char *words[] = { "PUBLISH", topic, data };
	size_t lengths[] = { 7, strlen(topic), len };

	if (!c->out) {
		c->out = context_new(c->dir);
		redisAppendCommand(c->out, "CLIENT REPLY OFF");
	}
	redisAppendCommandArgv(c->out, 3, words, lengths);
	c->batched += len + lengths[1] + 32;
	if (!client->bulk || c->batched >= BATCH)
		redis_flush(client);
}

static int
redis_fd(struct client *client)
{
	return ((struct redis_client *)client)->in->fd;
}

static void
redis_disconnect(struct client *client)
{
	struct redis_client *c = (struct redis_client *)client;

	redisFree(c->in);
	redisFree(c->out);
	free(c);
}

const struct adapter adapter_redis = {
	.name = "redis",
	.is_peer = true,
	.has_filters = true,
	.acknowledges = true,
	.remarks = "through hiredis, on its Unix socket",
	.serve = redis_serve,
	.answers = redis_answers,
	.connect = redis_connect,
	.subscribe = redis_subscribe,
	.start = redis_start,
	.sync = redis_sync,
	.publish = redis_publish,
	.flush = redis_flush,
	.receive = redis_receive,
	.fd = redis_fd,
	.disconnect = redis_disconnect,
};
