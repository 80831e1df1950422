/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "worker.h"

#include <inttypes.h>
#include <stdio.h>

int
worker_start(struct child *child, const char *command,
             const struct umbel_msg *m, const char *address, bool capture)
{
	struct umbel_sender from = umbel_msg_sender(m);
	char uid[16];
	char session[16];
	const char *env[] = {
		"UMBEL_SOCKET",
		address,
		"UMBEL_TOPIC",
		umbel_msg_topic(m),
		"UMBEL_CONTENT_TYPE",
		umbel_msg_header_str(m, "content-type"),
		"UMBEL_REPLY",
		umbel_msg_reply(m),
		"UMBEL_SENDER_UID",
		uid,
		"UMBEL_SENDER_SESSION",
		session,
		NULL,
	};
	size_t len;
	const char *data = umbel_msg_data(m, &len);

	snprintf(uid, sizeof(uid), "%" PRIu32, from.uid);
	snprintf(session, sizeof(session), "%" PRIu32, from.session);
	return child_start(child, command, env, data, len, capture);
}
