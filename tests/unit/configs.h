/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * configs - a configuration from a file in a folder of the test's own.
 */
#ifndef UMBEL_TESTS_CONFIGS_H
#define UMBEL_TESTS_CONFIGS_H

#include "broker/config.h"
#include "capture.h"
#include "files.h"

static struct capture out, err;
static struct files dir;

static inline int
setup(void **state)
{
	(void)state;
	files_begin(&dir);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	files_end(&dir);
	return 0;
}

static inline void
put(const char *name, const char *text)
{
	char path[256];

	files_write(&dir, name, text, strlen(text), path);
}

/* umbeld --config FILE and up to four flags more. */
static inline enum config_result
parse(struct config *c, const char *a, const char *b, const char *d,
      const char *e)
{
	char path[256];
	const char *argv[8] = {
		"umbeld", "--config", files_path(&dir, "umbeld.yaml", path),
		a,        b,          d,
		e
	};
	enum config_result r;
	int argc = 3;

	while (argv[argc])
		argc++;
	capture_begin(&out, stdout);
	capture_begin(&err, stderr);
	r = config_parse(c, argc, (char **)(uintptr_t)argv);
	capture_end(&err);
	capture_end(&out);
	return r;
}

#define IN_DIRECTORY(test) \
	cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
