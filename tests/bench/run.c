/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#define SERVER_END_MS 2000

/* Signals have no context but the process. */
static int signals = -1;

void
run_init(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGALRM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		die("signalfd: %s", strerror(errno));
}

/* ---- processes ----------------------------------------------------------- */

/* In a new process: nothing of the bench's but stderr, and it dies with it. */
static void
become_child(pid_t bench, int cpu)
{
	cpu_set_t one;
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != bench)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
	close(signals);
	if (cpu < 0)
		return;
	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		die("sched_setaffinity: %s", strerror(errno));
}

static pid_t
fork_or_die(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	return pid;
}

static void
tell_end(const struct run *r, pid_t pid, int status)
{
	const char *who = pid == r->server ? "the server" : "an actor";

	if (WIFSIGNALED(status))
		fprintf(stderr, "\nbench: %s: %s ended by signal %d\n",
		        r->adapter->name, who, WTERMSIG(status));
	else
		fprintf(stderr, "\nbench: %s: %s ended with status %d\n",
		        r->adapter->name, who, WEXITSTATUS(status));
}

/* Nobody ends by himself: -1 when somebody did. */
static int
reap(struct run *r)
{
	int status, result = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		tell_end(r, pid, status);
		result = -1;
		if (pid == r->server)
			r->server = 0;
		for (unsigned i = 0; i < r->n_actors; i++)
			if (r->actors[i] == pid)
				r->actors[i] = 0;
	}
	return result;
}

static int
take_signals(struct run *r)
{
	struct signalfd_siginfo info;
	int result = 0;

	while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			result |= reap(r);
			continue;
		}
		fprintf(stderr, "\nbench: ended by signal %u\n",
		        info.ssi_signo);
		r->ended_by = (int)info.ssi_signo;
		run_end(r);
	}
	return result;
}

/* Wait for a byte, a signal or the time. 1: a byte came. */
static int
await(struct run *r, int fd, int at_most_ms)
{
	struct pollfd p[] = { { .fd = fd, .events = POLLIN },
		              { .fd = signals, .events = POLLIN } };
	uint64_t now = now_ns();

	if (now > r->deadline_ns) {
		fprintf(stderr, "\nbench: %s: takes too long\n",
		        r->adapter->name);
		return -1;
	}
	if (at_most_ms < 0)
		at_most_ms = (int)((r->deadline_ns - now) / 1000000) + 1;
	if (poll(p, 2, at_most_ms) < 0 && errno != EINTR)
		die("poll: %s", strerror(errno));
	if (p[1].revents && take_signals(r) < 0)
		return -1;
	return p[0].revents != 0;
}

static void
stop(pid_t pid, int signal)
{
	if (pid > 0)
		kill(pid, signal);
}

/* ---- the server ---------------------------------------------------------- */

static void
write_config(const struct run *r)
{
	char *path = must_format("%s/umbeld.yaml", r->dir);
	FILE *f = fopen(path, "we");

	if (!f || fputs(r->config, f) < 0 || fclose(f) < 0)
		die("%s: %s", path, strerror(errno));
	free(path);
}

static int
start_server(struct run *r)
{
	pid_t bench = getpid();

	r->server = fork_or_die();
	if (r->server == 0) {
		become_child(bench, r->cpu);
		r->adapter->serve(r->dir);
		_exit(1);
	}
	while (!r->adapter->answers(r->dir))
		if (await(r, -1, 2) < 0)
			return -1;
	return 0;
}

static void
show_log(const struct run *r)
{
	char *path = must_format("%s/log", r->dir);
	FILE *f = fopen(path, "re");
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		fprintf(stderr, "%s: %s", r->adapter->name, line);
	if (f)
		fclose(f);
	free(path);
}

static void
stop_server(struct run *r)
{
	uint64_t limit = now_ns() + SERVER_END_MS * UINT64_C(1000000);
	struct pollfd p = { .fd = signals, .events = POLLIN };
	int status;

	if (r->server <= 0)
		return;
	kill(r->server, SIGTERM);
	while (waitpid(r->server, &status, WNOHANG) == 0) {
		struct signalfd_siginfo info;

		if (now_ns() > limit)
			kill(r->server, SIGKILL);
		poll(&p, 1, 10);
		if (read(signals, &info, sizeof(info)) > 0 &&
		    info.ssi_signo != SIGCHLD) {
			limit = 0;
			r->ended_by = (int)info.ssi_signo;
		}
	}
	r->server = 0;
}

/* ---- a run --------------------------------------------------------------- */

int
run_begin(struct run *r, unsigned max_actors)
{
	r->deadline_ns = now_ns() + r->patience_ns;
	r->max_actors = max_actors;
	r->actors = must_alloc(max_actors * sizeof(r->actors[0]));
	r->slots =
		mmap(NULL, max_actors * sizeof(r->slots[0]),
	             PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r->slots == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	r->dir = must_format("%s/umbel-bench-XXXXXX", r->tmp);
	if (!mkdtemp(r->dir))
		die("%s: %s", r->dir, strerror(errno));
	r->ready[0] = r->ready[1] = r->go[0] = r->go[1] = -1;
	if (r->config)
		write_config(r);
	if (start_server(r) < 0) {
		show_log(r);
		return -1;
	}
	if (pipe2(r->ready, O_CLOEXEC) < 0 || pipe2(r->go, O_CLOEXEC) < 0)
		die("pipe: %s", strerror(errno));
	return 0;
}

void
run_add(struct run *r, actor_fn *fn, const void *task, unsigned part)
{
	struct actor me = { .run = r,
		            .index = r->n_actors,
		            .slot = &r->slots[r->n_actors],
		            .task = task,
		            .part = part };
	pid_t bench = getpid();
	pid_t pid;

	pid = fork_or_die();
	if (pid > 0) {
		r->actors[r->n_actors++] = pid;
		return;
	}
	become_child(bench, r->cpu);
	close(r->ready[0]);
	close(r->go[1]);
	fn(&me);
	actor_done(&me);
}

static int
await_all(struct run *r)
{
	unsigned n = 0;

	while (n < r->n_actors) {
		char bytes[256];
		int result = await(r, r->ready[0], -1);

		if (result < 0)
			return -1;
		if (result > 0)
			n += (unsigned)read(r->ready[0], bytes, sizeof(bytes));
	}
	return 0;
}

int
run_start(struct run *r)
{
	if (await_all(r) < 0)
		return -1;
	r->cpu_ns = cpu_ns(r->server);
	close(r->go[1]);
	r->go[1] = -1;
	return 0;
}

int
run_finish(struct run *r)
{
	if (await_all(r) < 0) {
		show_log(r);
		return -1;
	}
	r->cpu_ns = cpu_ns(r->server) - r->cpu_ns;
	return 0;
}

static void
close_pipe(int fds[2])
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void
run_end(struct run *r)
{
	for (unsigned i = 0; i < r->n_actors; i++)
		stop(r->actors[i], SIGTERM);
	for (unsigned i = 0; i < r->n_actors; i++)
		if (r->actors[i] > 0)
			waitpid(r->actors[i], NULL, 0);
	stop_server(r);
	close_pipe(r->ready);
	close_pipe(r->go);
	munmap(r->slots, r->max_actors * sizeof(r->slots[0]));
	if (nftw(r->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0)
		fprintf(stderr, "bench: %s: %s\n", r->dir, strerror(errno));
	free(r->dir);
	free(r->actors);
	if (r->ended_by)
		exit(128 + r->ended_by);
}

/* ---- in an actor --------------------------------------------------------- */

static void
tell(struct actor *me)
{
	char byte = 0;

	if (write(me->run->ready[1], &byte, 1) != 1)
		die("the bench is gone");
}

void
actor_ready(struct actor *me)
{
	char byte;

	tell(me);
	if (read(me->run->go[0], &byte, 1) != 0)
		die("the bench is gone");
	me->slot->cpu_ns = cpu_ns(getpid());
}

void
actor_name(const char *name)
{
	prctl(PR_SET_NAME, name);
}

void
actor_tell_done(struct actor *me)
{
	me->slot->cpu_ns = cpu_ns(getpid()) - me->slot->cpu_ns;
	tell(me);
}

_Noreturn void
actor_done(struct actor *me)
{
	actor_tell_done(me);
	for (;;)
		pause();
}
