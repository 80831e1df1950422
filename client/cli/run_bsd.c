/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * Only what every system has: the children that we know of are ended when we
 * are, but for the case that this very process is killed; theirs are not.
 */

#include <signal.h>
#include <sys/wait.h>

#include "run_system.h"

void
run_die_with(pid_t parent)
{
	(void)parent;
}

void
run_adopt_descendants(void)
{
}

void
run_kill_descendants(const pid_t *known, size_t n_known)
{
	for (size_t i = 0; i < n_known; i++) {
		if (known[i] <= 0)
			continue;
		kill(known[i], SIGKILL);
		waitpid(known[i], NULL, 0);
	}
}

bool
run_own_folder(char *folder, size_t size)
{
	(void)folder;
	(void)size;
	return false;
}
