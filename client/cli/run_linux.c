/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run_system.h"

void
run_die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it died before we could say so */
		_exit(1);
}

void
run_adopt_descendants(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* The parent of a process, from /proc/PID/stat: "pid (name) state ppid". */
static pid_t
parent_of(const char *pid)
{
	char path[64];
	char text[512];
	const char *end;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	end = strrchr(text, ')'); /* the name may hold anything */
	if (!end || strlen(end) < 5)
		return 0;
	return (pid_t)strtol(end + 4, NULL, 10);
}

static void
kill_children(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		return;
	while ((entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    parent_of(entry->d_name) == getpid())
			kill((pid_t)strtol(entry->d_name, NULL, 10), SIGKILL);
	closedir(proc);
}

/* The children of each that dies become ours: again, until there is none. */
void
run_kill_descendants(const pid_t *known, size_t n_known)
{
	for (size_t i = 0; i < n_known; i++)
		if (known[i] > 0)
			kill(known[i], SIGKILL);
	do
		kill_children();
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
}

bool
run_own_folder(char *folder, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", folder, size - 1);
	char *slash;

	if (n <= 0)
		return false;
	folder[n] = '\0';
	slash = strrchr(folder, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return true;
}
