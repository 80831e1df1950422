/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * options - a caller's struct of options, of whatever version of umbel.h.
 */
#ifndef UMBEL_OPTIONS_H
#define UMBEL_OPTIONS_H

#include <stddef.h>

/*
 * Copy such a struct, which begins with its size, over the defaults in *out,
 * which has `size` bytes; NULL leaves them. An older caller's is shorter: what
 * it does not have keeps its default. A newer one's is longer, and may set
 * nothing there: whoever asks for what we do not know must not believe to have
 * got it. (The rule is that of openat2(2).)
 *
 * Returns 0 or -EINVAL.
 */
int options_take(void *out, size_t size, const void *in);

#endif
