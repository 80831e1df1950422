/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "users.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

uint32_t
users_uid(const char *option, const char *user)
{
	const struct passwd *entry;

	if (*user && strspn(user, "0123456789") == strlen(user))
		return (uint32_t)cli_number(option, user, 0, UINT32_MAX);
	entry = getpwnam(user);
	if (!entry) {
		cli_complain("%s: there is no user %s", option, user);
		exit(CLI_USAGE);
	}
	return (uint32_t)entry->pw_uid;
}

const char *
users_name(uint64_t uid, char *name, size_t size)
{
	const struct passwd *entry = getpwuid((uid_t)uid);

	if (entry)
		snprintf(name, size, "%s", entry->pw_name);
	else
		snprintf(name, size, "%" PRIu64, uid);
	return name;
}

const char *
users_last_name(struct users_last *last, uint32_t uid)
{
	if (!last->known || last->uid != uid) {
		last->known = true;
		last->uid = uid;
		users_name(uid, last->name, sizeof(last->name));
	}
	return last->name;
}
