/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/datagram.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "broker/publish.h"
#include "clock.h"
#include "proto/frame.h"
#include "proto/hash.h"
#include "rights.h"
#include "session.h"

#define BATCH     64u
#define REPORT_MS 1000u
/* The room needed to receive one datagram, including its head. */
#define ROOM      (DATAGRAM_HEAD_MAX + DATAGRAM_MAX)
/* The number of places where a user may be; the place after them is shared. */
#define PROBES    8u

/* ---- what is refused ------------------------------------------------------ */

static void
log_report(struct datagrams *d, enum datagram_fate fate)
{
	struct datagram_report *r = &d->reports[fate];
	char words[SESSION_WORDS_MAX];

	if (r->last.pid > 0)
		peer_find_command(&r->last);
	log_event(&d->broker->log, LOG_WARN, LOG_REFUSED,
	          "refused datagrams cause=%s n=%" PRIu64 " last %s: %s",
	          datagram_word(fate), r->n,
	          session_peer_words(&r->last, words), r->why);
	r->n = 0;
	deadline_set(&d->seconds, &r->due);
}

static void
on_second(struct deadline *due, void *user)
{
	struct datagram_report *r =
		(struct datagram_report *)((char *)due -
	                                   offsetof(struct datagram_report,
	                                            due));
	struct datagrams *d = user;

	if (r->n > 0)
		log_report(d, (enum datagram_fate)(r - d->reports));
}

/* Count a refusal, and log it at once or later with others. */
static void
refuse(struct datagrams *d, enum datagram_fate fate, const struct peer *peer,
       const char *why)
{
	struct datagram_report *r = &d->reports[fate];

	d->broker->datagrams[fate]++;
	r->n++;
	r->last = *peer;
	snprintf(r->why, sizeof(r->why), "%s", why);
	if (!deadline_is_set(&r->due))
		log_report(d, fate);
}

/* ---- the rate ------------------------------------------------------------- */

/* Count one more datagram of this user. Returns true if it exceeds the rate. */
static bool
is_one_too_many(struct datagrams *d, uid_t uid)
{
	uint64_t second = clock_now_ms() / 1000;
	uint32_t at = (uint32_t)hash_mix(uid, UINT64_C(0x9e3779b97f4a7c15));
	unsigned i = 0;

	if (second != d->second)
		memset(d->users, 0, sizeof(d->users));
	d->second = second;
	while (i < PROBES && d->users[(at + i) % DATAGRAM_USERS].n > 0 &&
	       d->users[(at + i) % DATAGRAM_USERS].uid != uid)
		i++;
	at = (at + i) % DATAGRAM_USERS;
	if (d->users[at].n == 0)
		d->users[at].uid = uid;
	if (d->users[at].n == d->broker->config->datagram_rate)
		return true;
	d->users[at].n++;
	return false;
}

static void
refuse_one_too_many(struct datagrams *d, const struct peer *peer)
{
	char why[DATAGRAM_WHY_MAX];

	snprintf(why, sizeof(why),
	         "this user has sent more in a second (limit %" PRIu32
	         ", datagram-rate)",
	         d->broker->config->datagram_rate);
	refuse(d, DATAGRAM_TOO_MANY, peer, why);
}

/* ---- one datagram --------------------------------------------------------- */

static void
refuse_too_long(struct datagrams *d, const struct peer *peer, size_t len,
                uint32_t limit, const char *name)
{
	char why[DATAGRAM_WHY_MAX];

	snprintf(why, sizeof(why), "%zu bytes (limit %" PRIu32 ", %s)", len,
	         limit, name);
	refuse(d, DATAGRAM_TOO_BIG, peer, why);
}

static void
stamp(const struct datagram *g, const struct peer *peer)
{
	uint8_t *at = g->frame + FRAME_PREFIX_SIZE + g->publish.stamp_offset;

	store_be32(at, SESSION_DATAGRAM);
	store_be32(at + 4, (uint32_t)peer->uid);
}

/* Publish the datagram in the slab, or refuse it. */
static void
take(struct datagrams *d, uint32_t at, size_t len, const struct peer *peer)
{
	struct datagram g;
	enum datagram_fate fate;
	struct objection objection;

	fate = datagram_read(d->slab->data + at, len,
	                     d->broker->config->max_frame, &g);
	if (fate == DATAGRAM_TOO_BIG) {
		refuse_too_long(d, peer, len, d->broker->config->max_frame,
		                "max-frame");
		return;
	}
	if (fate != DATAGRAM_TAKEN) {
		refuse(d, fate, peer, g.fault);
		return;
	}
	if (rights_object_to_datagram(d->broker, peer, &g.publish,
	                              &objection)) {
		refuse(d, DATAGRAM_DENIED, peer, objection.words);
		return;
	}
	stamp(&g, peer);
	d->broker->datagrams[DATAGRAM_TAKEN]++;
	publish_inject(d->broker, d->slab, (uint32_t)(g.frame - d->slab->data),
	               g.len);
	d->used = at + (uint32_t)len;
}

/* Receive into these bytes; a `room` of 0 discards the datagram. Returns false
   if there is none. */
static bool
receive(const struct datagrams *d, uint8_t *at, size_t room, struct msghdr *m,
        ssize_t *len)
{
	struct iovec iov = { .iov_base = at, .iov_len = room };

	m->msg_iov = &iov;
	m->msg_iovlen = 1;
	/* with MSG_TRUNC, *len is the full length even if it did not fit */
	*len = recvmsg(d->fd, m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT | MSG_TRUNC);
	m->msg_iov = NULL;
	return *len >= 0;
}

static bool
find_room(struct datagrams *d)
{
	if (d->slab && SLAB_SIZE - d->used >= ROOM)
		return true;
	slab_unref(d->slab);
	d->slab = slab_new(&d->broker->pool);
	d->used = 0;
	return d->slab != NULL;
}

/* Take one datagram. Returns false if there is none. */
static bool
take_one(struct datagrams *d)
{
	union {
		char bytes[PEER_CONTROL_MAX];
		struct cmsghdr align;
	} control;
	struct msghdr m = {
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	bool room = find_room(d);
	uint32_t at = d->used + DATAGRAM_HEAD_MAX;
	struct peer peer = { 0 };
	ssize_t len;

	if (!receive(d, room ? d->slab->data + at : NULL,
	             room ? DATAGRAM_MAX : 0, &m, &len))
		return false;
	if (!peer_from_message(&peer, &m))
		refuse(d, DATAGRAM_DENIED, &peer, "nobody knows who sent it");
	else if (is_one_too_many(d, peer.uid))
		refuse_one_too_many(d, &peer);
	else if (!room)
		refuse(d, DATAGRAM_NO_MEMORY, &peer,
		       "no memory (--memory-max)");
	else if (m.msg_flags & MSG_TRUNC)
		refuse_too_long(d, &peer, (size_t)len, DATAGRAM_MAX,
		                "of any datagram");
	else
		take(d, at, (size_t)len, &peer);
	return true;
}

bool
datagrams_take(struct datagrams *d)
{
	unsigned n = 0;

	while (n < BATCH && take_one(d))
		n++;
	/* published datagrams hold their own references */
	slab_unref(d->slab);
	d->slab = NULL;
	return n == BATCH;
}

/* ---- life ----------------------------------------------------------------- */

void
datagrams_init(struct datagrams *d, struct broker *b, int fd)
{
	*d = (struct datagrams){ .broker = b, .fd = fd };
	deadline_queue_init(&d->seconds, &b->deadlines, REPORT_MS, on_second,
	                    d);
}

void
datagrams_fini(struct datagrams *d)
{
	for (unsigned i = 0; i < DATAGRAM_N_FATES; i++) {
		if (d->reports[i].n > 0)
			log_report(d, (enum datagram_fate)i);
		deadline_clear(&d->reports[i].due);
	}
}
