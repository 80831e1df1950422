/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * files - a directory of a test's own, and files in it.
 */
#ifndef UMBEL_TESTS_FILES_H
#define UMBEL_TESTS_FILES_H

#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

struct files {
	char directory[64];
};

static inline void
files_begin(struct files *f)
{
	strcpy(f->directory, "/tmp/umbel-test-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
}

static inline int
files_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void
files_end(struct files *f)
{
	assert_int_equal(
		nftw(f->directory, files_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* The path of a file of this name. */
static inline const char *
files_path(const struct files *f, const char *name, char buf[256])
{
	snprintf(buf, 256, "%s/%s", f->directory, name);
	return buf;
}

/* Write it; a slash in the name makes a folder. Returns its path. */
static inline const char *
files_write(const struct files *f, const char *name, const void *text,
            size_t len, char buf[256])
{
	const char *slash = strchr(name, '/');
	FILE *file;

	if (slash) {
		snprintf(buf, 256, "%s/%.*s", f->directory, (int)(slash - name),
		         name);
		(void)mkdir(buf, 0700);
	}
	file = fopen(files_path(f, name, buf), "we");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	fclose(file);
	return buf;
}

#endif
