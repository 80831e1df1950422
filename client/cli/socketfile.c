/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "socketfile.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "permit.h"
#include "users.h"

/* ---- the lock beside it ------------------------------------------------- */

pid_t
socketfile_keeper(const char *path)
{
	char name[PATH_MAX], text[32] = "";
	FILE *file;
	long pid;

	snprintf(name, sizeof(name), "%s.lock", path);
	file = fopen(name, "re");
	if (!file)
		return 0;
	pid = fgets(text, sizeof(text), file) ? strtol(text, NULL, 10) : 0;
	fclose(file);
	return pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

char
socketfile_process_state(pid_t pid)
{
	char name[64], text[256] = "";
	const char *at;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%ld/stat", (long)pid);
	file = fopen(name, "re");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		*text = '\0';
	fclose(file);
	at = strrchr(text, ')'); /* behind its name, which may be anything */
	return at && at[1] == ' ' ? at[2] : '\0';
}

/* A lock that another user left keeps ours from starting. */
static void
examine_lock(const struct socketfile *s, struct findings *f)
{
	char name[PATH_MAX], user[64];
	struct stat st;

	snprintf(name, sizeof(name), "%s.lock", s->path);
	if (lstat(name, &st) < 0 || geteuid() == 0 || st.st_uid == geteuid())
		return;
	findings_add(f, GRADE_WRONG, "lock",
	             "%s was left by %s: a broker of yours cannot start there",
	             name, users_name(st.st_uid, user, sizeof(user)));
	findings_mend(f, "sudo rm -f %s %s", s->path, name);
}

/* ---- the socket --------------------------------------------------------- */

static void
mend_by_start(const struct socketfile *s, struct findings *f)
{
	if (s->start)
		findings_mend(f, "%s", s->start);
	examine_lock(s, f);
}

static void
complain_missing(const struct socketfile *s, struct findings *f, int error)
{
	char folder[PATH_MAX];

	permit_closed_folder(s->path, folder, sizeof(folder));
	if (error == EACCES && *folder) {
		permit_complain_folder(f, folder);
		return;
	}
	findings_add(f, GRADE_WRONG, s->subject, "%s: %s", s->path,
	             error == ENOENT ? "there is no such file"
	                             : strerror(error));
	mend_by_start(s, f);
}

static void
complain_refused(const struct socketfile *s, struct findings *f)
{
	pid_t pid = socketfile_keeper(s->path);

	if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
		findings_add(f, GRADE_WRONG, s->subject,
		             "nobody listens on %s any more: its broker (pid "
		             "%ld) is gone, and could not tidy up",
		             s->path, (long)pid);
	else
		findings_add(f, GRADE_WRONG, s->subject,
		             "nobody listens on %s any more", s->path);
	mend_by_start(s, f);
}

static bool
examine_listener(const struct socketfile *s, struct findings *f)
{
	int r = address_probe(s->path, s->kind);

	switch (r) {
	case 0:
	case -EAGAIN: /* somebody is there, and has no time */
		findings_add(f, GRADE_GOOD, s->subject,
		             "somebody listens on %s", s->path);
		return true;
	case -ECONNREFUSED:
		complain_refused(s, f);
		return false;
	case -EACCES:
	case -EPERM: /* was told with the permissions */
		return false;
	case -EPROTOTYPE:
		findings_add(f, GRADE_WRONG, s->subject,
		             "%s is a socket of another kind: %s", s->path,
		             s->kind == SOCK_STREAM ? "for datagrams"
		                                    : "for connections");
		break;
	default:
		findings_add(f, GRADE_WRONG, s->subject,
		             "cannot connect to %s: %s", s->path, strerror(-r));
	}
	if (s->avoid)
		findings_mend(f, "%s", s->avoid);
	return false;
}

bool
socketfile_examine(const struct socketfile *s, struct findings *f)
{
	struct stat st;

	if (stat(s->path, &st) < 0) {
		complain_missing(s, f, errno);
		return false;
	}
	if (!S_ISSOCK(st.st_mode)) {
		findings_add(f, GRADE_WRONG, s->subject, "%s is not a socket",
		             s->path);
		if (s->avoid)
			findings_mend(f, "%s", s->avoid);
		return false;
	}
	permit_examine(f, s->path, &st);
	return examine_listener(s, f);
}
