/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "capture.h"

static char folder[64];
static char path[160];
static struct capture err;

static int
set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/umbel-unit-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/sock", folder);
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const left[] = { "sock", "sock.lock", "other",
		                            "new/sock", "new/sock.lock" };
	char file[160];

	(void)state;
	for (size_t i = 0; i < COUNT(left); i++) {
		snprintf(file, sizeof(file), "%s/%s", folder, left[i]);
		unlink(file);
	}
	snprintf(file, sizeof(file), "%s/new", folder);
	rmdir(file);
	return rmdir(folder);
}

typedef int open_function(struct listener *l, const char *at, mode_t mode);

static int
try_open_with(open_function *open_it, struct listener *l, const char *at,
              mode_t mode)
{
	int r;

	capture_begin(&err, stderr);
	r = open_it(l, at, mode);
	capture_end(&err);
	if (r < 0) {
		assert_int_equal(l->fd, -1);
		assert_int_equal(l->lock_fd, -1);
		assert_memory_equal(err.text, "umbeld: ", 8);
	} else {
		assert_string_equal(err.text, "");
	}
	return r;
}

static int
try_open(struct listener *l, const char *at, mode_t mode)
{
	return try_open_with(listener_open, l, at, mode);
}

static bool
exists(const char *at)
{
	struct stat st;

	return lstat(at, &st) == 0;
}

static bool
can_connect(const char *at)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), r;

	strcpy(a.sun_path, at);
	r = connect(fd, (struct sockaddr *)&a, sizeof(a));
	close(fd);
	return r == 0;
}

/* A socket file whose owner is gone. */
static void
leave_stale_socket(const char *at)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, at);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	assert_true(exists(at));
	assert_false(can_connect(at));
}

TEST(clients_can_connect_until_it_stops_and_then_the_file_is_gone)
{
	struct listener l;

	assert_int_equal(try_open(&l, path, 0600), 0);
	assert_true(can_connect(path));
	listener_stop(&l);
	assert_false(exists(path));
	assert_true(l.lock_fd >= 0); /* and nobody else may serve it yet */
	listener_close(&l);
	assert_int_equal(l.lock_fd, -1);
	listener_close(&l);
}

TEST(the_mode_is_the_one_that_was_asked_for_whatever_the_umask)
{
	static const mode_t modes[] = { 0600, 0660, 0666, 0777, 0000 };
	mode_t was = umask(0);

	for (size_t i = 0; i < COUNT(modes); i++) {
		struct listener l;
		struct stat st;

		umask(i % 2 ? 0777 : 0);
		assert_int_equal(try_open(&l, path, modes[i]), 0);
		assert_int_equal(lstat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, modes[i]);
		assert_int_equal(umask(0), i % 2 ? 0777 : 0); /* untouched */
		listener_close(&l);
	}
	umask(was);
}

TEST(a_second_one_is_refused_with_the_pid_of_the_first)
{
	struct listener a, b;
	char pid[32];

	assert_int_equal(try_open(&a, path, 0600), 0);
	assert_true(try_open(&b, path, 0600) < 0);
	snprintf(pid, sizeof(pid), "(pid %ld)", (long)getpid());
	assert_non_null(strstr(err.text, pid));
	assert_non_null(strstr(err.text, path));
	assert_true(can_connect(path)); /* the first one goes on */
	listener_close(&a);
	assert_int_equal(try_open(&b, path, 0600), 0);
	listener_close(&b);
}

TEST(what_a_dead_broker_left_behind_is_replaced)
{
	struct listener l;

	leave_stale_socket(path);
	assert_int_equal(try_open(&l, path, 0600), 0);
	assert_true(can_connect(path));
	listener_close(&l);
}

/* One that accepts nobody, too, and one for datagrams. */
TEST(a_socket_that_another_program_serves_is_left_to_it)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };

	for (size_t i = 0; i < COUNT(types); i++) {
		struct sockaddr_un a = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, types[i] | SOCK_NONBLOCK, 0);
		struct listener l;
		struct stat st;
		ino_t was;

		strcpy(a.sun_path, path);
		assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
		assert_int_equal(stat(path, &st), 0);
		was = st.st_ino;
		if (types[i] == SOCK_STREAM)
			assert_int_equal(listen(fd, 0), 0);
		assert_true(try_open(&l, path, 0600) < 0);
		assert_non_null(strstr(err.text, "another program serves"));
		assert_non_null(strstr(err.text, path));
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_ino, was);
		/* it is stale as soon as its owner is gone */
		close(fd);
		assert_int_equal(try_open(&l, path, 0600), 0);
		listener_close(&l);
	}
}

/* There is one for the lock file, and none for a look at the socket. */
static int
open_with_one_descriptor(struct listener *l, const char *at, mode_t mode)
{
	struct rlimit was, limit;
	int fd = open("/dev/null", O_RDONLY), r;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	limit = was;
	limit.rlim_cur = (rlim_t)fd + 1;
	close(fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	r = listener_open(l, at, mode);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	return r;
}

TEST(a_socket_of_which_nobody_knows_if_it_is_served_is_left_alone)
{
	struct listener l;

	leave_stale_socket(path);
	assert_int_equal(
		try_open_with(open_with_one_descriptor, &l, path, 0600), -1);
	assert_non_null(strstr(err.text, strerror(EMFILE)));
	assert_non_null(strstr(err.text, "if none does, remove it"));
	assert_true(exists(path));
	if (geteuid() != 0) { /* root may connect to any */
		assert_int_equal(chmod(path, 0), 0);
		assert_int_equal(try_open(&l, path, 0600), -1);
		assert_non_null(strstr(err.text, strerror(EACCES)));
		assert_true(exists(path));
	}
	unlink(path);
}

TEST(what_is_not_a_socket_is_not_removed)
{
	struct listener l;
	struct stat st;
	char lock[200];
	int fd = open(path, O_CREAT | O_WRONLY, 0644);

	assert_int_equal(write(fd, "precious", 8), 8);
	close(fd);
	assert_true(try_open(&l, path, 0600) < 0);
	assert_non_null(strstr(err.text, "not a socket"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 8);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	assert_false(exists(lock)); /* nor is anything left beside it */
	unlink(path);

	/* nor is a link followed, whatever it points to */
	leave_stale_socket(path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_true(try_open(&l, path, 0600) < 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

TEST(a_lock_file_that_is_a_link_is_not_followed)
{
	struct listener l;
	char lock[200], other[200];

	snprintf(lock, sizeof(lock), "%s.lock", path);
	snprintf(other, sizeof(other), "%s/other", folder);
	assert_int_equal(symlink(other, lock), 0);
	assert_true(try_open(&l, path, 0600) < 0);
	assert_non_null(strstr(err.text, "lock"));
	assert_false(exists(other));
}

TEST(a_socket_that_is_not_ours_any_more_is_left_alone)
{
	struct listener l;

	assert_int_equal(try_open(&l, path, 0600), 0);
	assert_int_equal(unlink(path), 0);
	leave_stale_socket(path); /* somebody else's */
	listener_close(&l);
	assert_true(exists(path));
}

TEST(too_long_a_path_is_told_with_both_numbers)
{
	struct listener l;
	char longest[256];
	size_t len = strlen(folder);

	memset(longest, 'x', sizeof(longest));
	memcpy(longest, folder, len);
	longest[len] = '/';
	longest[108] = '\0';
	assert_true(try_open(&l, longest, 0600) < 0);
	assert_non_null(strstr(err.text, "107"));
	assert_non_null(strstr(err.text, "108"));
	longest[107] = '\0';
	assert_int_equal(try_open(&l, longest, 0600), 0);
	assert_true(can_connect(longest));
	listener_close(&l);
	strcat(longest, ".lock");
	assert_int_equal(unlink(longest), 0);
}

TEST(the_folder_is_made_if_only_it_is_missing)
{
	struct listener l;
	struct stat st;
	char at[160];

	snprintf(at, sizeof(at), "%s/new/sock", folder);
	assert_int_equal(try_open(&l, at, 0600), 0);
	snprintf(at, sizeof(at), "%s/new", folder);
	assert_int_equal(stat(at, &st), 0);
	assert_int_equal(st.st_mode & 0022, 0);
	listener_close(&l);

	snprintf(at, sizeof(at), "%s/gone/new/sock", folder);
	assert_true(try_open(&l, at, 0600) < 0);
	assert_non_null(strstr(err.text, strerror(ENOENT)));
}

TEST(what_accepts_is_closed_in_programs_that_are_run)
{
	struct listener l;

	assert_int_equal(try_open(&l, path, 0600), 0);
	assert_true(fcntl(l.fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(l.lock_fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(l.fd, F_GETFL) & O_NONBLOCK);
	listener_close(&l);
}

static bool
can_send(const char *at)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	ssize_t n;

	strcpy(a.sun_path, at);
	n = sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a));
	close(fd);
	return n == 1;
}

TEST(a_socket_for_datagrams_lives_by_the_same_rules)
{
	struct listener l, second;
	struct stat st;

	leave_stale_socket(path);
	assert_int_equal(try_open_with(listener_open_datagram, &l, path, 0660),
	                 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_true(can_send(path));
	assert_false(can_connect(path));
	assert_true(fcntl(l.fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(l.fd, F_GETFL) & O_NONBLOCK);
	assert_true(try_open_with(listener_open_datagram, &second, path, 0600) <
	            0);
	assert_non_null(strstr(err.text, "--datagram"));
	assert_true(can_send(path));
	listener_stop(&l);
	assert_false(exists(path));
	listener_close(&l);
}

#define LISTENER_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LISTENER_TEST(
			clients_can_connect_until_it_stops_and_then_the_file_is_gone),
		LISTENER_TEST(
			the_mode_is_the_one_that_was_asked_for_whatever_the_umask),
		LISTENER_TEST(
			a_second_one_is_refused_with_the_pid_of_the_first),
		LISTENER_TEST(what_a_dead_broker_left_behind_is_replaced),
		LISTENER_TEST(
			a_socket_that_another_program_serves_is_left_to_it),
		LISTENER_TEST(
			a_socket_of_which_nobody_knows_if_it_is_served_is_left_alone),
		LISTENER_TEST(what_is_not_a_socket_is_not_removed),
		LISTENER_TEST(a_lock_file_that_is_a_link_is_not_followed),
		LISTENER_TEST(a_socket_that_is_not_ours_any_more_is_left_alone),
		LISTENER_TEST(too_long_a_path_is_told_with_both_numbers),
		LISTENER_TEST(the_folder_is_made_if_only_it_is_missing),
		LISTENER_TEST(what_accepts_is_closed_in_programs_that_are_run),
		LISTENER_TEST(a_socket_for_datagrams_lives_by_the_same_rules),
	};

	return RUN(tests);
}
