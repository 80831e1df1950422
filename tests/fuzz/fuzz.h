/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * fuzz - what every target has: the function that is called with each input,
 * a check that ends the program, and a feed that turns bytes into choices.
 *
 * A target is a function of its input alone. What it leaves behind (memory,
 * descriptors) is a finding, like what it does wrong.
 */
#ifndef UMBEL_TESTS_FUZZ_H
#define UMBEL_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Called by libFuzzer, or by the main() of replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(condition)                                               \
	do {                                                           \
		if (!(condition))                                      \
			fuzz_complain(__FILE__, __LINE__, #condition); \
	} while (0)

__attribute__((noreturn)) static inline void
fuzz_complain(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

/* ---- choices, out of the input; zeros when it is used up ------------------ */

struct feed {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t
feed_byte(struct feed *f)
{
	if (f->left == 0)
		return 0;
	f->left--;
	return *f->at++;
}

static inline uint32_t
feed_number(struct feed *f, unsigned bytes)
{
	uint32_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | feed_byte(f);
	return v;
}

/* The next `n` bytes, or as many as there are: how many that was. */
static inline size_t
feed_bytes(struct feed *f, size_t n, const uint8_t **at)
{
	if (n > f->left)
		n = f->left;
	*at = f->at;
	f->at += n;
	f->left -= n;
	return n;
}

#endif
