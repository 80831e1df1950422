/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "units.h"

#include <stdio.h>
#include <string.h>

#include "buf.h"

#define ASK(who)                                                         \
	"systemctl " who "show umbeld.socket umbeld.service --no-pager " \
	"--property=Id,LoadState,ActiveState,SubState,Result 2>/dev/null"

/* ---- what systemctl says ------------------------------------------------ */

static void
take(struct unit *u, const char *key, size_t key_len, const char *value,
     size_t len)
{
	const struct {
		const char *key;
		char *to;
		size_t size;
	} members[] = {
		{ "Id", u->name, sizeof(u->name) },
		{ "LoadState", u->load, sizeof(u->load) },
		{ "ActiveState", u->active, sizeof(u->active) },
		{ "SubState", u->sub, sizeof(u->sub) },
		{ "Result", u->result, sizeof(u->result) },
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (strlen(members[i].key) == key_len &&
		    memcmp(members[i].key, key, key_len) == 0)
			snprintf(members[i].to, members[i].size, "%.*s",
			         (int)len, value);
}

void
units_parse(struct units *u, const char *text)
{
	struct unit one = { 0 };

	u->n = 0;
	while (u->n < UNITS_MAX) {
		size_t len = strcspn(text, "\n");
		const char *equals = memchr(text, '=', len);

		if (equals)
			take(&one, text, (size_t)(equals - text), equals + 1,
			     len - (size_t)(equals + 1 - text));
		text += len + (text[len] == '\n');
		/* an empty line is between two units */
		if ((len == 0 || !*text) && *one.name) {
			u->at[u->n++] = one;
			one = (struct unit){ 0 };
		}
		if (!*text)
			return;
	}
}

void
units_ask(struct units *u, bool user)
{
	struct buf text = { 0 };
	FILE *pipe = popen(user ? ASK("--user ") : ASK(""), "re");
	size_t n;

	*u = (struct units){ .user = user };
	if (!pipe)
		return;
	while ((n = fread(buf_room(&text, 1024), 1, 1024, pipe)) > 0)
		text.len += n;
	if (pclose(pipe) == 0)
		units_parse(u, buf_text(&text));
	buf_free(&text);
}

/* ---- what it means ------------------------------------------------------ */

static bool
is_there(const struct unit *u)
{
	return strcmp(u->load, "loaded") == 0;
}

const char *
units_start(const struct units *u)
{
	const char *unit = NULL;

	for (size_t i = 0; i < u->n; i++)
		if (is_there(&u->at[i]) && (!unit || strstr(unit, ".service")))
			unit = u->at[i].name;
	if (!unit)
		return NULL;
	if (strstr(unit, ".socket"))
		return u->user ? "systemctl --user start umbeld.socket"
		               : "sudo systemctl start umbeld.socket";
	return u->user ? "systemctl --user start umbeld.service"
	               : "sudo systemctl start umbeld.service";
}

static void
examine(const struct units *u, const struct unit *one, bool ours,
        struct findings *f)
{
	const char *who = u->user ? "systemctl --user" : "sudo systemctl";
	bool failed = strcmp(one->active, "failed") == 0;
	enum grade grade = failed && ours                       ? GRADE_WRONG
	                   : strcmp(one->active, "active") == 0 ? GRADE_GOOD
	                                                        : GRADE_NOTE;

	findings_add(f, grade, "systemd", "%s is %s (%s)%s%s", one->name,
	             one->active, one->sub, failed ? ": " : "",
	             failed ? one->result : "");
	if (failed)
		findings_mend(f, "journalctl %s-u %s -n 20; %s restart %s",
		              u->user ? "--user " : "", one->name, who,
		              one->name);
}

void
units_examine(const struct units *u, bool ours, struct findings *f)
{
	for (size_t i = 0; i < u->n; i++) {
		const struct unit *one = &u->at[i];

		if (strcmp(one->load, "masked") == 0)
			findings_add(f, GRADE_NOTE, "systemd", "%s is masked",
			             one->name);
		else if (is_there(one))
			examine(u, one, ours, f);
	}
}
