/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/document.h"

#include "capture.h"
#include "files.h"

struct part {
	char *name;
};

struct whole {
	char *level;
	struct part *parts;
	uint32_t parts_count;
};

static const cyaml_schema_field_t part_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
	                       struct part, name, 0, CYAML_UNLIMITED),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t part_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct part, part_fields),
};

static const cyaml_schema_field_t fields[] = {
	CYAML_FIELD_STRING_PTR("level",
	                       CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
	                       struct whole, level, 0, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("parts", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
	                     struct whole, parts, &part_schema, 0,
	                     CYAML_UNLIMITED),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct whole, fields),
};

static struct capture err;

/* Read and load `text`; what is said is in `err`. */
static int
load(struct document *d, const char *text, size_t len, struct whole **out)
{
	char path[256];
	struct files f;
	void *loaded = NULL;
	int r;

	files_begin(&f);
	files_write(&f, "file.yaml", text, len, path);
	capture_begin(&err, stderr);
	r = document_read(d, path);
	if (r == 0) {
		r = document_load(d, &schema, &loaded);
		if (r < 0)
			document_fini(d);
	}
	capture_end(&err);
	files_end(&f);
	*out = loaded;
	if (r < 0) {
		assert_null(loaded);
		assert_non_null(strstr(err.text, "/file.yaml:"));
	} else {
		assert_string_equal(err.text, "");
	}
	return r;
}

TEST(what_is_loaded_can_be_found_again)
{
	static const char text[] = "# a comment\n"
				   "level: high\n"
				   "parts:\n"
				   "  - name: one\n"
				   "\n"
				   "  - { name: 'two three' }\n"
				   "  - {}\n";
	const struct doc_node *parts;
	struct document d;
	struct whole *w;

	assert_int_equal(load(&d, text, strlen(text), &w), 0);
	assert_string_equal(w->level, "high");
	assert_int_equal(w->parts_count, 3);
	assert_string_equal(w->parts[1].name, "two three");
	assert_null(w->parts[2].name);
	assert_int_equal(document_get(d.root, "level")->line, 2);
	parts = document_get(d.root, "parts");
	assert_int_equal(parts->line, 3);
	assert_int_equal(document_nth(parts, 0)->line, 4);
	assert_int_equal(document_nth(parts, 1)->line, 6);
	assert_int_equal(document_get(document_nth(parts, 1), "name")->line, 6);
	assert_int_equal(document_nth(parts, 2)->line, 7);
	assert_null(document_nth(parts, 3));
	assert_null(document_get(parts, "name"));
	assert_null(document_get(NULL, "name"));

	capture_begin(&err, stderr);
	document_complain(&d, document_get(document_nth(parts, 1), "name"),
	                  "expected %d", 4);
	capture_end(&err);
	assert_non_null(
		strstr(err.text, "file.yaml:6: parts[1].name: expected 4\n"));
	document_unload(&schema, w);
	document_fini(&d);
}

TEST(an_empty_document_is_nothing_and_no_error)
{
	static const char *const empty[] = { "",           "\n", "# only\n",
		                             "---\n...\n", "{}", "level: ~" };

	for (size_t i = 0; i < COUNT(empty); i++) {
		struct document d;
		struct whole *w;

		if (load(&d, empty[i], strlen(empty[i]), &w) < 0) {
			/* that is an empty value, and no mapping */
			assert_int_equal(i, 3);
			continue;
		}
		if (i < 3)
			assert_null(w);
		document_unload(&schema, w);
		document_fini(&d);
	}
}

TEST(errors_name_line_key_and_what_was_expected)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "level: a\nnope: b\n",
		  ":2: nope: no such key here; expected one of: level, parts" },
		{ "parts:\n  - nam: a\n",
		  ":2: parts[0].nam: no such key here; expected one of: name" },
		{ "level: [a]\n", ":1: level: expected one value" },
		{ "\nlevel:\n  a: b\n", ":2: level: expected one value" },
		{ "parts: a\n", ":1: parts: expected a list" },
		{ "parts:\n", ":1: parts: expected a list" },
		{ "parts: {name: a}\n", ":1: parts: expected a list" },
		{ "parts:\n - a\n", ":2: parts[0]: expected keys and values" },
		{ "- level\n", ":1: expected keys and values" },
		{ "level\n", ":1: expected keys and values" },
		{ "level: a\nparts: []\nlevel: b\n",
		  ":3: level: given twice, first in line 1" },
		{ "parts:\n  - name: a\n    name: b\n",
		  ":3: parts[0].name: given twice" },
		{ "level: &x a\nparts: [*x]\n", ":2: parts[0]: an alias" },
		{ "parts: [**]\n",
		  ":1: parts[0]: not YAML: while scanning an alias" },
		{ "parts: [**]\n", "has to be in quotes" },
		{ "level: a\n---\nlevel: b\n", ":2: a second document" },
		{ "level: \"a\n", "not YAML" },
		{ "level: a\n\tparts: b\n", "not YAML" },
		{ "level: \"a\\0b\"\n", ":1: level: a NUL character" },
		{ "? [a]\n: b\n", ":1: a key has to be a word" },
		{ "level: x\xff\n", "not YAML" },
		{ "[[[[[[[[[a]]]]]]]]]",
		  ":1: [0][0][0][0][0][0][0][0]: nested too deeply" },
		{ "level: a\nlevel\n", "not YAML" },
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct document d;
		struct whole *w;

		if (load(&d, bad[i].text, strlen(bad[i].text), &w) == 0)
			fail_msg("%s: was taken", bad[i].text);
		if (!strstr(err.text, bad[i].words))
			fail_msg("%s: said %s", bad[i].text, err.text);
	}
}

TEST(a_file_that_cannot_be_read_is_said_so)
{
	char path[256], *large = calloc(1, DOC_MAX_BYTES + 1);
	struct document d;
	struct files f;

	assert_non_null(large);
	files_begin(&f);
	capture_begin(&err, stderr);
	assert_true(document_read(&d, files_path(&f, "none", path)) < 0);
	assert_true(document_read(&d, f.directory) < 0);
	memset(large, '#', DOC_MAX_BYTES + 1);
	assert_true(document_read(&d, files_write(&f, "large", large,
	                                          DOC_MAX_BYTES + 1, path)) <
	            0);
	capture_end(&err);
	assert_non_null(strstr(err.text, "none: cannot open: No such file"));
	assert_non_null(strstr(err.text, "cannot read: Is a directory"));
	assert_non_null(strstr(err.text, "large: larger than"));
	files_end(&f);
	free(large);
}

TEST(what_is_printed_in_quotes_is_read_as_it_was)
{
	static const char *const texts[] = {
		"a",
		"",
		"it's",
		"''",
		"*.a",
		"a: b # c",
		"\"\\",
		"\xc3\xa9",
		"two\nlines  # and no comment",
		"tab\tbell\a\"\\",
		"\xc2\x85\xe2\x80\xa8\xef\xbb\xbf \xc3\xa9",
	};
	struct capture out;

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct document d;
		struct whole *w;
		char text[256];

		capture_begin(&out, stdout);
		document_print(stdout, texts[i]);
		capture_end(&out);
		snprintf(text, sizeof(text), "level: %.200s\n", out.text);
		assert_int_equal(load(&d, text, strlen(text), &w), 0);
		assert_string_equal(w->level, texts[i]);
		document_unload(&schema, w);
		document_fini(&d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_loaded_can_be_found_again),
		cmocka_unit_test(an_empty_document_is_nothing_and_no_error),
		cmocka_unit_test(errors_name_line_key_and_what_was_expected),
		cmocka_unit_test(a_file_that_cannot_be_read_is_said_so),
		cmocka_unit_test(what_is_printed_in_quotes_is_read_as_it_was),
	};

	return RUN(tests);
}
