/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "admission.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/message.h"
#include "proto/status.h"
#include "session.h"

/* How many there are of something, and how many there may be; 0: any. */
struct measure {
	const char *what;
	const char *limit; /* what the operator calls it */
	uint32_t n;
	uint32_t max;
};

static bool
is_privileged(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

static bool
is_full(const struct measure *m, uint32_t kept)
{
	return m->max > 0 && m->n >= m->max && m->n - m->max >= kept;
}

static void
put_words(const struct measure *m, const struct peer *peer,
          char why[ADMISSION_WORDS_MAX])
{
	char words[PEER_WORDS_MAX];

	snprintf(why, ADMISSION_WORDS_MAX,
	         "%s: %" PRIu32 " (limit %" PRIu32 ", %s); %s", m->what, m->n,
	         m->max, m->limit, session_peer_words(peer, words));
}

bool
admission_permits(const struct broker *b, const struct peer *peer,
                  char why[ADMISSION_WORDS_MAX])
{
	const struct config *c = b->config;
	const struct measure measures[] = {
		{ "connections of all users", "descriptors less a reserve",
		  b->quota.connections, c->max_connections },
		{ "connections of this user", "max-user-connections",
		  quota_connections(&b->quota, peer->uid),
		  c->max_user_connections },
		{ "connections that have not said HELLO", "max-handshakes",
		  b->quota.handshakes, c->max_handshakes },
	};
	uint32_t kept = is_privileged(peer->uid) ? ADMISSION_KEPT : 0;

	for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++) {
		if (is_full(&measures[i], kept)) {
			put_words(&measures[i], peer, why);
			return false;
		}
	}
	return true;
}

void
admission_refuse(int fd, const char *why)
{
	uint8_t frame[MESSAGE_MAX];
	struct message m = {
		.type = TYPE_ERROR,
		.error = { .code = STATUS_LIMIT, .fatal = true },
	};

	m.error.text = text_from(why);
	(void)send(fd, frame, message_encode(&m, frame, sizeof(frame)),
	           MSG_NOSIGNAL | MSG_DONTWAIT);
}
