/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel.h - talk to umbeld, the message broker of this machine.
 *
 * A whole program:
 *
 *	static void
 *	on_message(struct umbel *c, const struct umbel_msg *m, void *user)
 *	{
 *		size_t len;
 *		const char *data = umbel_msg_data(m, &len);
 *
 *		printf("%s: %.*s\n", umbel_msg_topic(m), (int)len, data);
 *	}
 *
 *	int
 *	main(void)
 *	{
 *		struct umbel *c;
 *
 *		if (umbel_new(&c, UMBEL_OPTIONS(.name = "hello")) < 0)
 *			return 1;
 *		umbel_subscribe(c, "door.*", on_message, NULL, NULL, NULL);
 *		umbel_publish(c, "door.front", "open", 4);
 *		umbel_connect(c, 0);
 *		return umbel_run(c) < 0;
 *	}
 *
 * A handle never gives up: it connects in the background, whether or not a
 * broker runs yet, and when the connection breaks it connects again and puts
 * the subscriptions back.
 *
 * RETURN VALUES. 0 or a count on success, negative on failure: -errno for what
 * the system refused, UMBEL_E_* for what umbel refused. umbel_strerror() turns
 * either into words; umbel_last_error() has the details of the last failure of
 * a handle, such as the broker's own text.
 *
 * THREADS. Callbacks run one at a time, in the thread that dispatches. Calls,
 * and who may make them:
 *
 *   umbel_stop, umbel_wake             any thread, and signal handlers: no other
 *                                      call is async-signal-safe
 *   umbel_publish*, umbel_reply*,      any thread, at any time; also inside
 *   umbel_request, umbel_cancel,       callbacks
 *   umbel_subscribe, umbel_unsubscribe,
 *   umbel_flush, umbel_drain,
 *   umbel_cork, umbel_uncork,
 *   umbel_connect(c, 0), umbel_fd, and
 *   all that only ask (umbel_get_state)
 *   umbel_dispatch, umbel_run,         one thread at a time: they dispatch, and
 *   umbel_next                         a second thread gets -EBUSY
 *   umbel_connect(c, timeout),         any thread: they dispatch if no other
 *   umbel_*_wait                       thread does, else wait for what it does;
 *                                      not inside callbacks: -EDEADLK
 *   umbel_close, umbel_free            when all other threads are done with the
 *                                      handle
 *
 * A cork holds back what all threads publish on the handle. What one handle
 * publishes goes out in the order in which the publish calls returned; requests
 * and replies are published messages, too. A handle does not survive fork(): in
 * the child every call but umbel_free() returns -ECHILD.
 *
 * SIGNALS. No call returns early because of a signal. To stop umbel_run() or to
 * interrupt umbel_dispatch(), call umbel_stop() or umbel_wake() in your handler.
 *
 * WAITING. What waits for the broker (umbel_connect and the _wait forms)
 * connects in the background if umbel_connect() was never called.
 *
 * TIMEOUTS are in milliseconds; 0 does not wait, -1 waits for ever.
 *
 * STRINGS are UTF-8 and NUL-terminated; the library copies what it keeps.
 *
 * NULL where a handle, a message or a place for a result has to be is refused:
 * -EINVAL, or nothing where a call cannot fail: false, 0, NULL, FAILED. The calls
 * that end something take it for nothing to end, and umbel_last_error() asks
 * about umbel_new().
 *
 * VERSIONS. What libumbel.so.0 exports stays, and means the same. Structs of
 * options grow at their end, and know their size: a program may run with an
 * older library or a newer one than it was built with. An option that is set
 * and that the library does not know yet is refused with -EINVAL.
 *
 * The library never prints (but with UMBEL_DEBUG=1 in the environment: a line
 * per frame on stderr), never aborts, and never touches signal dispositions.
 */
#ifndef UMBEL_H
#define UMBEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define UMBEL_API __attribute__((visibility("default")))
#else
#define UMBEL_API
#endif

struct umbel_pub_options;
struct umbel;     /* a handle: one client, one connection at a time */
struct umbel_sub; /* a subscription of a handle */
struct umbel_msg; /* a message that arrived */

/* What umbel itself refuses; the system's refusals are -errno. */
enum umbel_error {
	UMBEL_E_TOPIC = -10001,      /* not a valid topic */
	UMBEL_E_FILTER = -10002,     /* not a valid filter */
	UMBEL_E_PROTOCOL = -10003,   /* the other end does not speak umbel */
	UMBEL_E_VERSION = -10004,    /* it does, but no version that we know */
	UMBEL_E_DENIED = -10005,     /* the broker does not allow it */
	UMBEL_E_LIMIT = -10006,      /* a limit of the broker is reached */
	UMBEL_E_SERVER_UID = -10007, /* the socket belongs to a stranger */
	UMBEL_E_SLOW = -10008,       /* evicted: we did not read in time */
	UMBEL_E_REFUSED = -10009, /* the broker refused, for another reason */
	UMBEL_E_UNSUPPORTED = -10010, /* the broker does not know this option */
	UMBEL_E_GOAWAY = -10011,      /* the broker is shutting down in order */
	UMBEL_E_NO_RESPONDER = -10012, /* nobody listens for this request */
	UMBEL_E_REPLY = -10013,        /* the reply says that it failed */
	UMBEL_E_LOST = -10014,  /* replies may be among the lost, see on_loss */
	UMBEL_E_FREED = -10015, /* a callback freed the handle: it is gone */
};

/* Words for a negative return value; never NULL, never to be freed. */
UMBEL_API const char *umbel_strerror(int error);

/*
 * The details of the last failure on this handle: what was tried, what was
 * wrong. "" when nothing failed yet. Valid until the next call on any handle
 * in this thread. NULL asks about the last umbel_new() of this thread.
 */
UMBEL_API const char *umbel_last_error(struct umbel *c);

/* Of this file; #if UMBEL_VERSION_NUMBER >= UMBEL_VERSION_OF(0, 1, 0) */
#define UMBEL_VERSION_OF(major, minor, patch) \
	((major)*1000000 + (minor)*1000 + (patch))
#define UMBEL_VERSION_NUMBER UMBEL_VERSION_OF(0, 1, 0)

/* The version of the library, as "0.1.0". */
UMBEL_API const char *umbel_version(void);

/* ---- state ---------------------------------------------------------- */

enum umbel_state {
	UMBEL_DISCONNECTED, /* not connected; trying again after a pause */
	UMBEL_CONNECTING,   /* socket open, handshake under way */
	UMBEL_CONNECTED,    /* handshake done, subscriptions restored */
	UMBEL_FAILED,       /* gave up: only after a fault that waiting cannot
			       mend, see umbel_options.on_state */
};

/* "connected" and so on, for logs; "unknown" for what is none of them. Never
   NULL, never to be freed. */
UMBEL_API const char *umbel_state_name(enum umbel_state state);

/* The texts in this struct and the next ones live as long as the callback. */
struct umbel_state_info {
	/* why the connection ended or could not be made: 0, -errno, UMBEL_E_* */
	int error;
	/* ... in words, with the broker's own text; "" when there is none */
	const char *text;
	/* DISCONNECTED: messages that the kernel had taken and that no PONG
	   has confirmed; they may or may not have been routed. CONNECTED: the
	   same, of the connection before. They are not sent again. */
	uint64_t unconfirmed;
	/* DISCONNECTED: pause before the next attempt, milliseconds */
	int retry_ms;
	/* CONNECTED: how often this handle was connected before, 0 at first */
	unsigned reconnects;
};

struct umbel_hold_info {
	bool held;         /* true: publishing is held up; false: it goes on */
	uint32_t session;  /* the subscriber that does not keep up; 0: none, but
	                      this handle publishes more than it may */
	const char *name;  /* ... its name, or which limit that is */
	const char *topic; /* ... and the topic of the message that waits */
};

/* The broker refused something that this handle sent, or announced a loss. */
struct umbel_error_info {
	int error;         /* UMBEL_E_* */
	unsigned code;     /* the broker's own code, see PROTOCOL.md; 0: none */
	const char *text;  /* the broker's words */
	const char *about; /* topic or filter that it is about, "" if none */
};

struct umbel_loss_info {
	uint64_t messages;  /* that this handle did not get ... */
	uint64_t bytes;     /* ... and their size on the wire */
	const char *reason; /* the broker's words */
};

/*
 * What the broker does when this handle does not read fast enough, and its
 * queue there is full.
 */
enum umbel_overflow {
	UMBEL_BLOCK,       /* those who publish wait, for a bounded time; then
			      this handle is disconnected. For replies, and
			      for what it publishes to itself, nobody can
			      wait: beyond twice the queue they are lost, and
			      on_loss tells */
	UMBEL_DROP_OLDEST, /* the oldest messages are dropped; on_loss tells */
	UMBEL_DISCONNECT,  /* it is disconnected at once, and comes back */
};

/*
 * Options of a handle. Zero means "default" everywhere; what can be switched
 * off takes another value for it, said below. In C write
 * UMBEL_OPTIONS(.name = "..."); in C++ umbel_options_init() and assign.
 * Callbacks get `user`; they may call anything but umbel_close and the waiting
 * calls (those say -EDEADLK).
 */
struct umbel_options {
	size_t size; /* sizeof(struct umbel_options), set by macro and init */

	/* what this client is called in the broker's logs, at most 64 bytes;
	   default: the name of the program */
	const char *name;

	/* path of the broker's socket. Default: $UMBEL_SOCKET (ignored in
	   set-uid programs), else $XDG_RUNTIME_DIR/umbel/umbel.sock if a broker
	   answers there, else /run/umbel/umbel.sock. The environment is read in
	   umbel_new(); which of the last two is chosen at each attempt, until
	   the handle was CONNECTED once */
	const char *address;

	/* the only uid that the broker may run as; 0 needs expect_uid_set.
	   Default (0 or -1 without it): root, this process's own, or the owner
	   of the socket's directory. In a rootless container, where the users
	   outside have no numbers, the owner counts if nobody else may write
	   to that directory */
	uint32_t expect_uid;
	bool expect_uid_set;

	/* most bytes that wait to be sent, default 1 MiB; beyond: -EAGAIN */
	size_t buffer;

	/* only one thread will ever use this handle, the one that uses it
	   first after umbel_new(): then publishing takes no lock. A call from
	   another thread does nothing (-EPERM), but for umbel_stop(),
	   umbel_wake() and, when nobody uses the handle any more, umbel_free() */
	bool single_thread;

	/* most callbacks in one umbel_dispatch(); default 256, and when it need
	   not wait as many more as are quick: for 2 ms in all */
	unsigned dispatch_max;

	/* most bytes that wait for umbel_next(), default 1 MiB; while they do
	   the socket is not read. Whoever waits for a reply or a flush then waits
	   for umbel_next() as well: what they wait for comes behind */
	size_t next_buffer;

	/* connect and handshake must be done in this time, default 2000 ms */
	int handshake_ms;

	/* what is asked of the broker; umbel_get_overflow() is what it grants */
	enum umbel_overflow overflow;

	/* the last will: a message that the broker publishes, as if this client
	   had, when the client vanishes: it crashed, was killed, hangs. Not
	   after umbel_close(), which leaves in order, unless the broker takes
	   nothing of this client (on_hold) until the time for that is over.
	   NULL: none. The options
	   may be NULL; they may not have a reply. All is copied; encoded it is
	   16 KiB at most, else umbel_new() says -EMSGSIZE */
	const char *will_topic;
	const void *will_data;
	size_t will_len;
	const struct umbel_pub_options *will_options;

	/* remember what this client published last on each topic with the retain
	   flag, and publish it again, before CONNECTED, to a broker that is not
	   the one it was given to: brokers forget when they end. At most
	   keep_retained_max bytes (default 1 MiB) of frames and what it takes
	   to find them; a value that does not fit is not published, but refused
	   with UMBEL_E_LIMIT */
	bool keep_retained;
	size_t keep_retained_max;

	/* pauses between attempts: first, doubling to last, +-25 %;
	   default 10 ms and 2000 ms */
	int retry_first_ms;
	int retry_last_ms;

	/* ask a silent broker for a sign of life after this time, and take the
	   connection for dead after twice that; default 30000 ms, -1: never.
	   One that has told of a hold by a subscriber is asked only after three
	   times that, or a minute if that is longer */
	int ping_ms;

	/*
	 * State changes. CONNECTED comes after all subscriptions were put back
	 * and acknowledged. FAILED comes when trying again cannot help: no
	 * common version, an option that the broker does not support.
	 * A wrong uid at the other end is tried again, with the error told.
	 */
	void (*on_state)(struct umbel *c, enum umbel_state state,
	                 const struct umbel_state_info *info, void *user);

	/* there is room again after a publish said -EAGAIN */
	void (*on_writable)(struct umbel *c, void *user);

	/* a subscriber holds this publisher up, or no longer does; a hold that
	   the connection did not survive is over without a word */
	void (*on_hold)(struct umbel *c, const struct umbel_hold_info *info,
	                void *user);

	/* a publish was refused, a subscription without on_end has ended
	   (`about` is its filter), or anything else that has no own callback */
	void (*on_error)(struct umbel *c, const struct umbel_error_info *info,
	                 void *user);

	/* the broker dropped messages for this handle, and says how many */
	void (*on_loss)(struct umbel *c, const struct umbel_loss_info *info,
	                void *user);

	void *user; /* for the callbacks above */
};

#ifndef __cplusplus
#define UMBEL_OPTIONS(...)                                              \
	(&(struct umbel_options){ .size = sizeof(struct umbel_options), \
	                          __VA_ARGS__ })
#endif

/* Fill with defaults; for C++, and for C that sets members one by one. */
static inline void
umbel_options_init(struct umbel_options *options)
{
	memset(options, 0, sizeof(*options));
	options->size = sizeof(*options);
}

/* ---- life ----------------------------------------------------------- */

/*
 * Make a handle. It does not connect yet; subscriptions and messages are taken
 * and go out once it does. (Without an address, and without UMBEL_SOCKET, it
 * looks whether the user's own broker listens, by a connection that it closes
 * again at once.) `options` may be NULL.
 *
 * On success the caller owns *out: umbel_close() or umbel_free().
 * Returns 0, -ENOMEM, -EINVAL (an option is out of range), -ENAMETOOLONG (the
 * address does not fit a socket address), UMBEL_E_TOPIC (of the will), or
 * another -errno; then *out is NULL, and umbel_last_error(NULL) has the words.
 */
UMBEL_API int umbel_new(struct umbel **out,
                        const struct umbel_options *options);

/*
 * Connect, and stay connected from now on.
 *
 * timeout_ms 0: in the background, at the next dispatch or publish; returns 0
 * at once. Otherwise dispatches until the handle is CONNECTED. When the time
 * is over returns the last failure, or -ETIMEDOUT when there was none; the
 * handle goes on trying whenever it is dispatched. FAILED ends the wait at once;
 * to call this again is to try again. Also -EDEADLK inside a callback, -ECHILD,
 * -EPERM (single_thread), UMBEL_E_FREED.
 */
UMBEL_API int umbel_connect(struct umbel *c, int timeout_ms);

/*
 * Send what waits, wait until the broker has routed it, say goodbye, and free
 * the handle; NULL is fine. After timeout_ms gives up and frees anyway.
 *
 * Messages that arrive meanwhile are dropped; umbel_drain_wait() beforehand
 * delivers them. Connects if that was never asked for and messages wait.
 *
 * Returns how many of the messages ever published here are not known to have
 * been routed (0: all were); those that the broker refused are among them. Or,
 * with nothing freed, -EDEADLK inside a callback, -ECHILD in the child of a
 * fork (umbel_free() works there), -EPERM in another thread (single_thread).
 */
UMBEL_API int64_t umbel_close(struct umbel *c, int timeout_ms);

/* Abandon the handle: close and free at once; NULL is fine. Inside a callback
   the handle is freed when the callback returns; nothing else is called then. */
UMBEL_API void umbel_free(struct umbel *c);

UMBEL_API enum umbel_state umbel_get_state(struct umbel *c);

/* The path of the socket, as chosen by now; lives as long as c. NULL in another
   thread than that of single_thread. */
UMBEL_API const char *umbel_address(struct umbel *c);

/* Session and uid that the broker gave this connection; 0 while none stands. */
UMBEL_API uint32_t umbel_session(struct umbel *c);
UMBEL_API uint32_t umbel_uid(struct umbel *c);

/* The policy that the broker granted to this connection; what was asked for
   while none stands. One who held up others lately gets UMBEL_DROP_OLDEST. */
UMBEL_API enum umbel_overflow umbel_get_overflow(struct umbel *c);

/* The longest frame body that the broker takes; 4 MiB until it told us. */
UMBEL_API size_t umbel_max_frame(struct umbel *c);

struct umbel_stats {
	uint64_t published;   /* messages taken by umbel_publish */
	uint64_t confirmed;   /* ... known to be routed */
	uint64_t unmatched;   /* ... of those, messages that reached nobody */
	uint64_t refused;     /* ... refused by the broker, or dropped unsent */
	uint64_t unconfirmed; /* ... sent, fate unknown (yet, or for ever) */
	uint64_t received;    /* messages that arrived */
	uint64_t lost;        /* ... that the broker announced as dropped */
	uint64_t reconnects;
	size_t buffered; /* bytes that wait to be sent */
	bool leaving; /* the broker, which has said so: they wait for the next */
};
/* Counts since umbel_new(). The broker is asked about what was sent, up to ten
   times a second, whenever the handle is dispatched or publishes. Set stats_size
   to sizeof(*out). */
UMBEL_API void umbel_get_stats(struct umbel *c, struct umbel_stats *out,
                               size_t stats_size);

/* ---- loop ----------------------------------------------------------- */

/*
 * One descriptor that stays the same for the life of the handle, whatever
 * happens to the connection. Wait until it is readable (level-triggered: it
 * stays so as long as there is anything to do, timers included), then call
 * umbel_dispatch(c, 0). It belongs to the library: do not read or close it.
 */
UMBEL_API int umbel_fd(struct umbel *c);

/*
 * Do what there is to do, and first wait up to timeout_ms for it: connect,
 * send, receive, call callbacks.
 *
 * Returns how many callbacks were called (0: the time is over, and it may be
 * that a waiting call of another thread called some; room after a publish said
 * -EAGAIN counts as one, without on_writable too), -EBUSY when another thread
 * is in umbel_dispatch, umbel_run or umbel_next, -EDEADLK inside a callback,
 * UMBEL_E_FREED when a callback freed the handle.
 */
UMBEL_API int umbel_dispatch(struct umbel *c, int timeout_ms);

/* Dispatch until umbel_stop() or FAILED. Returns 0, or why it FAILED; -EBUSY,
   -EDEADLK, UMBEL_E_FREED as umbel_dispatch() does, -ECHILD, -EPERM. */
UMBEL_API int umbel_run(struct umbel *c);

/* Make umbel_run() return, now or when it is called next. From any thread,
   callback or signal handler. */
UMBEL_API void umbel_stop(struct umbel *c);

/* Make a umbel_dispatch() that waits return early, now or when it is called
   next. From any thread, callback or signal handler. */
UMBEL_API void umbel_wake(struct umbel *c);

/* ---- publish -------------------------------------------------------- */

/* A header's value. `str` for text; `bin` with len for bytes. */
enum umbel_type {
	UMBEL_NIL,
	UMBEL_BOOL,
	UMBEL_INT,
	UMBEL_UINT,
	UMBEL_FLOAT,
	UMBEL_STR,
	UMBEL_BIN,
};

struct umbel_header {
	const char *key;
	enum umbel_type type;
	union {
		bool b;
		int64_t i;
		uint64_t u;
		double f;
		const char *str; /* NUL-terminated */
		struct {
			const void *data;
			size_t len;
		} bin;
	} value;
};

struct umbel_pub_options {
	size_t size;       /* sizeof(struct umbel_pub_options) */
	const char *reply; /* topic to answer to */
	const struct umbel_header *headers;
	size_t n_headers;
	/* shorthand for a text header `content-type`: text, json, msgpack, or a
	   MIME type. -EINVAL if `headers` has one, too; so it is with `more` */
	const char *content_type;
	/* the broker keeps the message, and gives it to those who subscribe to
	   the topic's last value later; an empty one clears it. Delivered now
	   as any other */
	bool retain;
	/* shorthand for a header `more` that is true: of a reply, that others
	   to the same request follow */
	bool more;
	unsigned char reserved[sizeof(void *) - 2]; /* zero */
};
#ifndef __cplusplus
#define UMBEL_PUB_OPTIONS(...)        \
	(&(struct umbel_pub_options){ \
		.size = sizeof(struct umbel_pub_options), __VA_ARGS__ })
#endif
static inline void
umbel_pub_options_init(struct umbel_pub_options *options)
{
	memset(options, 0, sizeof(*options));
	options->size = sizeof(*options);
}

/*
 * Publish `len` bytes on `topic`. The data is copied.
 *
 * Outside a callback the message is written to the socket at once if there is
 * a connection and room, so that a program without a loop just works. Inside
 * callbacks and between umbel_cork() and umbel_uncork() it waits for company:
 * it is written when 256 KiB have come together, and at the end.
 *
 * While nobody dispatches, publishing also keeps the connection going: it
 * reconnects, and asks what was routed, but calls no callbacks. Of what on_state,
 * and of what on_hold, on_error and on_loss would have heard, the newest eight
 * are told by the next dispatch. Five seconds after the broker's end messages
 * that nobody has dispatched are dropped.
 *
 * Returns 0; -EAGAIN when more than umbel_options.buffer bytes wait (then
 * on_writable tells when there is room); -EMSGSIZE when the frame is longer
 * than the broker takes; UMBEL_E_TOPIC; -EINVAL; -ENOMEM; -ECHILD; the error of
 * FAILED; with keep_retained UMBEL_E_LIMIT.
 */
UMBEL_API int umbel_publish(struct umbel *c, const char *topic,
                            const void *data, size_t len);

UMBEL_API int umbel_publish_opts(struct umbel *c, const char *topic,
                                 const void *data, size_t len,
                                 const struct umbel_pub_options *options);

/*
 * The same, but waits for room up to timeout_ms, dispatching meanwhile unless
 * another thread does; with room at once it still calls what callbacks have
 * waited for some milliseconds, so that a program that only publishes hears
 * that it is held or that the broker stops. -ETIMEDOUT when there was no room;
 * -EDEADLK inside a callback if it would have to wait.
 */
UMBEL_API int umbel_publish_wait(struct umbel *c, const char *topic,
                                 const void *data, size_t len,
                                 const struct umbel_pub_options *options,
                                 int timeout_ms);

/*
 * Let messages wait, so that many go out with one system call; calls nest. The
 * last umbel_uncork() sends them. Until then they also go out when a batch is
 * full, whenever the handle is dispatched, and with a waiting call. Uncork
 * returns 0, -EINVAL when the handle is not corked, -ECHILD, -EPERM.
 */
UMBEL_API void umbel_cork(struct umbel *c);
UMBEL_API int umbel_uncork(struct umbel *c);

/*
 * Build a topic from tokens, ended by NULL: umbel_topic(buf, sizeof(buf),
 * "host", name, "load", NULL). Refuses tokens that would change the number of
 * tokens or that no topic may contain: use it whenever one comes from outside.
 *
 * Returns the length, UMBEL_E_TOPIC, or -ENAMETOOLONG (more than 255 bytes, or
 * `n` too small); on failure buf is "".
 */
UMBEL_API int umbel_topic(char *buf, size_t n, const char *token, ...)
#if defined(__GNUC__)
	__attribute__((sentinel))
#endif
	;

/* Would this be taken as a topic, as a filter? Does the filter match? */
UMBEL_API bool umbel_topic_is_valid(const char *topic);
UMBEL_API bool umbel_filter_is_valid(const char *filter);
UMBEL_API bool umbel_filter_matches(const char *filter, const char *topic);
/* Would this be taken as the name of a client, as the key of a header? */
UMBEL_API bool umbel_name_is_valid(const char *name);
UMBEL_API bool umbel_header_key_is_valid(const char *key);

/* ---- subscribe ------------------------------------------------------ */

/* `m` is borrowed for the time of the call; umbel_msg_ref() keeps it. */
typedef void umbel_msg_cb(struct umbel *c, const struct umbel_msg *m,
                          void *user);

struct umbel_sub_options {
	size_t size; /* sizeof(struct umbel_sub_options) */

	/* watch only: a request that nobody else listens to still ends at once
	   with "no responder". Not together with `group`, of which nobody else
	   gets what one member does */
	bool monitor;

	/* a queue group: of all subscriptions to this very filter that name the
	   same group, one gets each message, in any client; the one with the
	   least to read, and not one that is full. 1 to 64 bytes. What a member
	   had been sent and not read when it dies is lost: for jobs, make it a
	   request, and take the reply for the acknowledgement */
	const char *group;

	/* first the last values of all topics that match, see
	   umbel_pub_options.retain and umbel_msg_retained(), in the order of
	   their topics; then what comes. Again after each reconnect. Not for a
	   group */
	bool retained;

	/* the broker has confirmed; every message it takes from now on comes,
	   and, with `retained`, all the last values have come. Called again
	   after each reconnect. */
	void (*on_active)(struct umbel *c, struct umbel_sub *s, void *user);

	/* the subscription has ended: error 0 after umbel_unsubscribe(), else
	   why the broker refused it (umbel_last_error() has its words). Called
	   once, nothing comes after it, and `s` is gone when it returns. Not
	   called by umbel_close() and umbel_free(). */
	void (*on_end)(struct umbel *c, struct umbel_sub *s, int error,
	               void *user);
};
#ifndef __cplusplus
#define UMBEL_SUB_OPTIONS(...)        \
	(&(struct umbel_sub_options){ \
		.size = sizeof(struct umbel_sub_options), __VA_ARGS__ })
#endif
static inline void
umbel_sub_options_init(struct umbel_sub_options *options)
{
	memset(options, 0, sizeof(*options));
	options->size = sizeof(*options);
}

/*
 * Subscribe to `filter`. Holds for the life of the handle, across reconnects.
 *
 * `cb` is called once for each message that matches; with several matching
 * subscriptions each is called once; one in a group for the messages that its
 * group was given here. A NULL `cb` queues for umbel_next().
 * `user` goes to cb and to the options' callbacks. `options` and `out` may be
 * NULL.
 *
 * *out stays valid until on_end has returned; without on_end, until it is given
 * to umbel_unsubscribe().
 * Returns 0, UMBEL_E_FILTER, -ENOMEM, -EINVAL, -ECHILD.
 */
UMBEL_API int umbel_subscribe(struct umbel *c, const char *filter,
                              umbel_msg_cb *cb, void *user,
                              const struct umbel_sub_options *options,
                              struct umbel_sub **out);

/*
 * End a subscription. Called in the dispatching thread: cb is not called
 * again. From another thread a call may still be under way; on_end is the end.
 * Returns 0, also when it has ended already (without on_end: on_end is the last
 * moment for this), -EINVAL (not of this handle), -ECHILD.
 */
UMBEL_API int umbel_unsubscribe(struct umbel *c, struct umbel_sub *s);

UMBEL_API const char *umbel_sub_filter(const struct umbel_sub *s);

/*
 * The next message of the subscriptions without a callback, dispatching up to
 * timeout_ms until there is one. One that matches several of them comes once.
 * The caller owns *out: umbel_msg_unref().
 *
 * Returns 1; 0 when the time is over; -EBUSY, -EDEADLK, the error of FAILED;
 * UMBEL_E_FREED when a callback freed the handle.
 */
UMBEL_API int umbel_next(struct umbel *c, struct umbel_msg **out,
                         int timeout_ms);

/* ---- messages ------------------------------------------------------- */

struct umbel_sender {
	uint32_t session; /* 0: the broker itself */
	uint32_t uid;     /* user id, as the kernel told the broker */
};

UMBEL_API const char *umbel_msg_topic(const struct umbel_msg *m);
/* `len` may be NULL; the data is not NUL-terminated. Never NULL. */
UMBEL_API const void *umbel_msg_data(const struct umbel_msg *m, size_t *len);
/* Topic to answer to, or NULL. */
UMBEL_API const char *umbel_msg_reply(const struct umbel_msg *m);
/* Who sent it: the kernel's word, not the sender's. */
UMBEL_API struct umbel_sender umbel_msg_sender(const struct umbel_msg *m);
/* Was it published with the retain flag? */
UMBEL_API bool umbel_msg_retain_flag(const struct umbel_msg *m);
/* Is it a last value that the broker had kept, and not one that comes just now?
   How long it had, in milliseconds; 0 for others. */
UMBEL_API bool umbel_msg_retained(const struct umbel_msg *m);
UMBEL_API uint64_t umbel_msg_age_ms(const struct umbel_msg *m);

/*
 * One header by name. Fills *out, whose pointers live as long as the message,
 * and returns true; false when there is none. With type UMBEL_STR value.bin is
 * filled as well: the same text (value.str is value.bin.data) and its length.
 */
UMBEL_API bool umbel_msg_header(const struct umbel_msg *m, const char *key,
                                struct umbel_header *out);
/* A text header, or NULL when there is none or it is no text. */
UMBEL_API const char *umbel_msg_header_str(const struct umbel_msg *m,
                                           const char *key);
UMBEL_API size_t umbel_msg_n_headers(const struct umbel_msg *m);
/* The i-th header in the order of the wire; false beyond the last. */
UMBEL_API bool umbel_msg_header_at(const struct umbel_msg *m, size_t i,
                                   struct umbel_header *out);

/*
 * Keep a message beyond its callback: the same content, to be given back with
 * umbel_msg_unref(), from any thread. NULL when there is no memory. Small
 * messages are copied, so that 20 bytes do not pin a receive buffer.
 */
UMBEL_API struct umbel_msg *umbel_msg_ref(const struct umbel_msg *m);
UMBEL_API void umbel_msg_unref(struct umbel_msg *m);

/* ---- request and reply ---------------------------------------------- */

/* What came of a request. */
struct umbel_reply_info {
	/*
	 * 0: `msg` is a reply. UMBEL_E_REPLY: it is one, and says that the
	 * other side failed. Else there is none:
	 *
	 *   -ETIMEDOUT            no reply in time
	 *   UMBEL_E_NO_RESPONDER  nobody listens on the topic; told at once
	 *   -ECONNRESET           the connection broke: whether anybody got
	 *                         the request is not known
	 *   -ECANCELED            umbel_cancel() was called
	 *   UMBEL_E_LOST          the broker dropped messages for this handle
	 *                         (on_loss): of several replies some may be
	 *                         missing. Told at once; with gather, which
	 *                         goes on, in the place of -ETIMEDOUT
	 *   UMBEL_E_DENIED, ...   the broker refused it
	 */
	int error;
	/* more calls follow for this request; false: this is the last */
	bool more;
	/* a reply, borrowed for the time of the call; NULL: there is none */
	const struct umbel_msg *msg;
	/* UMBEL_E_REPLY: the application's own code, see umbel_reply_error() */
	int64_t code;
	/* not 0: the error in words, those of the other side or of the broker
	   if they said any; "" on success */
	const char *text;
};

typedef void umbel_reply_cb(struct umbel *c,
                            const struct umbel_reply_info *info, void *user);

struct umbel_request_options {
	size_t size; /* sizeof(struct umbel_request_options) */
	const struct umbel_header *headers;
	size_t n_headers;
	const char *content_type; /* as in umbel_pub_options */
	/* default 5000 ms, -1: for ever; umbel_request_wait() has its own */
	int timeout_ms;
	/* replies to wait for, default 1. With more, a reply that says that
	   others follow (umbel_pub_options.more) does not end the request, and
	   the time to wait begins anew; UINT_MAX: however many */
	unsigned max_replies;
	/* every responder answers for itself: only max_replies and the timeout,
	   which is that of the whole, end the request */
	bool gather;
	/* set to the request's number, for umbel_cancel(), before anything can
	   be called for it */
	uint64_t *id;
};
#ifndef __cplusplus
#define UMBEL_REQUEST_OPTIONS(...)        \
	(&(struct umbel_request_options){ \
		.size = sizeof(struct umbel_request_options), __VA_ARGS__ })
#endif
static inline void
umbel_request_options_init(struct umbel_request_options *options)
{
	memset(options, 0, sizeof(*options));
	options->size = sizeof(*options);
}

/*
 * Publish a request on `topic`, and call `cb` exactly once: with the first
 * reply, or with why there is none (struct umbel_reply_info). timeout_ms must
 * not be 0; -1 waits for ever.
 *
 *	static void
 *	on_reply(struct umbel *c, const struct umbel_reply_info *info, void *user)
 *	{
 *		if (info->error)
 *			fprintf(stderr, "no price: %s\n", info->text);
 *		else
 *			take_price(umbel_msg_data(info->msg, NULL));
 *	}
 *	...
 *	umbel_request(c, "prices.eu", "apples", 6, 500, on_reply, NULL);
 *
 * A request is sent once: what the kernel has taken whole ends with -ECONNRESET
 * when the connection breaks. One that was made while there was no connection
 * waits for it, as long as its timeout allows. Any number may be under way.
 * Replies that come later than that are dropped, and those to a broker's
 * earlier life reach nobody.
 *
 * Requests of a handle that umbel_close() or umbel_free() ends are not called
 * back.
 *
 * Returns what umbel_publish() does; `cb` is called if it is 0, and only then.
 * -EINVAL without `cb`; the error of FAILED.
 */
UMBEL_API int umbel_request(struct umbel *c, const char *topic,
                            const void *data, size_t len, int timeout_ms,
                            umbel_reply_cb *cb, void *user);

/* The same with options, which may be NULL; with max_replies `cb` is called for
   each reply, the last time with `more` false. */
UMBEL_API int umbel_request_opts(struct umbel *c, const char *topic,
                                 const void *data, size_t len,
                                 umbel_reply_cb *cb, void *user,
                                 const struct umbel_request_options *options);

/*
 * Ask and wait for the one reply, dispatching meanwhile unless another thread
 * does. Waits for room as umbel_publish_wait() does. `options` may be NULL;
 * their timeout_ms does not count here, and more than one reply is -EINVAL.
 *
 * On 0 and on UMBEL_E_REPLY the caller owns *reply: umbel_msg_unref(). Else it
 * is NULL. The error is that of umbel_reply_info, umbel_last_error() its text;
 * -EDEADLK inside a callback.
 */
UMBEL_API int umbel_request_wait(struct umbel *c, const char *topic,
                                 const void *data, size_t len,
                                 const struct umbel_request_options *options,
                                 int timeout_ms, struct umbel_msg **reply);

/* Wait no longer: the request's last call comes, with -ECANCELED. Returns 0, or
   -ENOENT when it has had it, or is about to. */
UMBEL_API int umbel_cancel(struct umbel *c, uint64_t id);

/*
 * Answer the request `m`, in its callback or, kept by umbel_msg_ref(), later.
 * An answer to one who is gone reaches nobody. Return what umbel_publish()
 * does, -EINVAL when `m` asks for no reply. When they say -EAGAIN, keep `m` and
 * try again.
 *
 * There may be several replies: give all but the last with
 * UMBEL_PUB_OPTIONS(.more = true). Nobody waits for an asker that does not
 * read: once some megabytes of replies wait for it, those behind them are
 * lost, its on_loss tells, and the request ends with UMBEL_E_LOST. So do not
 * send without end, or let it ask for the next part.
 */
UMBEL_API int umbel_reply(struct umbel *c, const struct umbel_msg *m,
                          const void *data, size_t len);
UMBEL_API int umbel_reply_opts(struct umbel *c, const struct umbel_msg *m,
                               const void *data, size_t len,
                               const struct umbel_pub_options *options);
/* Answer that it failed. `code` is the application's, not 0; `text` is for
   people, NULL is fine. */
UMBEL_API int umbel_reply_error(struct umbel *c, const struct umbel_msg *m,
                                int64_t code, const char *text);

/* The code of a reply that says that it failed, else 0. */
UMBEL_API int64_t umbel_msg_error(const struct umbel_msg *m);
/* Does it say that more replies to the same request follow? */
UMBEL_API bool umbel_msg_more(const struct umbel_msg *m);

/* ---- barriers ------------------------------------------------------- */

/*
 * Call `cb` with 0 once the broker has routed everything published before this
 * call, or with -ECONNRESET when the connection broke first: never with a
 * success that is not one: when messages whose fate is unknown went with an
 * earlier connection, the next flush says so too, once. Over a planned restart
 * that lost nothing it goes on. `unmatched` in umbel_get_stats() is up to date
 * then.
 *
 * When the handle FAILED `cb` hears why. Returns 0, -EINVAL (no cb), -ENOMEM,
 * -ECHILD, the error of FAILED.
 */
typedef void umbel_done_cb(struct umbel *c, int error, void *user);
UMBEL_API int umbel_flush(struct umbel *c, umbel_done_cb *cb, void *user);

/* End all subscriptions, deliver what is still on its way, then flush. */
UMBEL_API int umbel_drain(struct umbel *c, umbel_done_cb *cb, void *user);

/*
 * The same and wait for it, dispatching meanwhile unless another thread does.
 * Return 0, -ECONNRESET, -ETIMEDOUT, -EDEADLK (inside a callback), the error of
 * FAILED, or, as every waiting call does when a callback freed the handle,
 * UMBEL_E_FREED.
 */
UMBEL_API int umbel_flush_wait(struct umbel *c, int timeout_ms);
UMBEL_API int umbel_drain_wait(struct umbel *c, int timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
