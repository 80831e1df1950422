/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * dbus - signals through dbus-daemon and libdbus. A topic is the path of an
 * object, the payload an array of bytes; the daemon's limits are raised.
 */
#include <dbus/dbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../adapter.h"
#include "../util.h"

#define SOCKET    "dbus.sock"
#define INTERFACE "org.umbel.Bench"
#define PATH_SIZE 256

struct dbus_client {
	struct client base;
	DBusConnection *connection;
};

static void
dbus_serve(const char *dir)
{
	char *path = must_format("%s/conf", dir);
	char *option = must_format("--config-file=%s", path);
	FILE *f = fopen(path, "we");

	if (!f ||
	    fprintf(f,
	            "<busconfig><listen>unix:path=%s/" SOCKET "</listen>"
	            "<auth>EXTERNAL</auth><policy context='default'>"
	            "<allow send_destination='*' eavesdrop='true'/>"
	            "<allow eavesdrop='true'/><allow own='*'/></policy>"
	            "<limit name='max_incoming_bytes'>1000000000</limit>"
	            "<limit name='max_outgoing_bytes'>1000000000</limit>"
	            "<limit name='max_completed_connections'>10000</limit>"
	            "<limit name='max_connections_per_user'>10000</limit>"
	            "<limit name='max_incomplete_connections'>10000</limit>"
	            "</busconfig>\n",
	            dir) < 0 ||
	    fclose(f) != 0)
		die("dbus: %s", path);
	exec_server(dir, (const char *[]){ "dbus-daemon", option, "--nofork",
	                                   "--nopidfile", NULL });
}

static bool
dbus_answers(const char *dir)
{
	return unix_answers(dir, SOCKET);
}

static void
must(bool good, const char *what, DBusError *error)
{
	if (!good || (error && dbus_error_is_set(error)))
		die("dbus: %s: %s", what,
		    error && error->message ? error->message : "no memory");
}

static DBusHandlerResult
on_message(DBusConnection *connection, DBusMessage *m, void *user)
{
	struct dbus_client *c = user;
	const char *data;
	int len;

	(void)connection;
	if (!dbus_message_is_signal(m, INTERFACE, "M"))
		return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
	must(dbus_message_get_args(m, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE,
	                           &data, &len, DBUS_TYPE_INVALID),
	     "get_args", NULL);
	c->base.on_message(c->base.user, data, (size_t)len);
	return DBUS_HANDLER_RESULT_HANDLED;
}

static struct client *
dbus_connect(const char *dir, const struct client *model)
{
	struct dbus_client *c = must_alloc(sizeof(*c));
	char *address = must_format("unix:path=%s/" SOCKET, dir);
	DBusError error = DBUS_ERROR_INIT;

	c->base = *model;
	c->connection = dbus_connection_open_private(address, &error);
	must(c->connection, address, &error);
	must(dbus_bus_register(c->connection, &error), "Hello", &error);
	must(dbus_connection_add_filter(c->connection, on_message, c, NULL),
	     "filter", NULL);
	free(address);
	return &c->base;
}

/* a.b.c is /a/b/c */
static void
path_of(char path[PATH_SIZE], const char *topic)
{
	snprintf(path, PATH_SIZE, "/%s", topic);
	for (; *path; path++)
		if (*path == '.')
			*path = '/';
}

static void
dbus_subscribe(struct client *client, const char *filter)
{
	struct dbus_client *c = (struct dbus_client *)client;
	DBusError error = DBUS_ERROR_INIT;
	char path[PATH_SIZE];
	char *rule;

	path_of(path, filter);
	rule = must_format("type='signal',path='%s'", path);
	dbus_bus_add_match(c->connection, rule, &error);
	must(true, rule, &error);
	free(rule);
}

/* dbus_bus_add_match() has waited. */
static void
dbus_sync(struct client *client)
{
	(void)client;
}

static void
dbus_flush(struct client *client)
{
	dbus_connection_flush(((struct dbus_client *)client)->connection);
}

static void
dbus_publish(struct client *client, const char *topic, const void *data,
             size_t len)
{
	struct dbus_client *c = (struct dbus_client *)client;
	char path[PATH_SIZE];
	DBusMessage *m;

	path_of(path, topic);
	m = dbus_message_new_signal(path, INTERFACE, "M");
	must(m && dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE,
	                                   &data, (int)len, DBUS_TYPE_INVALID),
	     topic, NULL);
	must(dbus_connection_send(c->connection, m, NULL), "send", NULL);
	dbus_message_unref(m);
	if (!client->bulk)
		dbus_flush(client);
}

static void
dbus_receive(struct client *client, int timeout_ms)
{
	DBusConnection *connection = ((struct dbus_client *)client)->connection;

	if (!dbus_connection_read_write_dispatch(connection, timeout_ms))
		die("dbus: the connection has ended");
}

static int
dbus_fd(struct client *client)
{
	int fd = -1;

	dbus_connection_get_unix_fd(((struct dbus_client *)client)->connection,
	                            &fd);
	return fd;
}

static void
dbus_disconnect(struct client *client)
{
	struct dbus_client *c = (struct dbus_client *)client;

	dbus_connection_close(c->connection);
	dbus_connection_unref(c->connection);
	free(c);
}

const struct adapter adapter_dbus = {
	.name = "dbus",
	.is_peer = true,
	.acknowledges = true,
	.remarks = "dbus-daemon through libdbus: signals of an array of bytes",
	.serve = dbus_serve,
	.answers = dbus_answers,
	.connect = dbus_connect,
	.subscribe = dbus_subscribe,
	.sync = dbus_sync,
	.publish = dbus_publish,
	.flush = dbus_flush,
	.receive = dbus_receive,
	.fd = dbus_fd,
	.disconnect = dbus_disconnect,
};
