/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "spelling.h"

#include <string.h>

static size_t
least(size_t a, size_t b, size_t c)
{
	if (a > b)
		a = b;
	return a < c ? a : c;
}

size_t
spelling_distance(const char *a, const char *b)
{
	size_t rows[3][32]; /* of the letters of a: the last three, in turn */
	size_t len_a = strlen(a), len_b = strlen(b);

	if (len_b >= sizeof(rows[0]) / sizeof(rows[0][0]))
		return len_b;
	for (size_t i = 0; i <= len_a; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i + 2) % 3];
		const size_t *higher = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= len_b; j++) {
			if (i == 0) {
				row[j] = j;
				continue;
			}
			row[j] = least(above[j] + 1, row[j - 1] + 1,
			               above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				row[j] = least(row[j], row[j],
				               higher[j - 2] + 1);
		}
	}
	return rows[len_a % 3][len_b];
}
