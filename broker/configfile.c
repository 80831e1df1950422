/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "configfile.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "document.h"
#include "places.h"
#include "rules.h"
#include "setting.h"

/* ---- the shape ------------------------------------------------------------ */

struct file_socket {
	char *path, *mode, *owner, *group, *role;
};

struct file {
	char *values[CONFIG_MAX_SETTINGS]; /* indexed by setting */
	struct file_socket *sockets;
	uint32_t sockets_count;
	struct rule_words *acl;
	uint32_t acl_count;
};

#define TEXT(key, type, member, optional)                                  \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (optional), type, \
	                       member, 0, CYAML_UNLIMITED)

static const cyaml_schema_field_t socket_fields[] = {
	TEXT("path", struct file_socket, path, CYAML_FLAG_OPTIONAL),
	TEXT("mode", struct file_socket, mode, CYAML_FLAG_OPTIONAL),
	TEXT("owner", struct file_socket, owner, CYAML_FLAG_OPTIONAL),
	TEXT("group", struct file_socket, group, CYAML_FLAG_OPTIONAL),
	TEXT("role", struct file_socket, role, CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t socket_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_socket,
	                    socket_fields),
};

#define SOCKETS_FIELD                                                  \
	CYAML_FIELD_SEQUENCE("sockets",                                \
	                     CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, \
	                     struct file, sockets, &socket_schema, 0, 1000)
#define ACL_FIELD                                                             \
	CYAML_FIELD_SEQUENCE("acl", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, \
	                     struct file, acl, &rules_entry_schema, 0,        \
	                     CYAML_UNLIMITED)

/* A section holds part of `values`: the fields of its settings. */
#define N_SECTIONS 2
static const char *const section_names[N_SECTIONS] = { "limits", "overflow" };

struct schema {
	cyaml_schema_field_t sections[N_SECTIONS][CONFIG_MAX_SETTINGS + 1];
	cyaml_schema_field_t top[CONFIG_MAX_SETTINGS + N_SECTIONS + 3];
	cyaml_schema_value_t file;
};

/* Write the fields of one section's settings. Returns how many there are. */
static size_t
put_fields(cyaml_schema_field_t *fields, const char *section)
{
	const struct setting *s;
	size_t n = 0;

	for (size_t i = 0; (s = setting_at(i)); i++) {
		cyaml_schema_field_t field =
			TEXT(NULL, struct file, values[0], CYAML_FLAG_OPTIONAL);

		if (!s->section || strcmp(s->section, section) != 0)
			continue;
		field.key = s->name;
		field.data_offset = (uint32_t)(i * sizeof(char *));
		fields[n++] = field;
	}
	return n;
}

static void
make_schema(struct schema *schema)
{
	size_t n;

	memset(schema, 0, sizeof(*schema));
	n = put_fields(schema->top, "");
	for (size_t i = 0; i < N_SECTIONS; i++) {
		const cyaml_schema_field_t section = {
			.key = section_names[i],
			.value = { CYAML_VALUE_MAPPING(CYAML_FLAG_OPTIONAL,
			                               struct file,
			                               schema->sections[i]) },
		};

		put_fields(schema->sections[i], section_names[i]);
		schema->top[n++] = section;
	}
	schema->top[n++] = (cyaml_schema_field_t)SOCKETS_FIELD;
	schema->top[n] = (cyaml_schema_field_t)ACL_FIELD;
	schema->file = (cyaml_schema_value_t){
		CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file,
		                    schema->top),
	};
}

/* The schema of a file in acl.d: nothing but rules. */
static const cyaml_schema_field_t only_rules[] = { ACL_FIELD, CYAML_FIELD_END };
static const cyaml_schema_value_t rules_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, only_rules),
};

/* ---- paths ---------------------------------------------------------------- */

static int
check_path(const struct document *d, const struct doc_node *node,
           const char *path)
{
	if (places_is_path(path))
		return 0;
	return document_complain(
		d, node, "%s: expected an absolute path of at most %zu bytes",
		path, PLACES_PATH_MAX);
}

/* ---- settings ------------------------------------------------------------- */

/* A flag takes precedence, but the value in the file must still be valid. */
static int
take_setting(const struct setting *s, struct config *c, size_t i,
             const char *text)
{
	struct config unused = { 0 };
	bool flag = c->origins[i].from == CONFIG_FLAG;
	int r = setting_take(s, flag ? &unused : c, text);

	setting_free(s, &unused);
	return r;
}

static int
take_settings(struct config *c, const struct document *d, const struct file *f)
{
	const struct setting *s;

	for (size_t i = 0; (s = setting_at(i)); i++) {
		const struct doc_node *in = d->root, *node;
		char words[SETTING_WORDS_MAX];
		int r;

		if (!f->values[i])
			continue;
		if (*s->section)
			in = document_get(in, s->section);
		node = document_get(in, s->name);
		/* each path in the file is the path of a socket */
		if (s->kind == SETTING_PATH &&
		    check_path(d, node, f->values[i]) < 0)
			return -EINVAL;
		r = take_setting(s, c, i, f->values[i]);
		if (r == -EINVAL)
			return document_complain(d, node, "%s: expected %s",
			                         f->values[i],
			                         setting_expected(s, words));
		if (r < 0)
			return r;
		if (c->origins[i].from == CONFIG_FLAG)
			continue;
		c->origins[i].from = CONFIG_FILE;
		c->origins[i].line = node->line;
	}
	return 0;
}

/* ---- sockets -------------------------------------------------------------- */

static int
take_access(struct config_socket *s, const struct document *d,
            const struct doc_node *node, const struct file_socket *f)
{
	if (f->mode && setting_parse_mode(f->mode, &s->mode) < 0)
		return document_complain(
			d, document_get(node, "mode"),
			"%s: expected an octal mode up to 0777", f->mode);
	if (f->owner && rules_user(f->owner, &s->owner) < 0)
		return document_complain(d, document_get(node, "owner"),
		                         "%s: there is no such user", f->owner);
	if (f->group && rules_group(f->group, &s->group) < 0)
		return document_complain(d, document_get(node, "group"),
		                         "%s: there is no such group",
		                         f->group);
	if (f->role && !rules_is_role(f->role))
		return document_complain(d, document_get(node, "role"),
		                         "%s: expected letters, digits, - and "
		                         "_",
		                         f->role);
	return 0;
}

static const struct config_socket *
find_socket(const struct config *c, const char *path)
{
	for (size_t i = 0; i < c->n_sockets; i++) {
		const char *taken = c->sockets[i].path;

		if (taken && places_are_one(taken, path))
			return &c->sockets[i];
	}
	return NULL;
}

static struct config_origin
origin_of(const struct doc_node *socket, const char *key)
{
	const struct doc_node *node = document_get(socket, key);
	struct config_origin o = { .from = CONFIG_DEFAULT };

	if (node) {
		o.from = CONFIG_FILE;
		o.line = node->line;
	}
	return o;
}

static int
take_socket(struct config *c, const struct document *d,
            const struct doc_node *node, const struct file_socket *f)
{
	struct config_socket *s = &c->sockets[c->n_sockets];
	const struct config_socket *twin;

	if (!f->path)
		return document_complain(d, node, "expected path:");
	if (check_path(d, document_get(node, "path"), f->path) < 0)
		return -EINVAL;
	twin = find_socket(c, f->path);
	if (twin)
		return document_complain(d, document_get(node, "path"),
		                         "%s: given twice, first in line %u",
		                         f->path, twin->line);
	*s = (struct config_socket){
		.path = strdup(f->path),
		.mode = 0600,
		.owner = (uid_t)-1,
		.group = (gid_t)-1,
		.role = f->role ? strdup(f->role) : NULL,
		.line = node->line,
		.from = { .path = origin_of(node, "path"),
		          .mode = origin_of(node, "mode"),
		          .owner = origin_of(node, "owner"),
		          .group = origin_of(node, "group"),
		          .role = origin_of(node, "role") },
	};
	c->n_sockets++;
	if (!s->path || (f->role && !s->role))
		return -ENOMEM;
	return take_access(s, d, node, f);
}

static int
take_sockets(struct config *c, const struct document *d, const struct file *f)
{
	const struct doc_node *node = document_get(d->root, "sockets");
	int r = 0;

	if (!node)
		return 0;
	if (f->sockets_count == 0)
		return document_complain(d, node, "expected at least one");
	c->sockets = calloc(f->sockets_count, sizeof(*c->sockets));
	if (!c->sockets)
		return -ENOMEM;
	node = node->first;
	for (uint32_t i = 0; i < f->sockets_count && r == 0; i++) {
		r = take_socket(c, d, node, &f->sockets[i]);
		node = node->next;
	}
	return r;
}

/* ---- rules ---------------------------------------------------------------- */

static int
take_rules(struct config *c, const struct document *d, const struct file *f)
{
	const struct doc_node *node = document_get(d->root, "acl");
	int r = 0;

	if (!node)
		return 0;
	if (!c->acl)
		c->acl = acl_new();
	if (!c->acl)
		return -ENOMEM;
	node = node->first;
	for (uint32_t i = 0; i < f->acl_count && r == 0; i++) {
		r = rules_add(c->acl, d, node, &f->acl[i]);
		node = node->next;
	}
	return r;
}

static int
remember_file(struct config *c, const char *path)
{
	char **files =
		realloc(c->rule_files, (c->n_rule_files + 1) * sizeof(*files));

	if (!files)
		return -ENOMEM;
	c->rule_files = files;
	files[c->n_rule_files] = strdup(path);
	if (!files[c->n_rule_files])
		return -ENOMEM;
	c->n_rule_files++;
	return 0;
}

/* A file in acl.d turns the ACL on: without any rules in it, all is denied. */
static int
read_rules(struct config *c, const char *path)
{
	struct document d;
	void *loaded;
	int r;

	if (!c->acl)
		c->acl = acl_new();
	if (!c->acl || remember_file(c, path) < 0)
		return -ENOMEM;
	r = document_read(&d, path);
	if (r < 0)
		return r;
	r = document_load(&d, &rules_schema, &loaded);
	if (r == 0 && loaded)
		r = take_rules(c, &d, loaded);
	document_unload(&rules_schema, loaded);
	document_fini(&d);
	return r;
}

static int
is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool
is_yaml(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && strcmp(name + n - 5, ".yaml") == 0;
}

/* Does the path exist? Links are not followed. */
static bool
is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 || errno != ENOENT;
}

static int
read_entry(struct config *c, const char *folder, const char *name)
{
	char *path;
	int r = 0;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return -ENOMEM;
	if (is_yaml(name)) {
		r = read_rules(c, path);
	} else {
		fputs("umbeld: warn: ", stderr);
		document_say(stderr, path);
		fputs(": not read: expected a name that ends in .yaml\n",
		      stderr);
		c->n_warnings++;
	}
	free(path);
	return r;
}

/* The path of the folder "acl.d" beside the file. */
static char *
folder_of_rules(const char *file)
{
	const char *slash = strrchr(file, '/');
	int n = slash ? (int)(slash - file) + 1 : 0;
	char *folder;

	return asprintf(&folder, "%.*sacl.d", n, file) < 0 ? NULL : folder;
}

static int
read_folder(struct config *c, const char *folder)
{
	struct dirent **names;
	int n, r = 0;

	if (!is_there(folder))
		return 0;
	n = scandir(folder, &names, is_visible, alphasort);
	if (n < 0) {
		fprintf(stderr, "umbeld: %s: cannot read: %s\n", folder,
		        strerror(errno));
		return -EINVAL;
	}
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = read_entry(c, folder, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return r;
}

/* The index of a rule among the rules of its file. */
static size_t
number_of(const struct acl *acl, const struct acl_rule *rule)
{
	size_t n = 0;

	for (size_t i = 0; acl->rules[i] != rule; i++)
		n += strcmp(acl->rules[i]->file, rule->file) == 0;
	return n;
}

/* A role that no socket has must be a mistake. */
static int
check_role(const struct config *c, const struct acl_rule *rule,
           const struct acl_who *who)
{
	if (who->kind != ACL_ROLE)
		return 0;
	if (c->http_role && strcmp(c->http_role, who->role) == 0)
		return 0;
	for (size_t i = 0; i < c->n_sockets; i++) {
		const char *role = c->sockets[i].role;

		if (role && strcmp(role, who->role) == 0)
			return 0;
	}
	fprintf(stderr,
	        "umbeld: %s:%u: acl[%zu].who[%zu]: role %s: expected the role "
	        "of one of the sockets in %s\n",
	        rule->file, who->line, number_of(c->acl, rule),
	        (size_t)(who - rule->who), who->role, c->file);
	return -EINVAL;
}

static int
check_roles(const struct config *c)
{
	for (size_t i = 0; c->acl && i < c->acl->n_rules; i++) {
		const struct acl_rule *rule = c->acl->rules[i];

		for (size_t k = 0; k < rule->n_who; k++) {
			if (check_role(c, rule, &rule->who[k]) < 0)
				return -EINVAL;
		}
	}
	return 0;
}

/* ---- the file ------------------------------------------------------------- */

static int
read_main(struct config *c, const struct schema *schema)
{
	struct document d;
	void *loaded;
	int r = document_read(&d, c->file);

	if (r < 0)
		return r;
	r = document_load(&d, &schema->file, &loaded);
	if (r == 0 && loaded) {
		const struct file *f = loaded;

		r = take_settings(c, &d, f);
		if (r == 0)
			r = take_sockets(c, &d, f);
		if (r == 0)
			r = take_rules(c, &d, f);
	}
	document_unload(&schema->file, loaded);
	document_fini(&d);
	return r;
}

int
configfile_read(struct config *c)
{
	struct schema *schema = malloc(sizeof(*schema));
	char *folder = folder_of_rules(c->file);
	int r = -ENOMEM;

	if (schema && folder) {
		make_schema(schema);
		r = read_main(c, schema);
		if (r == 0)
			r = read_folder(c, folder);
		if (r == 0)
			r = check_roles(c);
	}
	free(folder);
	free(schema);
	return r;
}
