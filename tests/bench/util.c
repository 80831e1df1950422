/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SOCKET_BUFFER (1 << 20)

_Noreturn void
die(const char *format, ...)
{
	va_list args;

	fputs("\nbench: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	_exit(1);
}

/* ---- memory -------------------------------------------------------------- */

void *
must_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		die("no memory for %zu bytes", size);
	return p;
}

void *
must_realloc(void *p, size_t size)
{
	p = realloc(p, size);
	if (!p)
		die("no memory for %zu bytes", size);
	return p;
}

char *
must_format(const char *format, ...)
{
	va_list args;
	char *text;
	int r;

	va_start(args, format);
	r = vasprintf(&text, format, args);
	va_end(args);
	if (r < 0)
		die("no memory");
	return text;
}

/* ---- clocks and figures -------------------------------------------------- */

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) < 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t
now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t
cpu_ns(int pid)
{
	clockid_t clock;

	return clock_getcpuclockid(pid, &clock) == 0 ? clock_ns(clock) : 0;
}

void
sleep_until(uint64_t ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / 1000000000),
		              .tv_nsec = (long)(ns % 1000000000) };

	(void)clock_nanosleep(/* stimulus: a pace that is measured */
	                      CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

uint64_t
memory_of(int pid, const char *line)
{
	unsigned long long kib = 0;
	char path[64], text[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(text, sizeof(text), f))
		if (strncmp(text, line, strlen(line)) == 0)
			kib = strtoull(text + strlen(line), NULL, 10);
	fclose(f);
	return kib * 1024;
}

/* ---- waiting across processes -------------------------------------------- */

void
word_await(_Atomic uint32_t *word, uint32_t value, int timeout_ms)
{
	struct timespec t = { .tv_sec = timeout_ms / 1000,
		              .tv_nsec = timeout_ms % 1000 * 1000000L };

	(void)syscall(SYS_futex, word, FUTEX_WAIT, value, &t, NULL, 0);
}

void
word_wake(_Atomic uint32_t *word)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* ---- Unix sockets -------------------------------------------------------- */

void
unix_enlarge(int fd)
{
	int size = SOCKET_BUFFER;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static int
unix_socket(struct sockaddr_un *address, const char *dir, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket: %s", strerror(errno));
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s", dir,
	             name) >= (int)sizeof(address->sun_path))
		die("%s is too long for a socket's directory", dir);
	return fd;
}

int
unix_listen(const char *dir, const char *name)
{
	struct sockaddr_un address;
	int fd = unix_socket(&address, dir, name);

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		die("%s: %s", address.sun_path, strerror(errno));
	return fd;
}

int
unix_connect(const char *dir, const char *name)
{
	struct sockaddr_un address;
	int fd = unix_socket(&address, dir, name);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	unix_enlarge(fd);
	return fd;
}

bool
unix_answers(const char *dir, const char *name)
{
	int fd = unix_connect(dir, name);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* ---- servers ------------------------------------------------------------- */

_Noreturn void
exec_server(const char *dir, const char *const *argv)
{
	char *path = must_format("%s/log", dir);
	int log = open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);
	int out = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	if (log < 0 || chdir(dir) < 0)
		die("%s: %s", path, strerror(errno));
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	dup2(out, STDERR_FILENO);
	die("%s: %s", argv[0], strerror(errno));
}
