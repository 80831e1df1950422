/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "document.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "proto/utf8.h"

#define KEY_MAX 200

/* ---- saying what is wrong ------------------------------------------------- */

/* Write the key of a node, such as "acl[2].topics[0]". */
static size_t
write_key(const struct doc_node *node, char buf[KEY_MAX])
{
	size_t at;
	int n;

	if (!node || !node->parent) {
		buf[0] = '\0';
		return 0;
	}
	at = write_key(node->parent, buf);
	if (node->key)
		n = snprintf(buf + at, KEY_MAX - at, "%s%s", at ? "." : "",
		             node->key);
	else
		n = snprintf(buf + at, KEY_MAX - at, "[%zu]", node->nth);
	at += (size_t)n;
	return at < KEY_MAX ? at : KEY_MAX - 1;
}

static int
out_of_memory(void)
{
	fputs("umbeld: out of memory\n", stderr);
	return -ENOMEM;
}

int
document_complain(const struct document *d, const struct doc_node *node,
                  const char *format, ...)
{
	char key[KEY_MAX], *words;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&words, format, args);
	va_end(args);
	if (n < 0)
		return out_of_memory();
	fputs("umbeld: ", stderr);
	document_say(stderr, d->path);
	fprintf(stderr, ":%u: ", node ? node->line : 1);
	if (write_key(node, key) > 0) {
		document_say(stderr, key);
		fputs(": ", stderr);
	}
	document_say(stderr, words);
	fputc('\n', stderr);
	free(words);
	return -EINVAL;
}

/* ---- the tree ------------------------------------------------------------- */

const struct doc_node *
document_get(const struct doc_node *node, const char *key)
{
	const struct doc_node *n = node ? node->first : NULL;

	while (n && (!n->key || strcmp(n->key, key) != 0))
		n = n->next;
	return n;
}

const struct doc_node *
document_nth(const struct doc_node *node, size_t n)
{
	const struct doc_node *child = node ? node->first : NULL;

	while (child && child->nth != n)
		child = child->next;
	return child;
}

static void
free_tree(struct doc_node *node)
{
	while (node) {
		struct doc_node *next = node->next;

		free_tree(node->first); /* DOC_MAX_DEPTH bounds the recursion */
		free(node->key);
		free(node);
		node = next;
	}
}

/* The state of the parser: the open collection, and the key whose value is
   next. */
struct builder {
	struct document *doc;
	struct doc_node *open;
	unsigned depth;
	char *key;
	size_t key_line;
	unsigned documents;
};

static int
add_node(struct builder *b, enum doc_kind kind, size_t line)
{
	struct doc_node *node = calloc(1, sizeof(*node)), *in = b->open;

	if (!node)
		return out_of_memory();
	node->kind = kind;
	node->line = (unsigned)line + 1;
	node->parent = in;
	node->key = b->key;
	b->key = NULL;
	if (!in) {
		b->doc->root = node;
	} else {
		node->nth = in->last ? in->last->nth + 1 : 0;
		if (in->last)
			in->last->next = node;
		else
			in->first = node;
		in->last = node;
	}
	if (kind == DOC_SCALAR)
		return 0;
	b->open = node;
	if (++b->depth > DOC_MAX_DEPTH)
		return document_complain(b->doc, node, "nested too deeply");
	return 0;
}

static bool
wants_key(const struct builder *b)
{
	return b->open && b->open->kind == DOC_MAPPING && !b->key;
}

/* Complain about what comes next, in this line. */
static int
complain_here(const struct builder *b, size_t line, const char *what)
{
	const struct doc_node *in = b->open;
	struct doc_node here = {
		.key = b->key,
		.nth = in && in->last ? in->last->nth + 1 : 0,
		.parent = b->open,
	};

	if (in && wants_key(b))
		here = *in;
	here.line = (unsigned)line + 1;
	return document_complain(b->doc, &here, "%s", what);
}

static int
complain_of_twin(const struct builder *b, size_t line, const char *key)
{
	const struct doc_node here = {
		.key = (char *)(uintptr_t)key,
		.line = (unsigned)line + 1,
		.parent = b->open,
	};

	return document_complain(b->doc, &here, "given twice, first in line %u",
	                         document_get(b->open, key)->line);
}

static int
add_scalar(struct builder *b, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t line = e->start_mark.line;

	if (strlen(text) != e->data.scalar.length)
		return complain_here(b, line, "a NUL character in a value");
	if (!wants_key(b))
		return add_node(b, DOC_SCALAR, line);
	if (document_get(b->open, text))
		return complain_of_twin(b, line, text);
	b->key = strdup(text);
	b->key_line = line;
	return b->key ? 0 : out_of_memory();
}

static int
open_collection(struct builder *b, enum doc_kind kind, const yaml_event_t *e)
{
	if (wants_key(b))
		return complain_here(b, e->start_mark.line,
		                     "a key has to be a word");
	/* a value gets the line of its key */
	return add_node(b, kind, b->key ? b->key_line : e->start_mark.line);
}

static void
close_collection(struct builder *b)
{
	assert(b->open); /* the parser ensures this */
	b->open = b->open->parent;
	b->depth--;
}

static int
take_event(struct builder *b, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return add_scalar(b, e);
	case YAML_SEQUENCE_START_EVENT:
		return open_collection(b, DOC_SEQUENCE, e);
	case YAML_MAPPING_START_EVENT:
		return open_collection(b, DOC_MAPPING, e);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_collection(b);
		return 0;
	case YAML_ALIAS_EVENT:
		return complain_here(
			b, e->start_mark.line,
			"an alias; a filter that begins with * has "
			"to be in quotes");
	case YAML_DOCUMENT_START_EVENT:
		if (b->documents++ > 0)
			return complain_here(b, e->start_mark.line,
			                     "a second document");
		return 0;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return 0;
}

static int
complain_about_syntax(const struct builder *b, const yaml_parser_t *p)
{
	const char *context = p->context ? p->context : "";
	char what[300];

	if (p->error == YAML_MEMORY_ERROR)
		return out_of_memory();
	snprintf(what, sizeof(what), "not YAML: %s%s%s%s", context,
	         *context ? ", " : "", p->problem ? p->problem : "unreadable",
	         strstr(context, "alias")
	                 ? " (a filter that begins with * has to be in quotes)"
	                 : "");
	return complain_here(b, p->problem_mark.line, what);
}

static int
parse(struct document *d)
{
	struct builder b = { .doc = d };
	yaml_parser_t p;
	bool done = false;
	int r = 0;

	if (!yaml_parser_initialize(&p))
		return out_of_memory();
	yaml_parser_set_input_string(&p, (const uint8_t *)d->text, d->len);
	while (r == 0 && !done) {
		yaml_event_t e;

		if (!yaml_parser_parse(&p, &e)) {
			r = complain_about_syntax(&b, &p);
			break;
		}
		r = take_event(&b, &e);
		done = e.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
	}
	free(b.key);
	yaml_parser_delete(&p);
	return r;
}

/* ---- the file ------------------------------------------------------------- */

static int
read_text(struct document *d, FILE *f)
{
	d->text = malloc(DOC_MAX_BYTES + 1);
	if (!d->text)
		return out_of_memory();
	d->len = fread(d->text, 1, DOC_MAX_BYTES + 1, f);
	if (ferror(f)) {
		fprintf(stderr, "umbeld: %s: cannot read: %s\n", d->path,
		        strerror(errno));
		return -EIO;
	}
	if (d->len > DOC_MAX_BYTES) {
		fprintf(stderr, "umbeld: %s: larger than %u bytes\n", d->path,
		        DOC_MAX_BYTES);
		return -EFBIG;
	}
	return 0;
}

int
document_read(struct document *d, const char *path)
{
	FILE *f = fopen(path, "re");
	int r;

	*d = (struct document){ 0 };
	if (!f) {
		fprintf(stderr, "umbeld: %s: cannot open: %s\n", path,
		        strerror(errno));
		return -EINVAL;
	}
	d->path = strdup(path);
	r = d->path ? read_text(d, f) : out_of_memory();
	fclose(f);
	if (r == 0)
		r = parse(d);
	if (r < 0)
		document_fini(d);
	return r;
}

void
document_fini(struct document *d)
{
	free_tree(d->root);
	free(d->path);
	free(d->text);
	*d = (struct document){ 0 };
}

/* ---- against the schema --------------------------------------------------- */

static const cyaml_schema_field_t *
find_field(const cyaml_schema_field_t *fields, const char *key)
{
	while (fields->key && strcmp(fields->key, key) != 0)
		fields++;
	return fields->key ? fields : NULL;
}

static int
refuse_key(const struct document *d, const struct doc_node *node,
           const cyaml_schema_field_t *fields)
{
	char known[600] = "";
	size_t at = 0;

	for (; fields->key && at < sizeof(known); fields++)
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s",
		                       at ? ", " : "", fields->key);
	return document_complain(
		d, node, "no such key here; expected one of: %s", known);
}

static int
check_kind(const struct document *d, const struct doc_node *node,
           enum doc_kind wanted)
{
	static const char *const words[] = {
		[DOC_SCALAR] = "one value",
		[DOC_SEQUENCE] = "a list, such as [a, b]",
		[DOC_MAPPING] = "keys and values",
	};

	if (node->kind == wanted)
		return 0;
	return document_complain(d, node, "expected %s", words[wanted]);
}

static int
check_node(const struct document *d, const struct doc_node *node,
           const cyaml_schema_value_t *schema)
{
	enum doc_kind wanted = schema->type == CYAML_MAPPING    ? DOC_MAPPING
	                       : schema->type == CYAML_SEQUENCE ? DOC_SEQUENCE
	                                                        : DOC_SCALAR;
	int r = check_kind(d, node, wanted);

	for (const struct doc_node *n = node->first; n && r == 0; n = n->next) {
		const cyaml_schema_field_t *field;

		if (wanted == DOC_SEQUENCE) {
			r = check_node(d, n, schema->sequence.entry);
			continue;
		}
		field = find_field(schema->mapping.fields, n->key);
		r = field ? check_node(d, n, &field->value)
		          : refuse_key(d, n, schema->mapping.fields);
	}
	return r;
}

static const cyaml_config_t how = {
	.mem_fn = cyaml_mem,
	.flags = CYAML_CFG_NO_ALIAS,
};

int
document_load(struct document *d, const cyaml_schema_value_t *schema,
              void **out)
{
	cyaml_err_t e;

	*out = NULL;
	if (!d->root)
		return 0;
	if (check_node(d, d->root, schema) < 0)
		return -EINVAL;
	e = cyaml_load_data((const uint8_t *)d->text, d->len, &how, schema, out,
	                    NULL);
	if (e == CYAML_ERR_OOM)
		return out_of_memory();
	if (e != CYAML_OK)
		return document_complain(d, d->root, "%s", cyaml_strerror(e));
	return 0;
}

void
document_unload(const cyaml_schema_value_t *schema, void *data)
{
	if (data)
		cyaml_free(&how, schema, data, 0);
}

/* ---- a text --------------------------------------------------------------- */

/* Decode the character at the front. A byte that is not part of a character is
   returned as it is. */
static size_t
next_character(const char *text, uint32_t *c)
{
	size_t n = utf8_decode((const uint8_t *)text, strlen(text), c);

	if (n > 0)
		return n;
	*c = (uint8_t)*text;
	return 1;
}

/* May this character appear unescaped in YAML? */
static bool
is_plain(uint32_t c)
{
	return c >= 0x20 && (c < 0x7f || c > 0x9f) && c != 0x2028 &&
	       c != 0x2029 && c != 0xfeff && c != 0xfffe && c != 0xffff;
}

static bool
all_is_plain(const char *text)
{
	uint32_t c = ' ';

	while (*text && is_plain(c))
		text += next_character(text, &c);
	return is_plain(c);
}

void
document_say(FILE *to, const char *text)
{
	size_t n;

	for (; *text; text += n) {
		uint32_t c;

		n = next_character(text, &c);
		if (is_plain(c) && (n > 1 || c < 0x80))
			fwrite(text, 1, n, to);
		else
			fprintf(to, "\\u%04" PRIx32, c);
	}
}

/* Print with escapes, which YAML allows only in double quotes. */
static void
print_escaped(FILE *to, const char *text)
{
	size_t n;

	fputc('"', to);
	for (; *text; text += n) {
		uint32_t c;

		n = next_character(text, &c);
		if (!is_plain(c))
			fprintf(to, "\\u%04" PRIx32, c);
		else if (c == '"' || c == '\\')
			fprintf(to, "\\%c", (char)c);
		else
			fwrite(text, 1, n, to);
	}
	fputc('"', to);
}

void
document_print(FILE *to, const char *text)
{
	if (!all_is_plain(text)) {
		print_escaped(to, text);
		return;
	}
	fputc('\'', to);
	for (; *text; text++) {
		if (*text == '\'')
			fputc('\'', to);
		fputc(*text, to);
	}
	fputc('\'', to);
}
