/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * configfile - reads the file of --config, and the folder acl.d beside it.
 *
 * The file has sections for settings (setting.h says which), a list of sockets,
 * and rules under acl. More rules come from the *.yaml files in the folder
 * acl.d, in the order of their names. There is an ACL, which denies what it
 * does not allow, if the file has an acl key, even an empty one, or if the
 * folder has any such file. Other files in the folder that are not hidden cause
 * a warning.
 */
#ifndef UMBELD_CONFIGFILE_H
#define UMBELD_CONFIGFILE_H

#include "config.h"

/*
 * Read c->file and its acl.d into `c`. Returns 0, or a negative value after
 * printing the reason to stderr, with file, line and key.
 */
int configfile_read(struct config *c);

#endif
