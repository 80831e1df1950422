/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * no_loop - publish once and exit, as a script or a cron job would.
 *
 * usage: no_loop TOPIC TEXT
 *
 * A program that never dispatches still gets its messages out: umbel_publish()
 * writes them, and umbel_close() waits until the broker has them all.
 */
#include <stdio.h>
#include <string.h>
#include <umbel.h>

int
main(int argc, char **argv)
{
	struct umbel *c;
	int64_t unconfirmed;
	int r;

	if (argc != 3) {
		fprintf(stderr, "usage: no_loop TOPIC TEXT\n");
		return 2;
	}
	r = umbel_new(&c, NULL);
	if (r < 0) {
		fprintf(stderr, "no_loop: %s\n", umbel_strerror(r));
		return 1;
	}
	r = umbel_connect(c, 2000);
	if (r == 0)
		r = umbel_publish_opts(c, argv[1], argv[2], strlen(argv[2]),
		                       UMBEL_PUB_OPTIONS(.content_type =
		                                                 "text"));
	if (r < 0) {
		fprintf(stderr, "no_loop: %s: %s\n", umbel_address(c),
		        umbel_strerror(r));
		umbel_free(c);
		return 1;
	}

	unconfirmed = umbel_close(c, 2000);
	if (unconfirmed != 0)
		fprintf(stderr, "no_loop: the broker did not confirm it\n");
	return unconfirmed != 0;
}
