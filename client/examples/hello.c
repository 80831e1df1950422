/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* hello - a whole client: it prints what happens at the doors, and opens one. */
#include <stdio.h>
#include <umbel.h>

static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	size_t len;
	const char *data = umbel_msg_data(m, &len);

	(void)c;
	(void)user;
	printf("%s: %.*s\n", umbel_msg_topic(m), (int)len, data);
	fflush(stdout);
}

int
main(void)
{
	struct umbel *c;

	if (umbel_new(&c, UMBEL_OPTIONS(.name = "hello")) < 0)
		return 1;
	umbel_subscribe(c, "door.*", on_message, NULL, NULL, NULL);
	umbel_publish(c, "door.front", "open", 4);
	umbel_connect(c, 0);
	return umbel_run(c) < 0;
}
