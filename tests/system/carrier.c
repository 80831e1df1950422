/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * carrier - a client whose words are another's: it connects, and carries bytes
 * between the broker and its stdin, a socket, until both have ended. So there
 * is a process that can be stopped. The first byte of all is its own: it is
 * connected.
 *
 *	carrier SOCKET
 *
 * Its stdout is a file of two int64_t in the byte order of the machine, for who
 * wants to know how long it did nothing: when it last had its turn, and the
 * longest time between two turns, in nanoseconds; the reader may set that to 0.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define TURN_MS 50

struct turns {
	volatile int64_t last_ns;
	volatile int64_t longest_ns;
};

/* One direction. */
struct way {
	int from, to;
	char bytes[65536];
	size_t n;
	bool ended;  /* nothing more comes; what is here is still to go */
	bool closed; /* and the other end knows */
};

static void
take_turn(struct turns *turns)
{
	struct timespec t;
	int64_t now, gap;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
	gap = turns->last_ns > 0 ? now - turns->last_ns : 0;
	if (gap > turns->longest_ns)
		turns->longest_ns = gap;
	turns->last_ns = now;
}

static bool
would_block(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void
carry(struct way *w)
{
	ssize_t n = 0;

	if (!w->ended && w->n < sizeof(w->bytes)) {
		n = read(w->from, w->bytes + w->n, sizeof(w->bytes) - w->n);
		w->ended = n <= 0 && !would_block(n);
		w->n += n > 0 ? (size_t)n : 0;
	}
	if (w->n > 0) {
		n = send(w->to, w->bytes, w->n, MSG_NOSIGNAL);
		if (n < 0 && !would_block(n))
			n = (ssize_t)w->n; /* nobody takes it any more */
		w->n -= n > 0 ? (size_t)n : 0;
		memmove(w->bytes, w->bytes + (n > 0 ? n : 0), w->n);
	}
	if (w->ended && w->n == 0 && !w->closed) {
		shutdown(w->to, SHUT_WR);
		w->closed = true;
	}
}

static short
wanted(const struct way *in, const struct way *out)
{
	bool reads = !in->ended && in->n < sizeof(in->bytes);

	return (short)((reads ? POLLIN : 0) | (out->n > 0 ? POLLOUT : 0));
}

static void
run(struct way *up, struct way *down, struct turns *turns)
{
	while (!down->closed) {
		struct pollfd fds[] = {
			{ .fd = up->from, .events = wanted(up, down) },
			{ .fd = down->from, .events = wanted(down, up) },
		};

		/* an end that is known is no news */
		if (fds[0].events == 0)
			fds[0].fd = -1;
		if (fds[1].events == 0)
			fds[1].fd = -1;
		poll(fds, 2, TURN_MS);
		take_turn(turns);
		carry(up);
		carry(down);
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	static struct way up, down;
	struct turns *turns;
	int broker;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* even when it is stopped */
	if (argc != 2 || strlen(argv[1]) >= sizeof(a.sun_path))
		return 2;
	turns = mmap(NULL, sizeof(*turns), PROT_READ | PROT_WRITE, MAP_SHARED,
	             STDOUT_FILENO, 0);
	memcpy(a.sun_path, argv[1], strlen(argv[1]));
	broker = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (turns == MAP_FAILED || broker < 0 ||
	    connect(broker, (struct sockaddr *)&a, sizeof(a)) < 0)
		return 1;
	fcntl(broker, F_SETFL, O_NONBLOCK);
	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	up.from = down.to = STDIN_FILENO;
	up.to = down.from = broker;
	take_turn(turns);
	if (write(STDIN_FILENO, "\n", 1) != 1)
		return 1;
	run(&up, &down, turns);
	_exit(0); /* a sanitizer that looks for leaks stops for good when it is
	             told to go on just then */
}
