/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * run - one measurement of one workload on one system: a server of its own in
 * a directory of its own, and actors, the processes that publish and subscribe.
 *
 * All of them start together and end together:
 *
 *	the bench           an actor
 *	run_begin           -
 *	run_add, for each   connects, subscribes
 *	run_start           actor_ready: waits until all are
 *	(they work)         does what is measured
 *	run_finish          actor_done: waits until it is killed
 *	run_end             -
 *
 * A run that takes too long fails, and so does one whose server or one of whose
 * actors ends before its time. Whatever happens, run_end() leaves no process
 * and no file behind; a signal that ends the bench does the same.
 */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "adapter.h"

/* What an actor shares with the others, on cache lines of its own. */
struct slot {
	_Alignas(128) uint64_t first_ns; /* a publisher: before its first */
	uint64_t last_ns;                /* a subscriber: after its last */
	uint64_t n_messages;
	uint64_t cpu_ns;   /* of this actor, from the start until it is done */
	double figures[4]; /* whatever else a workload measures */

	/* a subscriber's: how far it has come before the start; how many
	   messages have, told when that matters; somebody waits to be told */
	_Atomic uint32_t reached;
	_Atomic uint32_t n_received;
	_Atomic uint32_t awaited;
};

struct run {
	const struct adapter *adapter;
	double seconds;     /* for how long publishers publish */
	uint64_t limit;     /* ... unless this says how many messages; 0: no */
	const char *tmp;    /* where to put directories */
	const char *config; /* what umbeld reads; NULL: nothing */
	int cpu;            /* the core for everybody, or -1 */
	uint64_t patience_ns;

	char *dir;
	pid_t server;
	pid_t *actors;
	unsigned n_actors, max_actors;
	struct slot *slots;
	int ready[2]; /* actors write a byte */
	int go[2];    /* ... and wait for the end of this */
	uint64_t deadline_ns;
	int ended_by; /* a signal: run_end() will not return */

	uint64_t cpu_ns; /* of the server, while they worked */
};

struct actor {
	struct run *run;
	struct slot *slot;
	unsigned index;   /* among all */
	const void *task; /* the workload's */
	unsigned part;    /* which one of those that do the same */
};

typedef void actor_fn(struct actor *me);

/* Take over SIGINT, SIGTERM, SIGALRM and SIGCHLD, for all runs to come. */
void run_init(void);

/* Functions return 0, or -1 when the run failed; why is on stderr. run_end() is
   to be called in any case. */
int run_begin(struct run *r, unsigned max_actors);
void run_add(struct run *r, actor_fn *fn, const void *task, unsigned part);
int run_start(struct run *r);
int run_finish(struct run *r);
void run_end(struct run *r);

/* In an actor. It is done when its function returns, too. */
void actor_ready(struct actor *me);
void actor_name(const char *name); /* for ps, top and perf */
/* ... but goes on, until it is killed. */
void actor_tell_done(struct actor *me);
_Noreturn void actor_done(struct actor *me);

#endif
