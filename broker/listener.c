/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

/* How often to check, every 10 ms, whether lock and socket are free. */
#define LOCK_TRIES 50

/* Print the reason. Returns a negative value. */
static int __attribute__((format(printf, 1, 2)))
complain(const char *format, ...)
{
	va_list args;

	fputs("umbeld: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return -1;
}

static int
check_length(const struct listener *l)
{
	size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

	if (strlen(l->path) <= max)
		return 0;
	return complain("%s: a socket's path has at most %zu bytes, this one "
	                "has %zu; choose a shorter one with %s",
	                l->path, max, strlen(l->path), l->flag);
}

/* Create the directory if only its last part is missing. Without root, only
   this user may enter it. */
static void
make_directory(const char *path)
{
	char *copy = strdup(path);

	if (copy)
		(void)mkdir(dirname(copy), geteuid() == 0 ? 0755 : 0700);
	free(copy);
}

static int
refuse_second(const struct listener *l)
{
	char pid[32] = "";
	ssize_t n = pread(l->lock_fd, pid, sizeof(pid) - 1, 0);

	if (n > 0)
		pid[strcspn(pid, "\n")] = '\0';
	return complain(
		"another umbeld (pid %s) serves %s already; stop it, or "
		"choose another path with %s",
		pid[0] ? pid : "unknown", l->path, l->flag);
}

static void
pause_shortly(void)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

	nanosleep(&pause, NULL);
}

/*
 * The one that holds it may have been killed a moment ago, or have started a
 * moment ago and not have written its pid yet: have a little patience. 0, or
 * -EWOULDBLOCK when it is held, or another -errno when there are no locks here.
 */
static int
lock_patiently(int fd)
{
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || i == LOCK_TRIES)
			return -errno;
		pause_shortly();
	}
	return 0;
}

/* The directory does not exist, and make_directory() could not create it. */
static int
complain_no_directory(const struct listener *l)
{
	const struct passwd *pw = getpwuid(geteuid());
	char *copy = strdup(l->path);
	const char *dir = copy ? dirname(copy) : "its directory";

	complain("%s: %s cannot make the directory %s: %s; as root: "
	         "install -d -o %s %s",
	         l->path, pw ? pw->pw_name : "this user", dir, strerror(ENOENT),
	         pw ? pw->pw_name : "USER", dir);
	free(copy);
	return -1;
}

static int
take_lock(struct listener *l)
{
	char *path;
	int r;

	if (asprintf(&path, "%s.lock", l->path) < 0)
		return complain("out of memory");
	l->lock_fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l->lock_fd < 0 && errno == ENOENT) {
		free(path);
		return complain_no_directory(l);
	}
	if (l->lock_fd < 0) {
		complain("%s: cannot open the lock file: %s", path,
		         strerror(errno));
		free(path);
		return -1;
	}
	free(path);
	r = lock_patiently(l->lock_fd);
	if (r == -EWOULDBLOCK)
		return refuse_second(l);
	if (r < 0)
		return complain("%s.lock: cannot lock it: %s; choose a path on "
		                "another file system with %s",
		                l->path, strerror(-r), l->flag);
	if (ftruncate(l->lock_fd, 0) < 0 ||
	    dprintf(l->lock_fd, "%ld\n", (long)getpid()) < 0)
		return complain("%s.lock: cannot write: %s", l->path,
		                strerror(errno));
	return 0;
}

static int
refuse_file(const struct listener *l)
{
	return complain("%s exists and is not a socket; remove it, or choose "
	                "another path with %s",
	                l->path, l->flag);
}

/* Called before the lock file is created, which would be left beside a file
   that is not a socket. */
static int
check_file(const struct listener *l)
{
	struct stat st;

	if (lstat(l->path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return refuse_file(l);
	return 0;
}

/* Is there a program behind this socket? Even one that does not accept, or whose
   socket is of another type. 0 if surely not, -errno when that is not known. */
static int
is_alive(const struct listener *l)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	memcpy(addr.sun_path, l->path, strlen(l->path));
	error = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? errno
	                                                                : 0;
	close(fd);
	switch (error) {
	case 0:
	case EAGAIN:
	case EINPROGRESS:
	case EPROTOTYPE:
		return 1;
	case ECONNREFUSED:
	case ENOENT:
		return 0;
	default:
		return -error;
	}
}

/* A broker that was killed lets go of its lock a moment before its socket. */
static int
stays_alive(const struct listener *l)
{
	int r;

	for (int i = 0; (r = is_alive(l)) > 0 && i < LOCK_TRIES; i++)
		pause_shortly();
	return r;
}

/* We hold the lock, so a socket at our path that nobody holds was left by a
   dead broker. */
static int
remove_stale(const struct listener *l)
{
	struct stat st;
	int r;

	if (lstat(l->path, &st) < 0)
		return errno == ENOENT
		               ? 0
		               : complain("%s: %s", l->path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return refuse_file(l);
	r = stays_alive(l);
	if (r < 0)
		return complain("%s exists, and whether a program serves it "
		                "cannot be told: %s; if none does, remove it, "
		                "or choose another path with %s",
		                l->path, strerror(-r), l->flag);
	if (r > 0)
		return complain("another program serves %s; stop it, or choose "
		                "another path with %s",
		                l->path, l->flag);
	if (unlink(l->path) < 0 && errno != ENOENT)
		return complain("%s: cannot remove the socket of a broker "
		                "that is gone: %s",
		                l->path, strerror(errno));
	return 0;
}

/* It is made with its mode: chmod() would follow a link that was put there since.
   And nobody listens before its owner is right. */
static int
bind_socket(struct listener *l, const struct access *access)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t mask;
	int r;

	memcpy(addr.sun_path, l->path, strlen(l->path));
	mask = umask(~access->mode & 0777);
	r = bind(l->fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (r < 0)
		return complain("%s: cannot bind: %s", l->path,
		                strerror(errno));
	if (lstat(l->path, &st) < 0)
		return complain("%s: %s", l->path, strerror(errno));
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	if (lchown(l->path, access->owner, access->group) < 0)
		return complain("%s: cannot set its owner or group: %s",
		                l->path, strerror(errno));
	/* a default ACL of the directory comes before the umask */
	if ((st.st_mode & 0777) != access->mode &&
	    fchmodat(AT_FDCWD, l->path, access->mode, AT_SYMLINK_NOFOLLOW) < 0)
		return complain("%s: cannot set mode %04o: %s", l->path,
		                (unsigned)access->mode, strerror(errno));
	return 0;
}

static int
make_socket(struct listener *l, int type)
{
	l->fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return complain("cannot make a socket: %s", strerror(errno));
	return 0;
}

/* Make the path ours alone. */
static int
take_path(struct listener *l)
{
	if (check_length(l) < 0)
		return -1;
	make_directory(l->path);
	if (check_file(l) < 0 || take_lock(l) < 0 || remove_stale(l) < 0)
		return -1;
	return 0;
}

static int
start_listening(struct listener *l)
{
	if (listen(l->fd, SOMAXCONN) < 0)
		return complain("%s: cannot listen: %s", l->path,
		                strerror(errno));
	return 0;
}

/* Called before anything can be sent to the socket, so that no datagram comes
   without credentials. */
static int
ask_for_credentials(struct listener *l)
{
	int r = peer_ask_for_credentials(l->fd);

	if (r < 0)
		return complain("%s: cannot be told who sends a datagram: %s",
		                l->path, strerror(-r));
	return 0;
}

static struct access
just_mode(mode_t mode)
{
	return (struct access){
		.mode = mode,
		.owner = (uid_t)-1,
		.group = (gid_t)-1,
	};
}

int
listener_open(struct listener *l, const char *path, mode_t mode)
{
	const struct access access = just_mode(mode);

	return listener_open_to(l, path, "--socket", &access);
}

int
listener_open_to(struct listener *l, const char *path, const char *flag,
                 const struct access *access)
{
	*l = (struct listener){
		.path = path,
		.flag = flag,
		.fd = -1,
		.lock_fd = -1,
	};
	if (take_path(l) < 0 || make_socket(l, SOCK_STREAM) < 0 ||
	    bind_socket(l, access) < 0 || start_listening(l) < 0) {
		listener_close(l);
		return -1;
	}
	return 0;
}

int
listener_adopt(struct listener *l, const char *path, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	*l = (struct listener){
		.path = path,
		.flag = "--socket",
		.fd = fd,
		.lock_fd = -1,
	};
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

int
listener_open_datagram(struct listener *l, const char *path, mode_t mode)
{
	const struct access access = just_mode(mode);

	*l = (struct listener){
		.path = path,
		.flag = "--datagram",
		.fd = -1,
		.lock_fd = -1,
	};
	if (take_path(l) < 0 || make_socket(l, SOCK_DGRAM) < 0 ||
	    ask_for_credentials(l) < 0 || bind_socket(l, &access) < 0) {
		listener_close(l);
		return -1;
	}
	return 0;
}

static bool
is_still_ours(const struct listener *l)
{
	struct stat st;

	return l->ino && lstat(l->path, &st) == 0 && st.st_dev == l->dev &&
	       st.st_ino == l->ino;
}

void
listener_stop(struct listener *l)
{
	if (is_still_ours(l))
		unlink(l->path);
	l->ino = 0;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

void
listener_close(struct listener *l)
{
	listener_stop(l);
	if (l->lock_fd >= 0)
		close(l->lock_fd);
	*l = (struct listener){ .fd = -1, .lock_fd = -1 };
}
