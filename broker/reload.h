/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * reload - the configuration, read again while the broker serves.
 *
 * Rules and log level take effect at once; what else has changed is named, and
 * waits for a restart. Whatever is wrong with the files, all stays as it was;
 * so it does when nothing is left of rules because their place is gone. Files
 * are named: those that were read, and those of acl.d that are gone.
 * Nobody is disconnected; a subscription that is not allowed any more ends.
 */
#ifndef UMBELD_RELOAD_H
#define UMBELD_RELOAD_H

#include "broker.h"
#include "config.h"

/* The arguments are those of the command line. */
void reload(struct broker *b, struct config *config, int argc, char **argv);

#endif
