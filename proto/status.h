/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* status - the numbered results that broker and clients share. */
#ifndef UMBEL_PROTO_STATUS_H
#define UMBEL_PROTO_STATUS_H

#include <stdbool.h>

enum status {
	STATUS_OK = 0, /* never on the wire */
#define STATUS(code, NAME, name, fatal, words) STATUS_##NAME = (code),
#include "status.def"
};

/* "bad_topic"; "unknown" for a code that is not in the table. */
const char *status_name(unsigned code);
/* "not a valid topic" */
const char *status_words(unsigned code);
/* Does this code end the connection wherever it occurs? */
bool status_is_fatal(enum status status);

#endif
