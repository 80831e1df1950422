/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "places.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "document.h"
#include "setting.h"

bool
places_is_path(const char *path)
{
	return path[0] == '/' && strlen(path) <= PLACES_PATH_MAX;
}

/* Skip what has no meaning in a path: the first of two slashes, and "/.". */
static const char *
skip_nothing(const char *path)
{
	while (path[0] == '/') {
		if (path[1] == '/')
			path++;
		else if (path[1] == '.' && (path[2] == '/' || !path[2]))
			path += 2;
		else
			break;
	}
	return path;
}

bool
places_are_one(const char *a, const char *b)
{
	a = skip_nothing(a);
	b = skip_nothing(b);
	while (*a && *a == *b) {
		a = skip_nothing(a + 1);
		b = skip_nothing(b + 1);
	}
	return *a == *b;
}

/* ---- the paths of a configuration ----------------------------------------- */

/* The path at which the nth setting says to listen, or NULL. */
static const char *
listener_at(const struct config *c, size_t n)
{
	const struct setting *s = setting_at(n);

	if (s->kind != SETTING_PATH ||
	    s->offset == offsetof(struct config, file))
		return NULL;
	return *(char *const *)((const char *)c + s->offset);
}

static void
say_which(const struct config *c, size_t n)
{
	const struct config_origin *o = &c->origins[n];
	const char *name = setting_at(n)->name;

	if (o->from == CONFIG_FILE)
		fprintf(stderr, "umbeld: %s:%u: %s: ", c->file, o->line, name);
	else
		fprintf(stderr, "umbeld: --%s ", name);
	document_say(stderr, listener_at(c, n));
	fputs(": ", stderr);
}

static int
check_length(const struct config *c, size_t n)
{
	size_t len = strlen(listener_at(c, n));

	if (len <= PLACES_PATH_MAX)
		return 0;
	say_which(c, n);
	fprintf(stderr,
	        "a socket's path has at most %zu bytes, this one has %zu\n",
	        PLACES_PATH_MAX, len);
	return -EINVAL;
}

/* The name of what has the same path: a socket, or an earlier setting. NULL if
   nothing has. */
static const char *
find_twin(const struct config *c, size_t n)
{
	const char *path = listener_at(c, n);

	for (size_t i = 0; i < c->n_sockets; i++) {
		if (places_are_one(path, c->sockets[i].path))
			return "a socket";
	}
	for (size_t i = 0; i < n; i++) {
		const char *other = listener_at(c, i);

		if (other && places_are_one(path, other))
			return setting_at(i)->name;
	}
	return NULL;
}

static int
check_twins(const struct config *c, size_t n)
{
	const char *twin = find_twin(c, n);

	if (!twin)
		return 0;
	say_which(c, n);
	fprintf(stderr, "given twice, first as %s\n", twin);
	return -EINVAL;
}

int
places_check(const struct config *c)
{
	int r = 0;

	for (size_t i = 0; setting_at(i) && r == 0; i++) {
		if (!listener_at(c, i))
			continue;
		r = check_length(c, i);
		/* that path is also the first of the sockets */
		if (r == 0 && setting_at(i)->offset !=
		                      offsetof(struct config, socket_path))
			r = check_twins(c, i);
	}
	return r;
}
