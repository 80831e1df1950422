/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * vectors - the golden frames of proto/vectors/, read as their README says.
 */
#ifndef UMBEL_TESTS_VECTORS_H
#define UMBEL_TESTS_VECTORS_H

#include <ctype.h>
#include <dirent.h>
#include <jansson.h>
#include <string.h>

#include "bytes.h"

struct vector {
	char name[128];
	bool ok;           /* ok_ or bad_ */
	const char *way;   /* "to_broker", "to_client" or "both" */
	const char *error; /* of a bad_ one */
	json_t *decoded;   /* of an ok_ one */
	struct bytes frame;
	json_t *json;
};

/* Integers beyond int64 are too much for jansson: "#18446744073709551615". */
static inline char *
quote_large_integers(const struct bytes *text)
{
	struct bytes out = { 0 };
	bool quoted = false;

	for (size_t i = 0; i < text->len;) {
		const char *at = (const char *)text->at + i;
		size_t n = 0;

		if (*at == '"' && (i == 0 || at[-1] != '\\'))
			quoted = !quoted;
		while (!quoted && i + n < text->len &&
		       isdigit((unsigned char)at[n]))
			n++;
		if (n >= 19 && i > 0 && at[-1] != '-') {
			put(&out, "\"#", 2);
			put(&out, at, n);
			put(&out, "\"", 1);
		} else {
			n += n == 0;
			put(&out, at, n);
		}
		i += n;
	}
	put(&out, "", 1);
	return (char *)out.at;
}

static inline void
put_file(struct bytes *b, const char *path)
{
	FILE *f = fopen(path, "re");
	char piece[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		put(b, piece, n);
	fclose(f);
}

/* Hex, or a list of hex and of {"repeat": hex, "times": n}. */
static inline void
put_json_hex(struct bytes *b, const json_t *j)
{
	size_t i;
	json_t *part;

	if (json_is_string(j)) {
		put_hex(b, json_string_value(j));
	} else if (json_is_object(j)) {
		json_int_t n = json_integer_value(json_object_get(j, "times"));

		while (n-- > 0)
			put_hex(b, json_string_value(
					   json_object_get(j, "repeat")));
	} else {
		assert_true(json_is_array(j));
		json_array_foreach (j, i, part)
			put_json_hex(b, part);
	}
}

static inline void
vector_load(struct vector *v, const char *file)
{
	struct bytes text = { 0 };
	char path[512], *quoted;

	*v = (struct vector){ .ok = strncmp(file, "ok_", 3) == 0 };
	snprintf(v->name, sizeof(v->name), "%s", file);
	snprintf(path, sizeof(path), UMBEL_SOURCE_DIR "/proto/vectors/%s",
	         file);
	put_file(&text, path);
	quoted = quote_large_integers(&text);
	v->json = json_loads(quoted, JSON_ALLOW_NUL, NULL);
	if (!v->json)
		fail_msg("%s is no JSON", file);
	free(quoted);
	bytes_free(&text);
	put_json_hex(&v->frame, json_object_get(v->json, "frame"));
	v->way = json_string_value(json_object_get(v->json, "way"));
	v->error = json_string_value(json_object_get(v->json, "error"));
	v->decoded = json_object_get(v->json, "decoded");
}

static inline void
vector_free(struct vector *v)
{
	json_decref(v->json);
	bytes_free(&v->frame);
}

/* Call `each` for all of them; returns how many there are. */
static inline unsigned
vectors_each(void (*each)(struct vector *v, void *user), void *user)
{
	DIR *dir = opendir(UMBEL_SOURCE_DIR "/proto/vectors");
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		const char *dot = strrchr(e->d_name, '.');
		struct vector v;

		if (!dot || strcmp(dot, ".json") != 0)
			continue;
		vector_load(&v, e->d_name);
		each(&v, user);
		vector_free(&v);
		n++;
	}
	closedir(dir);
	return n;
}

static inline uint64_t
json_to_u64(const json_t *j)
{
	if (json_is_string(j)) {
		assert_int_equal(json_string_value(j)[0], '#');
		return strtoull(json_string_value(j) + 1, NULL, 10);
	}
	assert_true(json_is_integer(j));
	return (uint64_t)json_integer_value(j);
}

#endif
