/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "limits.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "cli.h"

enum grade
limits_grade(uint64_t used, uint64_t most)
{
	if (used >= most - most / 10)
		return GRADE_WRONG;
	return used >= most / 2 ? GRADE_NOTE : GRADE_GOOD;
}

static double
share_of(uint64_t used, uint64_t most)
{
	return most > 0 ? 100.0 * (double)used / (double)most : 100;
}

/* Says whether a line to mend it is wanted. */
static bool
examine(struct findings *f, const char *subject, uint64_t used, uint64_t most,
        const char *what)
{
	enum grade grade = limits_grade(used, most);

	findings_add(f, grade, subject,
	             "%" PRIu64 " of %" PRIu64 " %s (%.0f %%)", used, most,
	             what, share_of(used, most));
	return grade != GRADE_GOOD;
}

#define BYTES_WORDS_MAX 32u

static const char *
bytes_in_words(uint64_t bytes, char *words)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB" };
	double n = (double)bytes;
	unsigned i = 0;

	for (; n >= 1024 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		n /= 1024;
	snprintf(words, BYTES_WORDS_MAX, "%.*f %s", n < 10 && i > 0, n,
	         units[i]);
	return words;
}

/* The same. */
static bool
examine_bytes(struct findings *f, const char *subject, uint64_t used,
              uint64_t most, const char *what)
{
	enum grade grade = limits_grade(used, most);
	char a[BYTES_WORDS_MAX], b[BYTES_WORDS_MAX];

	findings_add(f, grade, subject, "%s of %s %s (%.0f %%)",
	             bytes_in_words(used, a), bytes_in_words(most, b), what,
	             share_of(used, most));
	return grade != GRADE_GOOD;
}

static void
examine_losses(const json_t *info, struct findings *f)
{
	uint64_t evicted = ask_uint(info, "evicted");
	uint64_t dropped = ask_uint(info, "dropped");

	if (evicted > 0 || dropped > 0) {
		findings_add(f, GRADE_NOTE, "receivers",
		             "since it started, %" PRIu64 " that did not read "
		             "%s cut off, and %" PRIu64 " message%s dropped",
		             evicted, evicted == 1 ? "was" : "were", dropped,
		             dropped == 1 ? " was" : "s were");
		findings_mend(f, "umbel top  (QUEUED and DROPPED: who it is)");
	}
}

void
limits_examine(const json_t *info, struct findings *f)
{
	const json_t *limits = json_object_get(info, "limits");
	uint64_t values = ask_uint(limits, "retained_max");
	uint64_t bytes = ask_uint(limits, "retained_bytes");
	uint64_t memory = ask_uint(limits, "memory_max");

	if (examine_bytes(f, "memory", ask_uint(info, "memory_used"), memory,
	                  "for messages"))
		findings_mend(
			f,
			"umbel top --sort queued  (who does not read); or "
			"umbeld --memory-max %" PRIu64,
			2 * memory);
	if (values > 0 && examine(f, "retained", ask_uint(info, "retained"),
	                          values, "last values"))
		findings_mend(f, "umbeld --retained-max %" PRIu64, 2 * values);
	if (values > 0 &&
	    examine_bytes(f, "retained", ask_uint(info, "retained_bytes"),
	                  bytes, "for last values"))
		findings_mend(f, "umbeld --retained-bytes %" PRIu64, 2 * bytes);
	examine_losses(info, f);
}

/* ---- descriptors -------------------------------------------------------- */

uint64_t
limits_parse_files(const char *text)
{
	const char *at = strstr(text, "Max open files");

	return at ? strtoull(at + strlen("Max open files"), NULL, 10) : 0;
}

static uint64_t
limit_of(pid_t pid)
{
	char name[64], text[4096];
	size_t n;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%ld/limits", (long)pid);
	file = fopen(name, "re");
	if (!file)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	return limits_parse_files(text);
}

static uint64_t
open_in(pid_t pid)
{
	char name[64];
	uint64_t n = 0;
	DIR *folder;

	snprintf(name, sizeof(name), "/proc/%ld/fd", (long)pid);
	folder = opendir(name);
	if (!folder)
		return 0;
	while (readdir(folder)) /* one thread: NOLINT(concurrency-mt-unsafe) */
		n++;
	closedir(folder);
	return n > 2 ? n - 2 : 0; /* "." and ".." */
}

void
limits_examine_descriptors(pid_t pid, struct findings *f)
{
	uint64_t used = open_in(pid), most = limit_of(pid);

	if (used == 0 || most == 0)
		return; /* another user's, or another system */
	if (examine(f, "descriptors", used, most, "are open"))
		findings_mend(f,
		              "ulimit -n %" PRIu64 ", then umbeld; with "
		              "systemd LimitNOFILE=%" PRIu64,
		              4 * most, 4 * most);
}
