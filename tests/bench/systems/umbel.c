/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel - umbeld as it comes, and libumbel through its public API: one
 * umbel_publish() per message, on a corked handle when in bulk; one callback
 * per message. Only the pause after a start (--settle-ms) is off, and the bound
 * of what one user may subscribe to is higher. A workload may add a file.
 */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <umbel.h>
#include <unistd.h>

#include "../adapter.h"
#include "../util.h"

#define SOCKET     "umbel.sock"
#define CONFIG     "umbeld.yaml"
#define TIMEOUT_MS 60000

struct umbel_client {
	struct client base;
	struct umbel *handle;
	struct umbel_sub *last;
	size_t n_pending; /* subscriptions that wait for the broker's word */
};

/* $UMBEL_BIN_DIR/umbeld, else the one beside this program. */
static const char *
find_umbeld(void)
{
	const char *bin = getenv("UMBEL_BIN_DIR");
	char self[4096];
	ssize_t n;

	if (bin)
		return must_format("%s/umbeld", bin);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = '\0';
	return must_format("%s/umbeld", dirname(self));
}

static void
umbel_serve(const char *dir)
{
	const char *path = must_format("%s/" SOCKET, dir);
	const char *config = must_format("%s/" CONFIG, dir);
	bool configured = access(config, R_OK) == 0;

	/* one user holds a million filters here, and more */
	exec_server(dir,
	            (const char *[]){
			    find_umbeld(), "--socket", path, "--settle-ms", "0",
			    "--max-user-subscriptions", "2000000",
			    configured ? "--config" : NULL, config, NULL });
}

static bool
umbel_answers(const char *dir)
{
	return unix_answers(dir, SOCKET);
}

static void
must(struct umbel_client *c, const char *what, int r)
{
	if (r < 0)
		die("umbel: %s: %s: %s", what, umbel_strerror(r),
		    umbel_last_error(c->handle));
}

static void
on_error(struct umbel *handle, const struct umbel_error_info *info, void *user)
{
	(void)handle;
	(void)user;
	die("umbel: %s: %s", info->about, info->text);
}

static void
on_loss(struct umbel *handle, const struct umbel_loss_info *info, void *user)
{
	(void)handle;
	(void)user;
	die("umbel: lost %llu messages: %s", (unsigned long long)info->messages,
	    info->reason);
}

/* So that a dispatch ends when there is room. */
static void
on_writable(struct umbel *handle, void *user)
{
	(void)handle;
	(void)user;
}

static void
on_message(struct umbel *handle, const struct umbel_msg *m, void *user)
{
	struct umbel_client *c = user;
	size_t len;
	const void *data = umbel_msg_data(m, &len);

	(void)handle;
	c->base.on_message(c->base.user, data, len);
}

static void
on_active(struct umbel *handle, struct umbel_sub *sub, void *user)
{
	struct umbel_client *c = user;

	(void)handle;
	(void)sub;
	c->n_pending--;
}

static struct client *
umbel_client_connect(const char *dir, const struct client *model)
{
	struct umbel_client *c = must_alloc(sizeof(*c));
	char *path = must_format("%s/" SOCKET, dir);

	c->base = *model;
	must(c, "umbel_new",
	     umbel_new(&c->handle,
	               UMBEL_OPTIONS(.name = "bench", .address = path,
	                             .overflow = model->may_lose
	                                                 ? UMBEL_DROP_OLDEST
	                                                 : UMBEL_BLOCK,
	                             .single_thread = model->one_thread,
	                             .on_error = on_error,
	                             .on_loss =
	                                     model->may_lose ? NULL : on_loss,
	                             .on_writable = on_writable)));
	must(c, "umbel_connect", umbel_connect(c->handle, 0));
	if (c->base.bulk)
		umbel_cork(c->handle);
	free(path);
	return &c->base;
}

static void
umbel_client_join(struct client *client, const char *filter, const char *group)
{
	struct umbel_client *c = (struct umbel_client *)client;

	must(c, filter,
	     umbel_subscribe(c->handle, filter, on_message, c,
	                     UMBEL_SUB_OPTIONS(.on_active = on_active,
	                                       .group = group),
	                     &c->last));
	c->n_pending++;
}

static void
umbel_client_subscribe(struct client *client, const char *filter)
{
	umbel_client_join(client, filter, NULL);
}

static void
umbel_client_receive(struct client *client, int timeout_ms)
{
	struct umbel_client *c = (struct umbel_client *)client;

	must(c, "umbel_dispatch", umbel_dispatch(c->handle, timeout_ms));
}

/* Only that of the last one, which is all that workloads ask for. */
static void
umbel_client_unsubscribe(struct client *client, const char *filter)
{
	struct umbel_client *c = (struct umbel_client *)client;

	must(c, filter, umbel_unsubscribe(c->handle, c->last));
}

static void
umbel_client_start(struct client *client)
{
	umbel_client_receive(client, 0);
}

static void
umbel_client_sync(struct client *client)
{
	struct umbel_client *c = (struct umbel_client *)client;

	if (umbel_get_state(c->handle) != UMBEL_CONNECTED)
		must(c, "umbel_connect", umbel_connect(c->handle, TIMEOUT_MS));
	while (c->n_pending > 0)
		umbel_client_receive(client, TIMEOUT_MS);
	if (c->base.may_lose &&
	    umbel_get_overflow(c->handle) != UMBEL_DROP_OLDEST)
		die("umbel: the broker does not drop the oldest");
}

static void
umbel_client_flush(struct client *client)
{
	struct umbel_client *c = (struct umbel_client *)client;

	if (!c->base.bulk)
		return;
	must(c, "umbel_uncork", umbel_uncork(c->handle));
	must(c, "umbel_flush_wait", umbel_flush_wait(c->handle, TIMEOUT_MS));
	umbel_cork(c->handle);
}

/* It was not taken: when for want of room, wait for it. */
static void
publish_again(struct umbel_client *c, int r, const char *topic,
              const void *data, size_t len)
{
	while (r == -EAGAIN) {
		umbel_client_receive(&c->base, TIMEOUT_MS);
		r = umbel_publish(c->handle, topic, data, len);
	}
	must(c, topic, r);
}

static void
umbel_client_publish(struct client *client, const char *topic, const void *data,
                     size_t len)
{
	struct umbel_client *c = (struct umbel_client *)client;
	int r = umbel_publish(c->handle, topic, data, len);

	if (r != 0)
		publish_again(c, r, topic, data, len);
}

static void
on_reply(struct umbel *handle, const struct umbel_reply_info *info, void *user)
{
	struct umbel_client *c = user;
	const void *data;
	size_t len;

	(void)handle;
	if (info->error)
		die("umbel: request: %s", info->text);
	data = umbel_msg_data(info->msg, &len);
	c->base.on_message(c->base.user, data, len);
}

static void
umbel_client_ask(struct client *client, const char *topic, const void *data,
                 size_t len)
{
	struct umbel_client *c = (struct umbel_client *)client;

	must(c, topic,
	     umbel_request(c->handle, topic, data, len, TIMEOUT_MS, on_reply,
	                   c));
}

static void
on_request(struct umbel *handle, const struct umbel_msg *m, void *user)
{
	size_t len;
	const void *data = umbel_msg_data(m, &len);

	(void)handle;
	must(user, "umbel_reply", umbel_reply(handle, m, data, len));
}

static void
umbel_client_answer(struct client *client, const char *topic)
{
	struct umbel_client *c = (struct umbel_client *)client;

	must(c, topic,
	     umbel_subscribe(c->handle, topic, on_request, c,
	                     UMBEL_SUB_OPTIONS(.on_active = on_active),
	                     &c->last));
	c->n_pending++;
}

static int
umbel_client_fd(struct client *client)
{
	return umbel_fd(((struct umbel_client *)client)->handle);
}

static void
umbel_client_disconnect(struct client *client)
{
	struct umbel_client *c = (struct umbel_client *)client;

	umbel_free(c->handle);
	free(c);
}

const struct adapter adapter_umbel = {
	.name = "umbel",
	.holds_back = true,
	.has_filters = true,
	.has_wildcards = true,
	.acknowledges = true,
	.serve = umbel_serve,
	.answers = umbel_answers,
	.connect = umbel_client_connect,
	.subscribe = umbel_client_subscribe,
	.join = umbel_client_join,
	.start = umbel_client_start,
	.sync = umbel_client_sync,
	.unsubscribe = umbel_client_unsubscribe,
	.publish = umbel_client_publish,
	.ask = umbel_client_ask,
	.answer = umbel_client_answer,
	.flush = umbel_client_flush,
	.receive = umbel_client_receive,
	.fd = umbel_client_fd,
	.disconnect = umbel_client_disconnect,
};
