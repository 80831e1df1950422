/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * conn - a handle, as the files of this library share it; what they do for each
 * other is in parts.h.
 *
 * Who may touch what:
 *
 *   fixed    set by umbel_new(), only read afterwards
 *   shared   under `lock`, by any thread
 *   role     by the thread that has the role of dispatcher; or under `lock`
 *            while nobody has it (see dispatch_quietly())
 *
 * Callbacks run without the lock. What one thread does that the dispatching
 * one must see is said by a bit in `attention`, which is looked at before each
 * message: nothing else is shared on the way of a message in.
 */
#ifndef UMBEL_CLIENT_CONN_H
#define UMBEL_CLIENT_CONN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/un.h>

#include "calls.h"
#include "encode.h"
#include "inbox.h"
#include "keep.h"
#include "out.h"
#include "proto/frame.h"
#include "proto/message.h"
#include "proto/publish.h"
#include "proto/routes.h"
#include "proto/topic.h"
#include "proto/trie.h"
#include "sys.h"
#include "umbel.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Messages that wait for company are written when so much has come together. */
#define SEND_BATCH         (256u << 10)
/* A payload as long as this is sent from where the caller has it. */
#define SEND_LARGE         (64u << 10)
/* What we ask the kernel to hold for us; it gives less if it must. */
#define SEND_KERNEL_BUFFER (1 << 20)
/* What we ask it for at a time. No more: who has ten thousand handles, or shares
   a processor with a hundred others, is slower the more memory he goes through.
   And 4 KiB: payloads are mostly powers of two, and have a front. */
#define RECEIVE_BUFFER     ((128u << 10) + (4u << 10))
/* A broker must see that we take something: look at the socket so often, even
   if callbacks have not got through what came before. */
#define TOP_UP_MS          100
/* A broker that says it takes longer frames is believed up to here. */
#define FRAME_MAX_BELIEVED (256u << 20)
/* How long messages stay unconfirmed before we ask by ourselves. */
#define CONFIRM_MS         100
/* Who cannot be judged yet, since nobody listened, is looked at again. */
#define JUDGE_MS           1000
/* After a planned restart: pauses no longer than this, for so long. A new
   broker waits a moment for those who were there, and no longer. */
#define PLANNED_PAUSE_MS   50
#define PLANNED_MS         10000
/* A connection that stood for less did not do any good: pauses grow on. */
#define STOOD_MS           200
/* A broker that takes nothing more has so long to say why, and to close. */
#define WRITE_ENDED_MS     5000
/* A hold by a subscriber is bounded; this, and three times ping_ms, is longer. */
#define HELD_MS            60000
/* One that said GOAWAY may be silent for so long before it closes. */
#define LEAVE_MS           30000
#define NEVER              INT64_MAX

enum link {
	LINK_DOWN,
	LINK_HELLO,   /* HELLO sent, WELCOME awaited */
	LINK_RESTORE, /* ... the answers to our subscriptions awaited */
	LINK_UP,
	LINK_LEAVING, /* GOAWAY came: publish nothing more, read to the end */
};

/* Bits of `attention`. */
enum {
	ATTEND_DUE = 1,    /* callbacks are due */
	ATTEND_ROUTES = 2, /* subscriptions changed */
	ATTEND_DYING = 4,  /* umbel_free() in a callback */
};

struct deadlines {
	int64_t retry;   /* connect */
	int64_t give_up; /* handshake, or leaving, has taken too long */
	int64_t resend;  /* the kernel had no memory for what we sent */
	int64_t confirm; /* ask whether messages were routed */
	int64_t silence; /* look whether the broker is still there */
	int64_t request; /* the first of our requests gets no reply in time */
	int64_t armed;   /* what the timer is set to */
};

/* A state change that on_state has not been told yet. */
struct state_event {
	enum umbel_state state;
	struct umbel_state_info info;
	char text[256];
};
#define STATE_EVENTS 8

/* What a plain PUBLISH begins with, as encoded last time: bulk is on one topic
   and of one length, and only the payload is added. */
struct head_template {
	size_t topic_end; /* the front without the payload's head; 0: none */
	size_t len;       /* with it; HEAD_OF_NONE: no message begins so */
	size_t data_len;  /* of the payload that prefix and head tell of */
	size_t topic_len;
	char topic[TOPIC_MAX + 1];
	uint8_t bytes[FRAME_PREFIX_SIZE + PUBLISH_PLAIN_TOPIC + 2 + TOPIC_MAX +
	              2 + ENCODE_BIN_HEAD_MAX];
};
/* Longer than any buffer, and short enough to be added to a place in one. */
#define HEAD_OF_NONE (SIZE_MAX / 2)

/* A SUBSCRIBE or UNSUBSCRIBE whose answer has not come. */
struct sub_question {
	STAILQ_ENTRY(sub_question) link;
	struct umbel_sub *sub; /* NULL: to our inbox */
	uint32_t number;
	bool pending;  /* in c->questions */
	bool restores; /* CONNECTED waits for it */
};

struct umbel_sub {
	struct trie_entry entry;
	struct umbel *owner;
	umbel_msg_cb *cb;
	void *user;
	/* acknowledged, and not ended: messages may be delivered */
	_Atomic bool live;
	struct umbel_sub_options options;

	/* shared */
	TAILQ_ENTRY(umbel_sub) link;
	STAILQ_ENTRY(umbel_sub) due_link;
	struct sub_question subscribe;
	struct sub_question unsubscribe;
	uint32_t id;
	uint64_t snapshot; /* last values that are still to come; by role */
	bool asked;        /* SUBSCRIBE was sent on this connection */
	bool ending;       /* umbel_unsubscribe() or umbel_drain() was called */
	bool let_come;     /* ... the latter: deliver what is on its way */
	bool ended;        /* nothing comes any more; on_end is due */
	bool is_due;       /* in c->due_subs */
	bool active_due;   /* on_active is due */
	bool named;        /* the caller may still give it to us ... */
	bool told;         /* ... and nothing but that keeps it */
	int end_error;
	char *end_text; /* the broker's words; may be NULL */
	char filter[];  /* ... and behind it the name of the group */
};

/*
 * Subscriptions that DELIVER names: those of a group, and those with last
 * values. Their ids are SPECIAL_SUB and a place in here.
 */
struct specials {
	struct umbel_sub **places;
	uint32_t n; /* places that were ever used */
	uint32_t max;
	uint32_t first_free; /* below it there is none that is free */
};
#define SPECIAL_SUB 0x80000000u

struct barrier {
	STAILQ_ENTRY(barrier) link;
	umbel_done_cb *cb;
	void *user;
	uint64_t token;    /* 0: no PING was sent for it yet */
	uint64_t position; /* messages that were taken before it */
	int error;
	bool waited_for; /* a _wait form looks at `done`, and frees it */
	bool done;
	bool pending; /* in c->barriers */
};

STAILQ_HEAD(barriers, barrier);
STAILQ_HEAD(sub_questions, sub_question);

/* What umbel_request() needs. */
struct asking {
	struct calls calls;      /* those that have not ended */
	STAILQ_HEAD(, call) due; /* ... and that have: to be told */
	uint64_t last_id;
	struct inbox inbox; /* of this connection or the last */
	bool possible;      /* the broker gave us one */
	bool subscribed;    /* SUBSCRIBE to it was sent */
	struct sub_question subscribe;
	unsigned n_dead; /* without a connection: those that ended, unsent */
};

/* What the broker said that on_hold, on_error or on_loss has not been told yet;
   its texts are those below. */
enum notice_kind { NOTICE_HOLD, NOTICE_ERROR, NOTICE_LOSS };
struct notice {
	enum notice_kind kind;
	struct umbel_hold_info hold;
	struct umbel_error_info error;
	struct umbel_loss_info loss;
	char text[512];
	char about[TOPIC_MAX + 1];
};
#define NOTICES 8

/* A receive buffer, shared with the large messages that were kept from it. */
struct rx {
	_Atomic unsigned refs;
	size_t cap;
	size_t head; /* the next byte to be looked at */
	size_t tail; /* where the next byte from the kernel goes */
	uint8_t data[];
};

/* One malloc'ed block, or borrowed for the time of a callback (refs is 0). */
struct umbel_msg {
	const char *topic;
	const char *reply;
	const uint8_t *payload;
	const uint8_t *stamp;
	uint32_t payload_len;
	uint16_t topic_len;
	uint16_t reply_len;
	uint8_t flags;
	bool retained;
	uint64_t age_ms;
	size_t n_headers;
	struct umbel_header *headers;
	size_t headers_size; /* of the block that holds them and their texts */

	struct rx *rx; /* where the payload lies; kept: NULL if copied */
	_Atomic unsigned refs;
	STAILQ_ENTRY(umbel_msg) link; /* in c->next */
};

/* Consecutive messages on one topic, and where they lead. */
struct run {
	struct umbel_msg msg;
	struct publish first;
	void *const *to;
	uint32_t n;
	/* came in a DELIVER for this one, which it leads to and nowhere else;
	   NULL: came as it is */
	struct umbel_sub *only;
	uint64_t request; /* ... or to the reply callback of this, if not 0 */
	bool plain; /* the next plain one can be recognized by its bytes */
	char topic[TOPIC_MAX + 1];
	char reply[TOPIC_MAX + 1];
	uint8_t repeat[2 + TOPIC_MAX + 2];
};

struct umbel {
	/* fixed */
	struct umbel_options opt;
	char *name;
	uint8_t *will; /* a PUBLISH body; NULL: none */
	uint32_t will_len;
	struct sockaddr_un addresses[2]; /* see address_choose() */
	unsigned fork_generation;
	_Atomic uintptr_t owner; /* single_thread: who used it first, or 0 */
	bool debug;

	/* any thread, without the lock */
	struct sys sys; /* see sys.h */
	_Atomic unsigned attention;
	_Atomic bool stopped;
	_Atomic bool woken;
	_Atomic bool watched; /* umbel_fd() was called: it must tell all */

	pthread_mutex_t lock;
	pthread_cond_t
		changed; /* for those who wait while another dispatches */
	unsigned n_waiting;
	bool locked; /* by whoever holds it, unless it needs no lock */

	/* shared: publishing */
	struct head_template head;
	struct out out;  /* PUBLISH, and since LINK_UP everything else */
	struct out ctrl; /* what goes before it: the handshake, a last PING */
	size_t brink; /* see publish.c; any other use of the lock makes it 0 */
	unsigned cork;
	size_t flush_at;  /* write when so many bytes have come together */
	bool blocked;     /* the kernel took no more; it will say when */
	bool write_ended; /* ... and it never will */
	bool encoding;    /* a frame is being made for this very connection */
	bool paused;      /* umbel_next() has enough: the socket is not read */
	/* the broker does not read us, its HOLD says so: believed so long */
	int64_t held_until;
	int confirm_ms;                   /* CONFIRM_MS */
	bool room_awaited;                /* a publish said -EAGAIN ... */
	size_t room_wanted;               /* ... for lack of so many bytes */
	bool room_due;                    /* ... there is, untold */
	uint64_t taken;                   /* messages, by umbel_publish */
	uint64_t sent;                    /* ... that the kernel took whole */
	struct keep keep;                 /* last values, with keep_retained */
	char knows_values[INBOX_MAX + 1]; /* ... and the broker that has them */
	uint64_t settled; /* ... whose fate is known, or never will be */

	/* shared: who dispatches; 0: nobody */
	uintptr_t dispatcher;
	bool passing; /* ... for something of its own: gives it up when asked */
	unsigned n_claims; /* those who ask for it, and come first */
	bool dying; /* umbel_free() in a callback: freed when it returns */

	/* shared: the connection */
	const struct sockaddr_un *address; /* one of them */
	int fd;
	enum link link;
	bool wanted;      /* umbel_connect() was called */
	bool closing;     /* umbel_close() was: no callback for messages */
	int failed;       /* the error of FAILED, else 0 */
	int last_failure; /* why the last attempt failed; 0 once connected */
	uint32_t session;
	uint32_t uid;
	enum umbel_overflow overflow; /* granted, or asked for */
	size_t max_frame;
	struct deadlines at;
	int retry_ms; /* the last pause; 0: the next one is the first */
	int64_t up_since;
	int64_t planned_until;
	int goaway_ms; /* the pause that GOAWAY asked for */
	int64_t heard_at;
	int64_t asked_at; /* 0: no sign of life is asked for */
	int64_t quiet_at; /* last look at a socket that nobody dispatches */
	uint64_t random;
	uint64_t last_unconfirmed;
	unsigned n_connects; /* how often it stood */

	/* shared: subscriptions */
	struct trie trie;
	TAILQ_HEAD(, umbel_sub) subs;
	STAILQ_HEAD(, umbel_sub) due_subs;
	struct sub_questions questions; /* in the order they were sent */
	uint32_t last_request;
	uint32_t last_sub;
	struct specials specials;
	unsigned restoring; /* questions that CONNECTED waits for */

	struct asking asking; /* shared; its inbox changes by role */

	/* shared: barriers */
	struct barriers barriers; /* not done; those with a token first */
	struct barriers due_barriers;
	struct barrier own;  /* a PING of our own, to confirm or to see life */
	struct barrier last; /* ... and one before a connection ends */
	uint64_t last_token;
	bool loss_untold; /* messages were lost since the last flush ended */

	/* shared: what on_state has to be told */
	struct state_event events[STATE_EVENTS];
	unsigned n_events;
	struct notice notices[NOTICES]; /* ... and the three others */
	unsigned n_notices;

	struct umbel_stats stats;
	char error_text[512];

	/* role: receiving */
	struct umbel_sub *snapshot; /* its last values are coming */
	struct rx *rx;
	size_t rx_cap;        /* of the one that was given back, if any */
	size_t rx_frame;      /* how long the last frame was of which we read */
	unsigned rx_patience; /* reads until a buffer that grew is given back */
	unsigned rx_full;  /* reads without a pause that filled it to the end */
	uint64_t received; /* not yet added to the stats */
	bool again;        /* the wake-up rings because there is more to do */
	bool unbounded;    /* nobody set dispatch_max */
	struct run run;
	struct routes routes;
	void **matches; /* of the topic that is being looked up */
	size_t n_matches;
	size_t max_matches;
	void *scratch; /* headers of the message under way */
	size_t scratch_size;

	/* role: for umbel_next() */
	STAILQ_HEAD(, umbel_msg) next;
	size_t next_bytes;
};

#endif
