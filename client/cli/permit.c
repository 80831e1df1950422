/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "permit.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "users.h"

#define SUBJECT "permissions"

/* ---- the rule ----------------------------------------------------------- */

static bool
is_member(const struct permit_who *who, gid_t gid)
{
	for (size_t i = 0; i < who->n_groups; i++)
		if (who->groups[i] == gid)
			return true;
	return false;
}

enum permit
permit_of(const struct stat *st, const struct permit_who *who)
{
	if (who->uid == 0)
		return PERMIT_ROOT;
	if (who->uid == st->st_uid)
		return st->st_mode & S_IWUSR ? PERMIT_OWNER : PERMIT_NOT_OWNER;
	if (is_member(who, st->st_gid))
		return st->st_mode & S_IWGRP ? PERMIT_GROUP : PERMIT_NOT_GROUP;
	if (st->st_mode & S_IWOTH)
		return PERMIT_OTHERS;
	return st->st_mode & S_IWGRP ? PERMIT_NOT_MEMBER : PERMIT_NOBODY_ELSE;
}

/* ---- who ---------------------------------------------------------------- */

static struct permit_who
this_process(gid_t **groups)
{
	int n = getgroups(0, NULL);

	*groups = calloc((size_t)(n > 0 ? n : 0) + 1, sizeof(**groups));
	if (!*groups)
		cli_die("out of memory");
	n = n > 0 ? getgroups(n, *groups) : 0;
	if (n < 0)
		n = 0;
	(*groups)[n] = getegid();
	return (struct permit_who){
		.uid = geteuid(),
		.groups = *groups,
		.n_groups = (size_t)n + 1,
	};
}

static const char *
group_name(gid_t gid, char *name, size_t size)
{
	const struct group *group = getgrgid(gid);

	if (group)
		snprintf(name, size, "%s", group->gr_name);
	else
		snprintf(name, size, "%lu", (unsigned long)gid);
	return name;
}

/* The user is in it by now, and this process began before that. */
static bool
became_member(gid_t gid)
{
	const struct group *group = getgrgid(gid);
	char user[64];

	if (!group)
		return false;
	users_name(geteuid(), user, sizeof(user));
	for (char **member = group->gr_mem; *member; member++)
		if (strcmp(*member, user) == 0)
			return true;
	return false;
}

/* ---- words -------------------------------------------------------------- */

static const char *
by_what(enum permit p)
{
	switch (p) {
	case PERMIT_ROOT:
		return "which may do all";
	case PERMIT_OWNER:
		return "its owner, who may connect";
	case PERMIT_GROUP:
		return "in its group, which may connect";
	case PERMIT_OTHERS:
		return "and everybody may connect";
	case PERMIT_NOT_OWNER:
		return "its owner, and its mode does not let the owner connect";
	case PERMIT_NOT_GROUP:
		return "in its group, and its mode does not let that connect";
	case PERMIT_NOT_MEMBER:
		return "not in its group, which may connect";
	case PERMIT_NOBODY_ELSE:
		break;
	}
	return "not its owner, who alone may connect";
}

static void
mend(struct findings *f, enum permit p, const char *path, const char *group)
{
	char user[64];

	users_name(geteuid(), user, sizeof(user));
	switch (p) {
	case PERMIT_NOT_OWNER:
		findings_mend(f, "chmod u+rw %s", path);
		break;
	case PERMIT_NOT_GROUP:
		findings_mend(f, "sudo chmod g+rw %s  (and umbeld --mode 0660)",
		              path);
		break;
	case PERMIT_NOT_MEMBER:
		findings_mend(f, "sudo usermod -aG %s %s  (then log in again)",
		              group, user);
		break;
	case PERMIT_NOBODY_ELSE:
		findings_mend(
			f,
			"sudo usermod -aG %s %s  (and umbeld --mode 0660, "
			"its socket of that group)",
			strcmp(group, "root") == 0 ? "umbel" : group, user);
		break;
	case PERMIT_ROOT:
	case PERMIT_OWNER:
	case PERMIT_GROUP:
	case PERMIT_OTHERS:
		break;
	}
}

void
permit_examine(struct findings *f, const char *path, const struct stat *st)
{
	char user[64], owner[64], group[64];
	gid_t *groups;
	struct permit_who who = this_process(&groups);
	enum permit p = permit_of(st, &who);

	free(groups);
	group_name(st->st_gid, group, sizeof(group));
	findings_add(f, permit_is_granted(p) ? GRADE_GOOD : GRADE_WRONG,
	             SUBJECT,
	             "%s is %s:%s, mode %04o; this is %s (uid %lu), %s", path,
	             users_name(st->st_uid, owner, sizeof(owner)), group,
	             (unsigned)st->st_mode & 07777u,
	             users_name(geteuid(), user, sizeof(user)),
	             (unsigned long)geteuid(), by_what(p));
	if (p == PERMIT_NOT_MEMBER && became_member(st->st_gid))
		findings_mend(f, "newgrp %s  (or log in again)", group);
	else
		mend(f, p, path, group);
}

/* ---- folders ------------------------------------------------------------ */

void
permit_closed_folder(const char *path, char *folder, size_t size)
{
	const char *slash = path;

	*folder = '\0';
	while ((slash = strchr(slash + 1, '/'))) {
		if ((size_t)(slash - path) >= size)
			break;
		memcpy(folder, path, (size_t)(slash - path));
		folder[slash - path] = '\0';
		if (faccessat(AT_FDCWD, folder, X_OK, AT_EACCESS) < 0 &&
		    errno == EACCES)
			return;
	}
	*folder = '\0';
}

void
permit_complain_folder(struct findings *f, const char *folder)
{
	char user[64], owner[64], group[64];
	struct stat st;

	users_name(geteuid(), user, sizeof(user));
	if (stat(folder, &st) < 0) {
		findings_add(f, GRADE_WRONG, SUBJECT,
		             "%s may not even look at the folder %s", user,
		             folder);
		return;
	}
	findings_add(f, GRADE_WRONG, SUBJECT,
	             "the folder %s is %s:%s, mode %04o: %s (uid %lu) may not "
	             "enter it",
	             folder, users_name(st.st_uid, owner, sizeof(owner)),
	             group_name(st.st_gid, group, sizeof(group)),
	             (unsigned)st.st_mode & 07777u, user,
	             (unsigned long)geteuid());
	findings_mend(f, "sudo chmod a+x %s", folder);
}
