/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * epoll_loop - a program with its own epoll loop: it publishes what the user
 * types, and prints what others type.
 *
 * usage: epoll_loop [ROOM]
 *
 * The handle has one descriptor, which stays the same for its whole life. When
 * the connection breaks nothing has to be registered again, and there are no
 * timers to manage.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <umbel.h>
#include <unistd.h>

static char topic[256];

static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct umbel_sender sender = umbel_msg_sender(m);
	size_t len;
	const char *data = umbel_msg_data(m, &len);

	(void)user;
	if (sender.session == umbel_session(c))
		return; /* our own message */
	printf("[uid %u] %.*s\n", (unsigned)sender.uid, (int)len, data);
	fflush(stdout);
}

static void
on_state(struct umbel *c, enum umbel_state state,
         const struct umbel_state_info *info, void *user)
{
	(void)user;
	if (state == UMBEL_CONNECTED)
		fprintf(stderr, "* in %s at %s\n", topic, umbel_address(c));
	else if (state == UMBEL_DISCONNECTED)
		fprintf(stderr, "* not connected: %s\n", info->text);
}

/* Returns false at the end of stdin. */
static bool
on_typed(struct umbel *c)
{
	char text[1024];
	ssize_t n = read(STDIN_FILENO, text, sizeof(text));
	int r;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	if (text[n - 1] == '\n')
		n--;
	r = umbel_publish(c, topic, text, (size_t)n);
	if (r < 0)
		fprintf(stderr, "* not said: %s\n", umbel_strerror(r));
	return true;
}

static bool
watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void
loop(struct umbel *c)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event;
	bool typing = true;

	/* a file or /dev/null is always ready, and epoll refuses it */
	if (!watch(epoll, STDIN_FILENO)) {
		while (typing)
			typing = on_typed(c);
	}
	watch(epoll, umbel_fd(c));
	while (typing) {
		if (epoll_wait(epoll, &event, 1, -1) <= 0)
			continue;
		if (event.data.fd == STDIN_FILENO)
			typing = on_typed(c);
		else
			umbel_dispatch(c, 0);
	}
	close(epoll);
}

int
main(int argc, char **argv)
{
	const char *room = argc > 1 ? argv[1] : "lobby";
	struct umbel *c;

	if (umbel_topic(topic, sizeof(topic), "chat", room, NULL) < 0) {
		fprintf(stderr, "epoll_loop: no name for a room: %s\n", room);
		return 2;
	}
	if (umbel_new(&c, UMBEL_OPTIONS(.name = "epoll_loop",
	                                .on_state = on_state)) < 0)
		return 1;
	umbel_subscribe(c, topic, on_message, NULL, NULL, NULL);
	umbel_connect(c, 0);
	loop(c);
	return umbel_close(c, 1000) != 0;
}
