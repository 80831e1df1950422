/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * once - publish one message and end: in order, or (-x) at once, without a
 * word to the library.
 *
 *	once [-x] TOPIC TEXT
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <umbel.h>

#define LIMIT_MS 60000

int
main(int argc, char **argv)
{
	int at_once = argc > 1 && strcmp(argv[1], "-x") == 0;
	const char *topic, *text;
	struct umbel *c;

	if (argc - at_once != 3)
		return 2;
	topic = argv[1 + at_once];
	text = argv[2 + at_once];
	if (umbel_new(&c, UMBEL_OPTIONS(.name = "once")) < 0 ||
	    umbel_connect(c, LIMIT_MS) < 0 ||
	    umbel_publish(c, topic, text, strlen(text)) < 0)
		return 1;
	if (at_once)
		_exit(0);
	return umbel_close(c, LIMIT_MS) != 0;
}
