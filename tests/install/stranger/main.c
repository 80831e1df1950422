/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* A whole application: publishes, and prints what comes back. */
#include <stdio.h>
#include <umbel.h>

int
main(void)
{
	struct umbel *c;
	struct umbel_msg *m = NULL;
	size_t len;

	if (umbel_new(&c, UMBEL_OPTIONS(.name = "stranger")) < 0)
		return 1;
	umbel_subscribe(c, "door.*", NULL, NULL, NULL, NULL);
	umbel_publish(c, "door.front", "open", 4);
	if (umbel_connect(c, 10000) == 0 && umbel_next(c, &m, 10000) == 1) {
		const char *data = umbel_msg_data(m, &len);

		printf("%s %.*s, by umbel %s\n", umbel_msg_topic(m), (int)len,
		       data, umbel_version());
	} else {
		fprintf(stderr, "stranger: %s\n", umbel_last_error(c));
	}
	umbel_msg_unref(m);
	return umbel_close(c, 10000) != 0 || !m;
}
