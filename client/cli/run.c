/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel run - a command with a private broker, and nothing left of it.
 *
 * Three generations: this process only waits; its child, the keeper, is the
 * parent of umbeld and of CMD and cleans up. The keeper holds the reading end
 * of a pipe whose writing end is ours alone, so that it notices our end
 * whatever the cause, SIGKILL included. If it is the keeper that is killed,
 * the system ends its children, and we remove the folder.
 */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "cli.h"
#include "run_system.h"
#include "umbeld.h"

#define START_MS 30000 /* umbeld has this long to listen */
#define STOP_MS  5000  /* ... and this long to end */

static const char help[] =
	"usage: umbel run [UMBELD OPTION...] -- CMD [ARG...]\n"
	"       umbel run CMD [ARG...]\n"
	"\n"
	"Run CMD with a private broker: a fresh umbeld on a socket in a temporary\n"
	"folder, which CMD and what it starts find in UMBEL_SOCKET. Afterwards\n"
	"all of it is gone, also when umbel run itself is killed.\n"
	"\n"
	"  umbel run -- make test\n"
	"  umbel run -- sh -c 'umbel sub --count 1 --on-ready \"umbel pub a b\" a'\n"
	"\n"
	"umbeld is the one beside this program, or in PATH; UMBELD=/path/to/umbeld\n"
	"names another. Its log is shown only when it fails. Signals sent to us\n"
	"reach CMD. What CMD leaves running when it ends is left alone.\n"
	"\n"
	"exit status: that of CMD, 128 + N when signal N killed it; 125 when\n"
	"there is no broker, 126 when CMD cannot be run, 127 when it is not there\n";

struct run {
	struct cli *cli;
	char **umbeld_options;
	int n_umbeld_options;
	char **command;

	char folder[64];
	char socket[80];
	char log[80];
	char umbeld[PATH_MAX];

	pid_t broker; /* 0: not started, or ended */
	pid_t cmd;
	int cmd_status; /* as of waitpid(), when cmd is 0 again */
	int broker_status;
	int life; /* the keeper's end of our life line */
};

/* ---- signals: from us to the keeper to CMD ------------------------------ */

static const int passed_on[] = { SIGINT,  SIGTERM, SIGHUP,
	                         SIGQUIT, SIGUSR1, SIGUSR2 };
#define N_PASSED_ON (sizeof(passed_on) / sizeof(passed_on[0]))

static volatile pid_t heir;   /* whom we pass signals on to */
static volatile pid_t sender; /* ... from whom alone, 0: from anybody */
static int wake = -1;
static volatile sig_atomic_t asked_to_end;

/* What a terminal sends has reached CMD as well, which is in the same process
   group; what a process sent was for us. */
static void
on_signal(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	ssize_t n;

	(void)context;
	if (number != SIGCHLD && info->si_code <= 0 &&
	    (sender == 0 || info->si_pid == sender)) {
		if (heir > 0)
			kill(heir, number);
		else
			asked_to_end = number;
	}
	if (wake >= 0) {
		n = write(wake, "", 1);
		(void)n;
	}
	errno = saved;
}

static void
catch_signal(int number)
{
	struct sigaction action = {
		.sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO,
	};
	struct sigaction before;

	sigaction(number, NULL, &before);
	if (before.sa_handler != SIG_IGN || number == SIGCHLD)
		sigaction(number, &action, NULL);
}

static void
catch_signals(void)
{
	for (size_t i = 0; i < N_PASSED_ON; i++)
		catch_signal(passed_on[i]);
}

static void
stop_catching(int number)
{
	struct sigaction action;

	sigaction(number, NULL, &action);
	if (action.sa_handler == SIG_IGN)
		return;
	action = (struct sigaction){ .sa_handler = SIG_DFL };
	sigaction(number, &action, NULL);
}

/*
 * fork() for a child that will be another program: a signal that is meant for
 * that one must not run into our handler, which knows nothing of it.
 */
static pid_t
fork_program(void)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < N_PASSED_ON; i++)
			stop_catching(passed_on[i]);
		stop_catching(SIGCHLD);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* ---- the folder --------------------------------------------------------- */

static void
make_folder(struct run *run)
{
	const char *base = getenv("TMPDIR");

	/* a socket's path has about 100 bytes in all */
	if (!base || *base != '/' || strlen(base) > 40)
		base = "/tmp";
	snprintf(run->folder, sizeof(run->folder), "%s/umbel-run.XXXXXX", base);
	if (!mkdtemp(run->folder)) {
		cli_complain("cannot make a folder %s: %s", run->folder,
		             strerror(errno));
		exit(CLI_OWN);
	}
	snprintf(run->socket, sizeof(run->socket), "%s/sock", run->folder);
	snprintf(run->log, sizeof(run->log), "%s/log", run->folder);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	remove(path);
	return 0;
}

static void
remove_folder(const struct run *run)
{
	nftw(run->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/*
 * waitpid(), but no signal is passed on to a pid that is free already: until a
 * process is reaped, its pid is nobody else's.
 */
static pid_t
reap(idtype_t which, id_t id, int options, int *status)
{
	siginfo_t ended = { 0 };

	if (waitid(which, id, &ended, WEXITED | WNOWAIT | options) < 0)
		return -1;
	if (ended.si_pid == 0)
		return 0;
	if (ended.si_pid == heir)
		heir = 0;
	return waitpid(ended.si_pid, status, 0);
}

/* ---- the keeper: broker ------------------------------------------------- */

static _Noreturn void
become_umbeld(const struct run *run, pid_t keeper, int ready, int log)
{
	char ready_text[16];
	char **argv = calloc((size_t)run->n_umbeld_options + 10, sizeof(*argv));
	int n = 0;
	int null = open("/dev/null", O_RDONLY);

	if (!argv)
		_exit(CLI_OWN);
	run_die_with(keeper);
	setsid(); /* Ctrl-C is for CMD */
	dup2(null, STDIN_FILENO);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	fcntl(ready, F_SETFD, 0);
	snprintf(ready_text, sizeof(ready_text), "%d", ready);
	argv[n++] = (char *)run->umbeld;
	argv[n++] = (char *)"--mode";
	argv[n++] = (char *)"0600";
	argv[n++] = (char *)"--settle-ms"; /* nobody was here before */
	argv[n++] = (char *)"0";
	for (int i = 0; i < run->n_umbeld_options; i++)
		argv[n++] = run->umbeld_options[i];
	argv[n++] = (char *)"--socket";
	argv[n++] = (char *)run->socket;
	argv[n++] = (char *)"--ready-fd";
	argv[n++] = ready_text;
	execvp(run->umbeld, argv);
	umbeld_complain(run->umbeld);
	_exit(127);
}

/* What umbeld said, for the case that it matters. */
static void
show_log(const struct run *run)
{
	char bytes[4096];
	ssize_t n;
	int fd = open(run->log, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		fwrite(bytes, 1, (size_t)n, stderr);
	close(fd);
}

static int
start_umbeld(struct run *run)
{
	pid_t keeper = getpid();
	int ready[2];
	int log =
		open(run->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (log < 0 || pipe2(ready, O_CLOEXEC) < 0)
		cli_die("cannot make %s: %s", run->log, strerror(errno));
	umbeld_find(run->umbeld, sizeof(run->umbeld));
	run->broker = fork_program();
	if (run->broker < 0)
		cli_die("cannot fork: %s", strerror(errno));
	if (run->broker == 0)
		become_umbeld(run, keeper, ready[1], log);
	close(log);
	close(ready[1]);
	return ready[0];
}

/* One turn of the keeper's loop. False when our life line is cut. */
static bool
wait_for_news(struct run *run, int wake_fd, int fd, int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = run->life, .events = POLLIN },
		{ .fd = wake_fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	char bytes[64];
	int status;
	pid_t pid;

	if (poll(fds, 3, timeout_ms) > 0 && fds[1].revents)
		while (read(wake_fd, bytes, sizeof(bytes)) > 0)
			;
	while ((pid = reap(P_ALL, 0, WNOHANG, &status)) > 0) {
		if (pid == run->cmd) {
			run->cmd = 0;
			run->cmd_status = status;
		} else if (pid == run->broker) {
			run->broker = 0;
			run->broker_status = status;
		}
	}
	return !fds[0].revents;
}

/* Wait for the byte that says it listens. */
static bool
await_umbeld(struct run *run, int wake_fd, int ready)
{
	int64_t deadline = cli_deadline(START_MS);
	bool listens = false;
	char byte;

	fcntl(ready, F_SETFL, O_NONBLOCK);
	while (!listens && run->broker > 0 && !asked_to_end &&
	       cli_left(deadline) > 0) {
		if (!wait_for_news(run, wake_fd, ready, cli_left(deadline)))
			break;
		listens = read(ready, &byte, 1) == 1;
	}
	close(ready);
	return listens;
}

static void
stop_umbeld(struct run *run, int wake_fd)
{
	int64_t deadline = cli_deadline(STOP_MS);

	if (run->broker > 0)
		kill(run->broker, SIGTERM);
	while (run->broker > 0 && cli_left(deadline) > 0)
		if (!wait_for_news(run, wake_fd, -1, cli_left(deadline)))
			break;
	if (run->broker > 0)
		kill(run->broker, SIGKILL);
	while (run->broker > 0)
		wait_for_news(run, wake_fd, -1, 100);
}

/* ---- the keeper: CMD ---------------------------------------------------- */

static _Noreturn void
become_command(const struct run *run, pid_t keeper)
{
	int error;

	run_die_with(keeper);
	setenv("UMBEL_SOCKET", run->socket, 1);
	execvp(run->command[0], run->command);
	error = errno;
	cli_complain("cannot run %s: %s", run->command[0], strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

static void
start_command(struct run *run)
{
	pid_t keeper = getpid();

	run->cmd = fork_program();
	if (run->cmd < 0)
		cli_die("cannot fork: %s", strerror(errno));
	if (run->cmd == 0)
		become_command(run, keeper);
	heir = run->cmd;
	if (asked_to_end)
		kill(heir, asked_to_end);
}

static int
status_of(int status)
{
	return WIFSIGNALED(status) ? CLI_SIGNAL + WTERMSIG(status)
	                           : WEXITSTATUS(status);
}

/* Until CMD has ended; false when we are to vanish. */
static bool
await_command(struct run *run, int wake_fd)
{
	bool broker_told = false;

	while (run->cmd > 0) {
		/* it may have ended before CMD was started */
		if (run->broker == 0 && !broker_told) {
			cli_complain("the private broker has ended: status %d",
			             status_of(run->broker_status));
			show_log(run);
			broker_told = true;
		}
		if (!wait_for_news(run, wake_fd, -1, -1))
			return false;
	}
	heir = 0;
	return true;
}

static void
vanish(const struct run *run)
{
	const pid_t known[] = { run->cmd, run->broker };

	run_kill_descendants(known, 2);
}

/* The keeper; signals wait until it has its handlers. */
static int
keep(struct run *run, pid_t parent, const sigset_t *mask)
{
	int fds[2];
	int r = CLI_OWN;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		cli_die("cannot make a pipe: %s", strerror(errno));
	wake = fds[1];
	sender = parent;
	run_adopt_descendants();
	catch_signals();
	catch_signal(SIGCHLD);
	sigprocmask(SIG_SETMASK, mask, NULL);

	if (await_umbeld(run, fds[0], start_umbeld(run))) {
		start_command(run);
		if (!await_command(run, fds[0])) {
			vanish(run);
			return r;
		}
		r = status_of(run->cmd_status);
	} else if (asked_to_end) {
		r = CLI_SIGNAL + asked_to_end;
	} else {
		show_log(run);
		cli_complain("the private broker did not start");
	}
	stop_umbeld(run, fds[0]);
	return r;
}

/* ---- we ----------------------------------------------------------------- */

static int
await_keeper(const struct run *run, pid_t keeper)
{
	int status = 0;

	while (reap(P_PID, (id_t)keeper, 0, &status) < 0)
		if (errno != EINTR)
			cli_die("cannot wait: %s", strerror(errno));
	remove_folder(run); /* it has, unless it came to a bad end */
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	cli_complain("the process that kept broker and command was killed");
	return CLI_OWN;
}

static int
start(struct run *run)
{
	pid_t self = getpid();
	sigset_t all;
	sigset_t before;
	pid_t keeper;
	int life[2];

	if (pipe2(life, O_CLOEXEC) < 0)
		cli_die("cannot make a pipe: %s", strerror(errno));
	make_folder(run);
	signal(SIGCHLD,
	       SIG_DFL); /* an ignored one leaves nothing to wait for */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	keeper = fork();
	if (keeper < 0) {
		remove_folder(run);
		cli_die("cannot fork: %s", strerror(errno));
	}
	if (keeper == 0) {
		int r;

		close(life[1]);
		run->life = life[0];
		r = keep(run, self, &before);
		remove_folder(run);
		exit(r);
	}
	close(life[0]);
	heir = keeper;
	catch_signals();
	sigprocmask(SIG_SETMASK, &before, NULL);
	return await_keeper(run, keeper);
}

/* ---- the command line --------------------------------------------------- */

static void
check_umbeld_options(const struct run *run)
{
	static const char *const ours[] = { "--socket", "--ready-fd" };

	for (int i = 0; i < run->n_umbeld_options; i++)
		for (size_t j = 0; j < 2; j++)
			if (strncmp(run->umbeld_options[i], ours[j],
			            strlen(ours[j])) == 0)
				cli_misused(run->cli, "%s is ours to choose",
				            ours[j]);
}

int
run_main(struct cli *cli, int argc, char **argv)
{
	struct run run = { .cli = cli };
	int i = 1;

	if (argc > 1 &&
	    (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		cli_print(help);
		return CLI_OK;
	}
	if (cli->socket)
		cli_misused(cli, "run makes a socket of its own: no --socket");
	if (argc > 1 && argv[1][0] == '-') {
		while (i < argc && strcmp(argv[i], "--") != 0)
			i++;
		run.umbeld_options = argv + 1;
		run.n_umbeld_options = i - 1;
		i++;
	}
	if (i >= argc)
		cli_misused(cli, "which command? umbel run -- CMD");
	run.command = argv + i;
	check_umbeld_options(&run);
	return start(&run);
}
