/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "names.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/umbel.h"
#include "text.h"

/* White space of any kind is the one thing left when nothing else is wrong. */
static const char *
fault_of_token(const char *token, size_t len, bool wildcards, bool last)
{
	if (len == 0)
		return "a word between two dots is missing";
	if (!memchr(token, '*', len))
		return NULL;
	if (!wildcards)
		return "* is for filters; a topic is exact";
	if (len > 2 || token[0] != '*' || token[len - 1] != '*')
		return "* stands for a whole word, not for a part of one";
	return len == 2 && !last ? "** must be the last word" : NULL;
}

const char *
names_fault(const char *name, bool wildcards)
{
	size_t len = strlen(name);

	if (wildcards ? umbel_filter_is_valid(name)
	              : umbel_topic_is_valid(name))
		return NULL;
	if (len == 0)
		return "it is empty";
	if (len > 255)
		return "it is longer than 255 bytes";
	if (!text_is_utf8(name, len))
		return "it is not UTF-8";
	while (*name) {
		size_t n = strcspn(name, ".");
		bool last = name[n] == '\0';
		const char *fault = fault_of_token(name, n, wildcards, last);

		if (fault)
			return fault;
		if (!last && name[n + 1] == '\0')
			return "it ends in a dot";
		name += last ? n : n + 1;
	}
	return "it has white space or control characters";
}

/* Has this folder one file that a * is about? */
static bool
is_only_file(void)
{
	DIR *folder = opendir(".");
	const struct dirent *entry;
	int n = 0;

	if (!folder)
		return false;
	while (n < 2 && (entry = readdir(folder)))
		n += entry->d_name[0] != '.';
	closedir(folder);
	return n == 1;
}

bool
names_are_files(char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (access(names[i], F_OK) != 0)
			return false;
	return n > 1 || (n == 1 && is_only_file());
}

void
names_refuse(const struct cli *cli, const char *name, bool wildcards)
{
	cli_complain("\"%s\" is not a %s: %s", name,
	             wildcards ? "filter" : "topic",
	             names_fault(name, wildcards));
	if (access(name, F_OK) == 0)
		cli_hint("it is the name of a file: if it came from a "
		         "wildcard, quote that: umbel %s '*'",
		         cli->verb);
	exit(CLI_USAGE);
}

void
names_note_strange(const char *filter)
{
	size_t len = strlen(filter);
	char last = filter[len - 1];
	bool alone = len == 1 || strchr("./", filter[len - 2]) != NULL;

	if (alone && (last == '#' || last == '>'))
		cli_complain("note: %c is an ordinary word here; the wildcard "
		             "for all the rest is **",
		             last);
	else if (strchr(filter, '/') && !strchr(filter, '.'))
		cli_complain("note: words are joined by dots here, / is an "
		             "ordinary character");
	else if (alone && last == '+')
		cli_complain("note: + is an ordinary word here; the wildcard "
		             "for one word is *");
}
