/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * options - a caller's struct of options, from any version of umbel.h.
 */
#ifndef UMBEL_OPTIONS_H
#define UMBEL_OPTIONS_H

#include <stddef.h>

/*
 * Copy such a struct, which begins with its size, over the defaults in *out,
 * which has `size` bytes; NULL leaves the defaults. An older caller's struct is
 * shorter: the members that it lacks keep their defaults. A newer caller's
 * struct is longer, but must be zero beyond `size`: a caller that requests
 * something unknown to us must not believe that it got it. (openat2(2) has the
 * same rule.)
 *
 * Returns 0 or -EINVAL.
 */
int options_take(void *out, size_t size, const void *in);

#endif
