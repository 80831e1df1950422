/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * output - what was put together, on stdout.
 */
#ifndef UMBEL_CLI_OUTPUT_H
#define UMBEL_CLI_OUTPUT_H

#include <stdbool.h>

#include "buf.h"

enum output_result {
	OUTPUT_WRITTEN,
	OUTPUT_UNREAD, /* who reads it has gone */
	OUTPUT_FAILED, /* the complaint is made */
	OUTPUT_ENDED,  /* a signal asks for an end, and nobody reads */
};

/* Write it all, waiting for a reader who is slow; `out` is empty then. */
enum output_result output_flush(struct buf *out);

#endif
