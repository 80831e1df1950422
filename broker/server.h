/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * server - the event loop, and everything wired together: doors let connections
 * in, signals stop the broker, and one alarm drives all deadlines.
 */
#ifndef UMBELD_SERVER_H
#define UMBELD_SERVER_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>

#include "broker.h"
#include "config.h"
#include "conn.h"
#include "datagram.h"
#include "doors.h"
#include "gateway.h"
#include "listener.h"

struct server {
	struct config *config;
	int argc; /* the arguments it was read from */
	char **argv;
	struct event_base *base;
	struct broker broker;
	struct conns conns;
	struct doors doors;
	struct gateway gateway;
	struct doors http_doors;
	struct config_socket http_socket;
	struct listener datagram_listener;
	struct datagrams datagrams;
	struct event *datagrams_there; /* NULL: no datagrams are taken */
	struct event *sigterm;
	struct event *sigint;
	struct event *sighup;
	int alarm; /* fires at the next deadline */
	struct event *alarm_rings;
	uint64_t alarm_at_ms;
	struct deadline_queue drains; /* one, after a signal */
	struct deadline drain;
	struct deadline_queue cuts; /* one, after a signal while settling */
	struct deadline cut;
	struct deadline_queue watchdogs; /* one, if there is a watchdog */
	struct deadline watchdog;
	bool stopping; /* a signal has come */
	bool done;
};

/*
 * Set up everything that is needed to serve. `config` is borrowed, and so are
 * the arguments that it was read from, because SIGHUP reads them again. Returns
 * 0, or a negative value after printing the reason. Call server_fini() in both
 * cases.
 */
int server_init(struct server *srv, struct config *config, int argc,
                char **argv);

/* Serve until a signal says to stop. Returns 0, or a negative value after saying
   why it cannot go on. */
int server_run(struct server *srv);

void server_fini(struct server *srv);

#endif
