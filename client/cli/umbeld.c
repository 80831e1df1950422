/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "umbeld.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "run_system.h"

void
umbeld_find(char *buf, size_t size)
{
	const char *named = getenv("UMBELD");
	char folder[PATH_MAX - 16];

	if (named && *named) {
		snprintf(buf, size, "%s", named);
		return;
	}
	if (run_own_folder(folder, sizeof(folder))) {
		snprintf(buf, size, "%s/umbeld", folder);
		if (access(buf, X_OK) == 0)
			return;
	}
	snprintf(buf, size, "umbeld");
}

void
umbeld_complain(const char *path)
{
	cli_complain("cannot run %s: %s", path, strerror(errno));
	cli_hint("umbeld is looked for beside umbel, then in PATH; "
	         "or name it: UMBELD=/path/to/umbeld");
}
