/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * permit - may this process connect to a socket, and if not, which line of
 * the shell would change that?
 */
#ifndef UMBEL_CLI_PERMIT_H
#define UMBEL_CLI_PERMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "findings.h"

struct permit_who {
	uid_t uid;
	const gid_t *groups; /* of the process, its effective one too */
	size_t n_groups;
};

enum permit {
	PERMIT_ROOT,        /* who may do all */
	PERMIT_OWNER,       /* by the owner's bit */
	PERMIT_GROUP,       /* by the group's */
	PERMIT_OTHERS,      /* by everybody's */
	PERMIT_NOT_OWNER,   /* the bit that counts for the owner is not set */
	PERMIT_NOT_GROUP,   /* the one for the group is not */
	PERMIT_NOT_MEMBER,  /* the group may, and one is not in it */
	PERMIT_NOBODY_ELSE, /* only the owner may */
};

/* By which of the nine bits, or why not: the kernel looks at one alone. */
enum permit permit_of(const struct stat *st, const struct permit_who *who);

static inline bool
permit_is_granted(enum permit p)
{
	return p <= PERMIT_OTHERS;
}

/* One finding, about this process and the socket at `path`: a folder of the
   path, its owner and mode. */
void permit_examine(struct findings *f, const char *path,
                    const struct stat *st);

/* The folder above it that one may not enter, in `folder`, or an empty text. */
void permit_closed_folder(const char *path, char *folder, size_t size);

/* One finding about that folder. */
void permit_complain_folder(struct findings *f, const char *folder);

#endif
