/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * adapter - one messaging system, as the benches see it.
 *
 * Everything here runs in a process of the bench's own: serve() in the one that
 * becomes the server, the rest in publishers and subscribers. There is nobody
 * to report a failure to, so adapters end their process with die().
 *
 * Topics and filters are written as umbel writes them; respell() makes them the
 * system's own, once, before anything is measured.
 */
#ifndef BENCH_ADAPTER_H
#define BENCH_ADAPTER_H

#include <stdbool.h>
#include <stddef.h>

/* A message that arrived; `data` is borrowed for the time of the call. */
typedef void message_cb(void *user, const void *data, size_t len);

/* A connection. Adapters put this first in a struct of their own. */
struct client {
	message_cb *on_message;
	void *user;
	/* messages wait for company until flush(); else each goes at once */
	bool bulk;
	/* whatever the system offers to a program with one thread only */
	bool one_thread;
	/* when it does not read: loses the oldest messages rather than hold
	   others up, in systems where it can say so */
	bool may_lose;
};

struct adapter {
	const char *name;
	bool is_peer; /* an existing system, to be measured against */

	/* A publisher faster than its subscribers is slowed down by the system
	   itself, and nothing is lost. Otherwise the bench does it. */
	bool holds_back;
	bool has_filters;   /* many topics in one client */
	bool has_wildcards; /* ... and patterns, found by more than trying all */
	bool acknowledges;  /* sync() waits for the server's own word */
	const char *remarks; /* for the reader of the results, or NULL */

	/* Become the server, with all that it needs in `dir`. */
	void (*serve)(const char *dir);
	/* Can clients connect yet? */
	bool (*answers)(const char *dir);

	/* In place, without a change of length; NULL: nothing to do. */
	void (*respell)(char *topic_or_filter);

	/* `model` says what the new one shall be like; the rest is zeros. */
	struct client *(*connect)(const char *dir, const struct client *model);
	/* Ask for it; several may be under way. */
	void (*subscribe)(struct client *c, const char *filter);
	/* The same, as one of a queue group; NULL: it has none. */
	void (*join)(struct client *c, const char *filter, const char *group);
	/* Let the asking begin, without a wait; NULL: it has already. */
	void (*start)(struct client *c);
	/* Wait until all that was asked for is in force. */
	void (*sync)(struct client *c);
	/* From the filter asked for last; NULL: no workload needs it. */
	void (*unsubscribe)(struct client *c, const char *filter);

	void (*publish)(struct client *c, const char *topic, const void *data,
	                size_t len);
	/* Ask, and have on_message called with the answer; answer what is asked
	   on a topic with what came, from then on. NULL: not done here. */
	void (*ask)(struct client *c, const char *topic, const void *data,
	            size_t len);
	void (*answer)(struct client *c, const char *topic);
	/* All that was published is now in the kernel's hands. */
	void (*flush)(struct client *c);
	/* Call on_message for what has come, after waiting for something to
	   come for at most timeout_ms. */
	void (*receive)(struct client *c, int timeout_ms);
	/* Becomes readable when there is something to receive; -1: cannot say.
	   NULL when it never can. */
	int (*fd)(struct client *c);
	void (*disconnect)(struct client *c);
};

extern const struct adapter adapter_umbel, adapter_raw, adapter_redis,
	adapter_nats, adapter_mosquitto, adapter_zeromq, adapter_dbus;

/* Those that this bench was built with, umbel and raw first; ends with NULL. */
extern const struct adapter *const adapters[];

#endif
