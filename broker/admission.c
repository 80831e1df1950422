/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "admission.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "hangup.h"
#include "session.h"

/* A number that is limited, and its limit; 0: no limit. */
struct measure {
	const char *what;
	const char *limit; /* the limit's name for the operator */
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

/* One user's share of the handshakes, so that idle connections of one user
   cannot keep all others out. 0: no limit. */
static uint32_t
share_of_handshakes(const struct broker *b, uid_t uid)
{
	uint32_t max = b->config->max_handshakes;
	uint32_t others =
		b->quota.handshakes - quota_handshakes(&b->quota, uid);

	if (max == 0 || is_privileged(uid))
		return 0;
	return others + 1 < max ? (max - others) / 2 : 1;
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
		{ "connections of this user that have not said HELLO",
		  "half of what others leave of max-handshakes",
		  quota_handshakes(&b->quota, peer->uid),
		  share_of_handshakes(b, peer->uid) },
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

static void
turn_away(struct broker *b, struct carrier from, int fd, const char *why)
{
	log_event(&b->log, LOG_WARN, LOG_ACCEPT, "refused a connection: %s",
	          why);
	from.turn_away(fd, why);
	hang_up(fd);
}

int
admission_let_in(struct broker *b, struct carrier to, int fd, const char *role)
{
	char why[ADMISSION_WORDS_MAX];
	struct peer peer;
	int r = peer_from_socket(&peer, fd);

	if (r < 0)
		return r;
	peer.role = role;
	if (admission_permits(b, &peer, why)) {
		r = to.take(to.self, fd, &peer);
		if (r == 0)
			return 0;
	} else {
		turn_away(b, to, fd, why);
	}
	peer_fini(&peer);
	return r;
}
