/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * document - a YAML file of settings: read, checked against a libcyaml schema
 * and loaded by libcyaml, with the line of every value.
 *
 * libcyaml converts a document to structs, but it does not keep line numbers,
 * and its errors only tell where its parser was. So the file is first read into
 * a tree that has them. Errors are then reported with file, line, key and what
 * was expected, and a value that turns out to be wrong later can be found
 * again.
 */
#ifndef UMBELD_DOCUMENT_H
#define UMBELD_DOCUMENT_H

#include <cyaml/cyaml.h>
#include <stddef.h>
#include <stdio.h>

/* Configuration files are small; anything larger or nested deeper is
   rejected. */
#define DOC_MAX_BYTES (1u << 20)
#define DOC_MAX_DEPTH 8u

enum doc_kind { DOC_SCALAR, DOC_SEQUENCE, DOC_MAPPING };

struct doc_node {
	enum doc_kind kind;
	unsigned line;
	char *key;  /* in a mapping */
	size_t nth; /* among its siblings, from 0 */
	struct doc_node *parent, *first, *last, *next;
};

struct document {
	char *path;
	char *text;
	size_t len;
	struct doc_node *root; /* NULL: the document is empty */
};

/* Read a file. Returns 0, or a negative value after printing the reason to
   stderr. */
int document_read(struct document *d, const char *path);
void document_fini(struct document *d);

/*
 * Check the document against `schema`, a pointer to a mapping, and load it.
 * *out is NULL if the document is empty; it may be passed to document_unload()
 * in any case. Returns 0, or a negative value after printing the reason to
 * stderr.
 */
int document_load(struct document *d, const cyaml_schema_value_t *schema,
                  void **out);
void document_unload(const cyaml_schema_value_t *schema, void *data);

/* The value of a key, or the nth of a sequence. NULL if there is none. */
const struct doc_node *document_get(const struct doc_node *node,
                                    const char *key);
const struct doc_node *document_nth(const struct doc_node *node, size_t n);

/*
 * Print "umbeld: FILE:LINE: KEY: ..." to stderr, always as one line. Returns a
 * negative value.
 */
int document_complain(const struct document *d, const struct doc_node *node,
                      const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Print a text; characters that could act as control characters are escaped. */
void document_say(FILE *to, const char *text);

/* Print a text in quotes, so that a YAML reader gets the same text back. */
void document_print(FILE *to, const char *text);

#endif
