/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * admission - may one more connection come in?
 *
 * All connections together leave a reserve of descriptors, each user has a
 * limit, and so have those that have not said HELLO. Two more connections than
 * that are for root and for the broker's own user, so that whoever looks after
 * it gets in when nobody else does.
 */
#ifndef UMBELD_ADMISSION_H
#define UMBELD_ADMISSION_H

#include <stdbool.h>

#include "broker.h"
#include "peer.h"

#define ADMISSION_KEPT      2u
#define ADMISSION_WORDS_MAX 480

/* False: no, and why, which limit that is, and who was refused. */
bool admission_permits(const struct broker *b, const struct peer *peer,
                       char why[ADMISSION_WORDS_MAX]);

/*
 * Say so on its socket, with a fatal ERROR `limit`, as far as that can be done
 * without waiting. The socket is still the caller's.
 */
void admission_refuse(int fd, const char *why);

#endif
