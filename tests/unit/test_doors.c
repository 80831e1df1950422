/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/doors.h"

#include <event2/event.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "files.h"
#include "sessions.h"

/* Those who come are only counted. */
struct hall {
	struct rig rig;
	struct event_base *base;
	struct doors doors;
	struct files files;
	char paths[2][256];
	struct config_socket sockets[2];
	int inside[64];
	const char *roles[64];
	unsigned n;
};

static int
take(void *hall, int fd, const struct peer *peer)
{
	struct hall *h = hall;

	assert_true(h->n < COUNT(h->inside));
	h->roles[h->n] = peer->role;
	h->inside[h->n++] = fd;
	return 0;
}

static void
turn_away(int fd, const char *why)
{
	(void)fd;
	fail_msg("turned away: %s", why);
}

static void
hall_init(struct hall *h)
{
	static char role[] = "back";

	memset(h, 0, sizeof(*h));
	rig_init(&h->rig);
	h->base = event_base_new();
	assert_non_null(h->base);
	files_begin(&h->files);
	files_path(&h->files, "front", h->paths[0]);
	files_path(&h->files, "back", h->paths[1]);
	for (int i = 0; i < 2; i++)
		h->sockets[i] = (struct config_socket){
			.path = h->paths[i],
			.mode = 0600,
			.owner = (uid_t)-1,
			.group = (gid_t)-1,
			.role = i ? role : NULL,
		};
	doors_init(&h->doors, &h->rig.broker,
	           (struct carrier){ h, take, turn_away });
	assert_int_equal(
		doors_open(&h->doors, h->base, "socket", h->sockets, 2), 0);
}

static void
hall_fini(struct hall *h)
{
	doors_close(&h->doors);
	event_base_free(h->base);
	for (unsigned i = 0; i < h->n; i++)
		close(h->inside[i]);
	files_end(&h->files);
	rig_fini(&h->rig);
}

static int
knock(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(at.sun_path, path);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
turn(struct hall *h)
{
	event_base_loop(h->base, EVLOOP_NONBLOCK);
	doors_end_turn(&h->doors);
}

TEST(each_door_gives_its_role)
{
	struct hall h;
	int front, back;

	hall_init(&h);
	front = knock(h.paths[0]);
	turn(&h);
	back = knock(h.paths[1]);
	turn(&h);
	assert_int_equal(h.n, 2);
	assert_null(h.roles[0]);
	assert_string_equal(h.roles[1], "back");
	close(front);
	close(back);
	hall_fini(&h);
}

/* Whoever is in has turns between them. */
TEST(of_many_who_come_sixteen_are_let_in_at_a_time)
{
	struct hall h;
	int fds[40];

	hall_init(&h);
	for (size_t i = 0; i < COUNT(fds); i++)
		fds[i] = knock(h.paths[0]);
	turn(&h);
	assert_int_equal(h.n, 16);
	turn(&h);
	assert_int_equal(h.n, 32);
	turn(&h);
	assert_int_equal(h.n, 40);
	for (size_t i = 0; i < COUNT(fds); i++)
		close(fds[i]);
	hall_fini(&h);
}

TEST(nobody_can_connect_to_what_is_stopped)
{
	struct hall h;

	hall_init(&h);
	doors_stop(&h.doors);
	assert_int_equal(knock(h.paths[0]), -1);
	assert_int_equal(knock(h.paths[1]), -1);
	turn(&h);
	assert_int_equal(h.n, 0);
	hall_fini(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_door_gives_its_role),
		cmocka_unit_test(of_many_who_come_sixteen_are_let_in_at_a_time),
		cmocka_unit_test(nobody_can_connect_to_what_is_stopped),
	};

	return RUN(tests);
}
