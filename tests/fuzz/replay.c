/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * replay - a fuzz target without libFuzzer: runs every file that is named, and
 * every file in a folder that is named. Any compiler can build this.
 */
#include <dirent.h>
#include <errno.h>

#include "fuzz.h"

__attribute__((noreturn)) static void
fail(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(2);
}

/* An exact-size copy, so that a sanitizer sees the first byte too many. */
static void
replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	long len;

	if (!file || fseek(file, 0, SEEK_END) < 0)
		fail(path);
	len = ftell(file);
	if (len < 0)
		fail(path);
	rewind(file);
	data = malloc(len > 0 ? (size_t)len : 1);
	if (!data || fread(data, 1, (size_t)len, file) != (size_t)len)
		fail(path);
	fclose(file);
	LLVMFuzzerTestOneInput(data, (size_t)len);
	free(data);
}

static unsigned
replay_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	unsigned n = 0;

	if (!folder)
		fail(path);
	while ((entry = readdir(folder))) {
		char file[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		replay_file(file);
		n++;
	}
	closedir(folder);
	return n;
}

int
main(int argc, char **argv)
{
	unsigned n = 0;

	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);

		if (folder) {
			closedir(folder);
			n += replay_folder(argv[i]);
		} else {
			replay_file(argv[i]);
			n++;
		}
	}
	printf("%u inputs\n", n);
	return n > 0 ? 0 : 2;
}
