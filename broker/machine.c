/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "machine.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t
lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The limit in memory.max of this cgroup; UINT64_MAX if it is "max", or
   missing. */
static uint64_t
read_limit(const char *root, const char *group)
{
	char path[PATH_MAX];
	uint64_t n = UINT64_MAX;
	FILE *f;

	if (snprintf(path, sizeof(path), "%s%s/memory.max", root, group) >=
	    (int)sizeof(path))
		return UINT64_MAX;
	f = fopen(path, "re");
	if (!f)
		return UINT64_MAX;
	if (fscanf(f, "%" SCNu64, &n) != 1)
		n = UINT64_MAX;
	fclose(f);
	return n;
}

/* Find the group in the unified hierarchy: the line "0::/path". */
static bool
find_group(const char *self, char group[PATH_MAX])
{
	FILE *f = fopen(self, "re");
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(group, PATH_MAX, f)) {
		found = strncmp(group, "0::/", 4) == 0;
		if (found)
			memmove(group, group + 3, strlen(group + 3) + 1);
	}
	fclose(f);
	group[found ? strcspn(group, "\n") : 0] = '\0';
	return found;
}

uint64_t
machine_cgroup_memory(const char *self, const char *root)
{
	char group[PATH_MAX], *slash;
	uint64_t limit = UINT64_MAX;

	if (!find_group(self, group))
		return read_limit(root, "");
	while ((slash = strrchr(group, '/'))) {
		limit = lower(limit, read_limit(root, group));
		*slash = '\0';
	}
	return lower(limit, read_limit(root, ""));
}

uint64_t
machine_memory(void)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	long page = sysconf(_SC_PAGESIZE);
	uint64_t limit =
		machine_cgroup_memory("/proc/self/cgroup", "/sys/fs/cgroup");

	if (pages <= 0 || page <= 0)
		return limit;
	return lower(limit, (uint64_t)pages * (uint64_t)page);
}

uint32_t
machine_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return UINT32_MAX; /* unknown */
	return files.rlim_max < UINT32_MAX ? (uint32_t)files.rlim_max
	                                   : UINT32_MAX;
}
