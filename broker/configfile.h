/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * configfile - the file of --config, and the acl.d beside it.
 *
 * The file has sections for settings (setting.h says which), a list of
 * sockets, and rules under acl. More rules come from the *.yaml in the folder
 * acl.d, in the order of their names; there is an ACL, and what it does not
 * allow is denied, when the file has an acl, even an empty one, or the folder
 * has any such file. What else is in the folder, and not hidden, is named.
 */
#ifndef UMBELD_CONFIGFILE_H
#define UMBELD_CONFIGFILE_H

#include "config.h"

/*
 * Read c->file, and what belongs to it, into `c`. Returns 0, or a negative
 * value after saying why on stderr, with file, line and key.
 */
int configfile_read(struct config *c);

#endif
