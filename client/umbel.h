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
 * broker is running yet. When the connection breaks, the handle reconnects and
 * restores its subscriptions.
 *
 * RETURN VALUES. 0 or a count on success, negative on failure: -errno for an
 * error of the system, UMBEL_E_* for an error of umbel. umbel_strerror()
 * describes either; umbel_last_error() has the details of the last failure of a
 * handle, such as the broker's own text.
 *
 * THREADS. Callbacks run one at a time, in the thread that dispatches. These
 * calls may be made from these threads:
 *
 *   umbel_stop, umbel_wake             any thread, and signal handlers: no other
 *                                      call is async-signal-safe
 *   umbel_publish*, umbel_reply*,      any thread, at any time; also inside
 *   umbel_request, umbel_cancel,       callbacks
 *   umbel_subscribe, umbel_unsubscribe,
 *   umbel_flush, umbel_drain,
 *   umbel_cork, umbel_uncork,
 *   umbel_connect(c, 0), umbel_fd, and
 *   all pure queries (umbel_get_state)
 *   umbel_dispatch, umbel_run,         one thread at a time: they dispatch, and
 *   umbel_next                         a second thread gets -EBUSY
 *   umbel_connect(c, timeout),         any thread: they dispatch if no other
 *   umbel_*_wait                       thread does, otherwise they wait for it;
 *                                      not inside callbacks: -EDEADLK
 *   umbel_close, umbel_free            when all other threads are done with the
 *                                      handle
 *
 * A cork holds back the messages of all threads that publish on the handle. The
 * messages of one handle are sent in the order in which the publish calls
 * returned; requests and replies are published messages, too. A handle does not
 * survive fork(): in the child, every call except umbel_free() returns -ECHILD.
 *
 * SIGNALS. No call returns early because of a signal. To stop umbel_run() or to
 * interrupt umbel_dispatch(), call umbel_stop() or umbel_wake() in your
 * handler.
 *
 * WAITING. The calls that wait for the broker (umbel_connect and the _wait
 * forms) connect in the background if umbel_connect() was never called.
 *
 * TIMEOUTS are in milliseconds; 0 does not wait, -1 waits forever.
 *
 * STRINGS are UTF-8 and NUL-terminated; the library copies what it keeps.
 *
 * NULL is refused as a handle, a message or a place for a result: the call
 * returns -EINVAL or, if it cannot fail, false, 0, NULL or UMBEL_FAILED. The
 * calls that end something do nothing when they get NULL, and
 * umbel_last_error(NULL) reports about umbel_new().
 *
 * VERSIONS. The functions that libumbel.so.0 exports stay and keep their
 * meaning. Structs of options grow at their end and carry their size: a program
 * may run with an older or a newer library than the one it was built with. An
 * option that is set and that the library does not know yet is refused with
 * -EINVAL.
 *
 * The library never prints (except with UMBEL_DEBUG=1 in the environment: one
 * line per frame on stderr), never aborts, and never changes signal
 * dispositions.
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

/* Errors of umbel itself; errors of the system are -errno. */
enum umbel_error {
	UMBEL_E_TOPIC = -10001,      /* not a valid topic */
	UMBEL_E_FILTER = -10002,     /* not a valid filter */
	UMBEL_E_PROTOCOL = -10003,   /* the peer does not speak umbel */
	UMBEL_E_VERSION = -10004,    /* it does, but no version that we know */
	UMBEL_E_DENIED = -10005,     /* the broker does not allow it */
	UMBEL_E_LIMIT = -10006,      /* a limit of the broker is reached */
	UMBEL_E_SERVER_UID = -10007, /* the broker runs as an unexpected user */
	UMBEL_E_SLOW = -10008,       /* evicted: we did not read in time */
	UMBEL_E_REFUSED = -10009, /* the broker refused, for another reason */
	UMBEL_E_UNSUPPORTED = -10010, /* the broker does not know this option */
	UMBEL_E_GOAWAY = -10011,      /* the broker is shutting down cleanly */
	UMBEL_E_NO_RESPONDER = -10012, /* nobody listens for this request */
	UMBEL_E_REPLY = -10013,        /* the reply reports a failure */
	UMBEL_E_LOST = -10014,  /* replies may have been lost, see on_loss */
	UMBEL_E_FREED = -10015, /* a callback freed the handle: it is gone */
};

/* Describe a negative return value. Never NULL, never to be freed. */
UMBEL_API const char *umbel_strerror(int error);

/*
 * The details of the last failure on this handle: what was tried and what went
 * wrong. "" when nothing has failed yet. Valid until the next call on any
 * handle in this thread. NULL asks about the last umbel_new() of this thread.
 */
UMBEL_API const char *umbel_last_error(struct umbel *c);

/* The version of this header, for
   #if UMBEL_VERSION_NUMBER >= UMBEL_VERSION_OF(0, 1, 0) */
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
	UMBEL_FAILED,       /* gave up: only after an error that waiting cannot
			       cure, see umbel_options.on_state */
};

/* "connected" and so on, for logs; "unknown" for what is none of them. Never
   NULL, never to be freed. */
UMBEL_API const char *umbel_state_name(enum umbel_state state);

/* The texts in this struct and the next ones live as long as the callback. */
struct umbel_state_info {
	/* why the connection ended or could not be made: 0, -errno,
	   UMBEL_E_* */
	int error;
	/* ... in words, with the broker's own text; "" when there is none */
	const char *text;
	/* DISCONNECTED: the number of messages that the kernel had taken and
	   that no PONG has confirmed; they may or may not have been routed.
	   CONNECTED: the same number, of the previous connection. These
	   messages are not sent again. */
	uint64_t unconfirmed;
	/* DISCONNECTED: pause before the next attempt, milliseconds */
	int retry_ms;
	/* CONNECTED: how often this handle was connected before, initially 0 */
	unsigned reconnects;
};

struct umbel_hold_info {
	bool held;         /* true: publishing is held; false: it continues */
	uint32_t session;  /* the subscriber that does not keep up; 0: none, but
	                      this handle publishes more than it may */
	const char *name;  /* ... its name, or the limit that was exceeded */
	const char *topic; /* ... and the topic of the message that waits */
};

/* The broker refused something that this handle sent, or announced a loss. */
struct umbel_error_info {
	int error;         /* UMBEL_E_* */
	unsigned code;     /* the broker's own code, see PROTOCOL.md; 0: none */
	const char *text;  /* the broker's text */
	const char *about; /* the topic or filter concerned, "" if none */
};

struct umbel_loss_info {
	uint64_t messages;  /* messages that this handle did not get ... */
	uint64_t bytes;     /* ... and their size on the wire */
	const char *reason; /* the broker's text */
};

/*
 * What the broker does when this handle does not read fast enough and its queue
 * in the broker is full.
 */
enum umbel_overflow {
	UMBEL_BLOCK,       /* the broker holds the publishers for a bounded
			      time, then disconnects this handle. It cannot
			      hold anyone for replies and for messages that
			      this handle publishes to itself: beyond twice
			      the queue they are lost, and on_loss reports it */
	UMBEL_DROP_OLDEST, /* drop the oldest messages; on_loss reports it */
	UMBEL_DISCONNECT,  /* disconnect at once; the handle reconnects */
};

/*
 * Options of a handle. Zero means "default" everywhere; an option that can be
 * switched off has another value for this, given below. In C write
 * UMBEL_OPTIONS(.name = "..."); in C++ call umbel_options_init() and assign.
 * Callbacks get `user`; they may call anything except umbel_close and the
 * waiting calls (which return -EDEADLK).
 */
struct umbel_options {
	size_t size; /* sizeof(struct umbel_options), set by macro and init */

	/* the name of this client in the broker's logs, at most 64 bytes;
	   default: the name of the program */
	const char *name;

	/* path of the broker's socket. Default: $UMBEL_SOCKET (ignored in
	   set-uid programs), else $XDG_RUNTIME_DIR/umbel/umbel.sock if a broker
	   answers there, else /run/umbel/umbel.sock. umbel_new() reads the
	   environment; each attempt chooses one of the last two until the
	   handle has been CONNECTED once */
	const char *address;

	/* the only uid that the broker may run as; uid 0 needs expect_uid_set.
	   Default (0 or -1 without expect_uid_set): root, the uid of this
	   process, or the owner of the socket's directory. In a rootless
	   container, where outside users have no uid of their own, the owner
	   counts only if nobody else may write to that directory */
	uint32_t expect_uid;
	bool expect_uid_set;

	/* maximum number of bytes that wait to be sent, default 1 MiB; beyond
	   it publish calls return -EAGAIN */
	size_t buffer;

	/* only one thread will ever use this handle: the first one that uses
	   it after umbel_new(). Publishing then takes no lock. A call from
	   another thread does nothing and returns -EPERM, except umbel_stop(),
	   umbel_wake() and, once nobody uses the handle, umbel_free() */
	bool single_thread;

	/* maximum number of callbacks in one umbel_dispatch(). Default 256,
	   and, when it need not wait, as many more as fit into 2 ms in all */
	unsigned dispatch_max;

	/* maximum number of bytes that wait for umbel_next(), default 1 MiB;
	   beyond it the socket is not read. A caller that waits for a reply or
	   a flush then also waits for umbel_next(), because its answer is
	   behind the unread messages */
	size_t next_buffer;

	/* time limit for connect and handshake, default 2000 ms */
	int handshake_ms;

	/* the policy to request; umbel_get_overflow() is the one granted */
	enum umbel_overflow overflow;

	/* the last will: a message that the broker publishes on behalf of this
	   client when the client vanishes: it crashed, was killed, or hangs.
	   The will is not published after umbel_close(), which leaves cleanly,
	   unless the broker takes nothing from this client (on_hold) until the
	   timeout of umbel_close() is over. NULL: no will. will_options may be
	   NULL; they must not have a reply. Everything is copied. If the
	   encoded will is longer than 16 KiB, umbel_new() returns -EMSGSIZE */
	const char *will_topic;
	const void *will_data;
	size_t will_len;
	const struct umbel_pub_options *will_options;

	/* remember what this client published last on each topic with the
	   retain flag. Publish it again, before CONNECTED, to a broker that is
	   not the one it was given to, because brokers forget retained messages
	   when they exit. The frames and their index take at most
	   keep_retained_max bytes (default 1 MiB); a value that does not fit is
	   not published but refused with UMBEL_E_LIMIT */
	bool keep_retained;
	size_t keep_retained_max;

	/* pauses between attempts: first, doubling to last, +-25 %;
	   default 10 ms and 2000 ms */
	int retry_first_ms;
	int retry_last_ms;

	/* ask a silent broker for a sign of life after this time, and consider
	   the connection dead after twice this time; default 30000 ms, -1:
	   never. A broker that reported a hold by a subscriber is asked only
	   after three times this time, or after a minute if that is longer */
	int ping_ms;

	/*
	 * State changes. CONNECTED comes after all subscriptions have been
	 * restored and acknowledged. FAILED comes when trying again cannot
	 * help: no common version, or an option that the broker does not
	 * support. After a wrong uid at the other end the handle reports the
	 * error and tries again.
	 */
	void (*on_state)(struct umbel *c, enum umbel_state state,
	                 const struct umbel_state_info *info, void *user);

	/* there is room again after a publish said -EAGAIN */
	void (*on_writable)(struct umbel *c, void *user);

	/* a subscriber holds this publisher, or no longer does; a hold ends
	   without this callback when the connection breaks */
	void (*on_hold)(struct umbel *c, const struct umbel_hold_info *info,
	                void *user);

	/* a publish was refused, a subscription without on_end has ended
	   (`about` is its filter), or any other error without a callback of
	   its own */
	void (*on_error)(struct umbel *c, const struct umbel_error_info *info,
	                 void *user);

	/* the broker dropped messages for this handle; `info` says how many */
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
 * Make a handle. It does not connect yet; subscriptions and messages are
 * accepted and sent once it does. (Without an address, and without
 * UMBEL_SOCKET, it checks whether the user's own broker listens: it connects
 * and closes that connection at once.) `options` may be NULL.
 *
 * On success the caller owns *out: umbel_close() or umbel_free().
 * Returns 0, -ENOMEM, -EINVAL (an option is out of range), -ENAMETOOLONG (the
 * address does not fit a socket address), UMBEL_E_TOPIC (the topic of the
 * will), or another -errno. On failure *out is NULL, and umbel_last_error(NULL)
 * describes it.
 */
UMBEL_API int umbel_new(struct umbel **out,
                        const struct umbel_options *options);

/*
 * Connect, and stay connected from now on.
 *
 * timeout_ms 0: connect in the background, at the next dispatch or publish;
 * returns 0 at once. Otherwise dispatch until the handle is CONNECTED. On a
 * timeout returns the last failure, or -ETIMEDOUT when there was none; the
 * handle keeps trying whenever it is dispatched. FAILED ends the wait at once;
 * call this again to try again. Also returns -EDEADLK inside a callback,
 * -ECHILD, -EPERM (single_thread), UMBEL_E_FREED.
 */
UMBEL_API int umbel_connect(struct umbel *c, int timeout_ms);

/*
 * Send the messages that wait, wait until the broker has routed them, say
 * goodbye, and free the handle; NULL is allowed. After timeout_ms it gives up
 * and frees the handle anyway.
 *
 * Messages that arrive meanwhile are dropped; call umbel_drain_wait() first to
 * have them delivered. Connects if messages wait and umbel_connect() was never
 * called.
 *
 * Returns how many of all messages published here are not known to have been
 * routed (0: all were routed); messages that the broker refused count, too. Or
 * returns, with nothing freed, -EDEADLK inside a callback, -ECHILD in the child
 * of a fork (umbel_free() works there), -EPERM in another thread
 * (single_thread).
 */
UMBEL_API int64_t umbel_close(struct umbel *c, int timeout_ms);

/* Abandon the handle: close and free it at once; NULL is allowed. Inside a
   callback, the handle is freed when the callback returns, and no other
   callback is called. */
UMBEL_API void umbel_free(struct umbel *c);

UMBEL_API enum umbel_state umbel_get_state(struct umbel *c);

/* The path of the socket that is chosen at present; valid as long as c. With
   single_thread, NULL in any other thread. */
UMBEL_API const char *umbel_address(struct umbel *c);

/* Session and uid that the broker gave this connection; 0 without one. */
UMBEL_API uint32_t umbel_session(struct umbel *c);
UMBEL_API uint32_t umbel_uid(struct umbel *c);

/* The policy that the broker granted to this connection; without a connection,
   the requested one. A client that recently held publishers gets
   UMBEL_DROP_OLDEST. */
UMBEL_API enum umbel_overflow umbel_get_overflow(struct umbel *c);

/* The longest frame body that the broker takes; 4 MiB until it has told us. */
UMBEL_API size_t umbel_max_frame(struct umbel *c);

struct umbel_stats {
	uint64_t published;   /* messages taken by umbel_publish */
	uint64_t confirmed;   /* ... known to be routed */
	uint64_t unmatched;   /* ... of those, messages that reached nobody */
	uint64_t refused;     /* ... refused by the broker, or dropped unsent */
	uint64_t unconfirmed; /* ... sent, fate unknown (yet, or forever) */
	uint64_t received;    /* messages that arrived */
	uint64_t lost;        /* ... that the broker reported as dropped */
	uint64_t reconnects;
	size_t buffered; /* bytes that wait to be sent */
	/* the broker is shutting down: these bytes wait for the next one */
	bool leaving;
};
/* Counts since umbel_new(). The library asks the broker about sent messages up
   to ten times a second, whenever the handle is dispatched or publishes. Set
   stats_size to sizeof(*out). */
UMBEL_API void umbel_get_stats(struct umbel *c, struct umbel_stats *out,
                               size_t stats_size);

/* ---- loop ----------------------------------------------------------- */

/*
 * A descriptor that stays the same for the life of the handle, whatever happens
 * to the connection. Wait until it is readable (level-triggered: it stays
 * readable as long as there is anything to do, timers included), then call
 * umbel_dispatch(c, 0). It belongs to the library: do not read or close it.
 */
UMBEL_API int umbel_fd(struct umbel *c);

/*
 * Wait up to timeout_ms for work, then do it: connect, send, receive, call
 * callbacks.
 *
 * Returns the number of callbacks called (0: the time is over; a waiting call
 * of another thread may have called some). Room after a publish returned
 * -EAGAIN counts as one callback, even without on_writable. Returns -EBUSY when
 * another thread is in umbel_dispatch, umbel_run or umbel_next, -EDEADLK inside
 * a callback, UMBEL_E_FREED when a callback freed the handle.
 */
UMBEL_API int umbel_dispatch(struct umbel *c, int timeout_ms);

/* Dispatch until umbel_stop() or FAILED. Returns 0, or why it FAILED; -EBUSY,
   -EDEADLK, UMBEL_E_FREED as umbel_dispatch() does, -ECHILD, -EPERM. */
UMBEL_API int umbel_run(struct umbel *c);

/* Make umbel_run() return, now or the next time it is called. From any thread,
   callback or signal handler. */
UMBEL_API void umbel_stop(struct umbel *c);

/* Make an umbel_dispatch() that waits return early, now or the next time it is
   called. From any thread, callback or signal handler. */
UMBEL_API void umbel_wake(struct umbel *c);

/* ---- publish -------------------------------------------------------- */

/* The type of a header's value. `str` is text; `bin` is bytes with a length. */
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
	   MIME type. -EINVAL if `headers` has one, too; the same holds for
	   `more` */
	const char *content_type;
	/* the broker keeps the message as the last value of the topic, and
	   gives it to later subscribers that ask for last values; an empty
	   message clears it. Current subscribers get it like any other */
	bool retain;
	/* shorthand for a header `more` that is true. In a reply it says that
	   more replies to the same request follow */
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
 * Outside a callback, the message is written to the socket at once if there is
 * a connection and room, so that a program without a loop just works. Inside
 * callbacks, and between umbel_cork() and umbel_uncork(), messages are batched:
 * they are written when 256 KiB have accumulated, and at the end.
 *
 * While nobody dispatches, publishing also keeps the connection going: it
 * reconnects, and asks what was routed, but calls no callbacks. The next
 * dispatch reports the newest eight events for on_state, and the newest eight
 * for on_hold, on_error and on_loss together. Messages that nobody has
 * dispatched are dropped five seconds after the broker's end.
 *
 * Returns 0; -EAGAIN when more than umbel_options.buffer bytes wait
 * (on_writable reports when there is room); -EMSGSIZE when the frame is longer
 * than the broker takes; UMBEL_E_TOPIC; -EINVAL; -ENOMEM; -ECHILD; the error of
 * FAILED; with keep_retained UMBEL_E_LIMIT.
 */
UMBEL_API int umbel_publish(struct umbel *c, const char *topic,
                            const void *data, size_t len);

UMBEL_API int umbel_publish_opts(struct umbel *c, const char *topic,
                                 const void *data, size_t len,
                                 const struct umbel_pub_options *options);

/*
 * The same, but waits up to timeout_ms for room, dispatching meanwhile unless
 * another thread does. If there is room at once, it still calls the callbacks
 * that have been due for some milliseconds, so that a program that only
 * publishes learns that it is held or that the broker stops. -ETIMEDOUT when
 * there was no room; -EDEADLK inside a callback if it would have to wait.
 */
UMBEL_API int umbel_publish_wait(struct umbel *c, const char *topic,
                                 const void *data, size_t len,
                                 const struct umbel_pub_options *options,
                                 int timeout_ms);

/*
 * Hold messages back, so that many go out with one system call; calls nest. The
 * last umbel_uncork() sends them. They also go out before that when a batch is
 * full, whenever the handle is dispatched, and with a waiting call.
 * umbel_uncork() returns 0, -EINVAL when the handle is not corked, -ECHILD,
 * -EPERM.
 */
UMBEL_API void umbel_cork(struct umbel *c);
UMBEL_API int umbel_uncork(struct umbel *c);

/*
 * Build a topic from tokens, terminated by NULL: umbel_topic(buf, sizeof(buf),
 * "host", name, "load", NULL). Refuses tokens that would change the number of
 * tokens or that no topic may contain: use it whenever a token comes from
 * outside.
 *
 * Returns the length, UMBEL_E_TOPIC, or -ENAMETOOLONG (more than 255 bytes, or
 * `n` too small); on failure buf is "".
 */
UMBEL_API int umbel_topic(char *buf, size_t n, const char *token, ...)
#if defined(__GNUC__)
	__attribute__((sentinel))
#endif
	;

/* Is this a valid topic, a valid filter? Does the filter match the topic? */
UMBEL_API bool umbel_topic_is_valid(const char *topic);
UMBEL_API bool umbel_filter_is_valid(const char *filter);
UMBEL_API bool umbel_filter_matches(const char *filter, const char *topic);
/* Is this a valid name of a client, a valid key of a header? */
UMBEL_API bool umbel_name_is_valid(const char *name);
UMBEL_API bool umbel_header_key_is_valid(const char *key);

/* ---- subscribe ------------------------------------------------------ */

/* `m` is borrowed for the duration of the call; umbel_msg_ref() keeps it. */
typedef void umbel_msg_cb(struct umbel *c, const struct umbel_msg *m,
                          void *user);

struct umbel_sub_options {
	size_t size; /* sizeof(struct umbel_sub_options) */

	/* watch only: a request that nobody else listens to still ends at once
	   with "no responder". Not together with `group`, of which nobody else
	   gets what one member does */
	bool monitor;

	/* a queue group: of all subscriptions, in any client, to exactly this
	   filter and with the same group, one gets each message: the one with
	   the shortest queue, and none whose queue is full. 1 to 64 bytes.
	   Messages that were sent to a member and that it has not read when it
	   dies are lost: for jobs, use requests, and take the reply as the
	   acknowledgement */
	const char *group;

	/* deliver first the last values of all topics that match, in the order
	   of their topics (see umbel_pub_options.retain and
	   umbel_msg_retained()), then new messages. Repeated after each
	   reconnect. Not for a group */
	bool retained;

	/* the broker has confirmed the subscription: every message that it
	   takes from now on is delivered. With `retained`, all the last values
	   have already been delivered. Called again after each reconnect. */
	void (*on_active)(struct umbel *c, struct umbel_sub *s, void *user);

	/* the subscription has ended: error is 0 after umbel_unsubscribe(),
	   else the reason why the broker refused it (umbel_last_error() has
	   the broker's text). Called once, as the last callback; `s` is gone
	   when it returns. Not called by umbel_close() and umbel_free(). */
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
 * Subscribe to `filter`, for the life of the handle, across reconnects.
 *
 * `cb` is called once for each message that matches. If several subscriptions
 * match, each is called once; a subscription in a group is called for the
 * messages that its group was given here. With a NULL `cb`, messages are queued
 * for umbel_next(). `user` is passed to cb and to the callbacks in `options`.
 * `options` and `out` may be NULL.
 *
 * *out stays valid until on_end has returned; without on_end, until it is
 * passed to umbel_unsubscribe().
 * Returns 0, UMBEL_E_FILTER, -ENOMEM, -EINVAL, -ECHILD.
 */
UMBEL_API int umbel_subscribe(struct umbel *c, const char *filter,
                              umbel_msg_cb *cb, void *user,
                              const struct umbel_sub_options *options,
                              struct umbel_sub **out);

/*
 * End a subscription. If called in the dispatching thread, cb is not called
 * again. If called in another thread, cb may still be running; on_end marks the
 * end. Returns 0, also when the subscription has already ended (without on_end
 * this is the last time that `s` may be used), -EINVAL (not of this handle),
 * -ECHILD.
 */
UMBEL_API int umbel_unsubscribe(struct umbel *c, struct umbel_sub *s);

UMBEL_API const char *umbel_sub_filter(const struct umbel_sub *s);

/*
 * Get the next message of the subscriptions without a callback, dispatching up
 * to timeout_ms until there is one. A message that matches several of them
 * comes once. The caller owns *out and frees it with umbel_msg_unref().
 *
 * Returns 1; 0 on a timeout; -EBUSY, -EDEADLK, the error of FAILED;
 * UMBEL_E_FREED when a callback freed the handle.
 */
UMBEL_API int umbel_next(struct umbel *c, struct umbel_msg **out,
                         int timeout_ms);

/* ---- messages ------------------------------------------------------- */

struct umbel_sender {
	uint32_t session; /* 0: the broker itself */
	uint32_t uid;     /* user id, reported to the broker by the kernel */
};

UMBEL_API const char *umbel_msg_topic(const struct umbel_msg *m);
/* `len` may be NULL; the data is not NUL-terminated. Never returns NULL. */
UMBEL_API const void *umbel_msg_data(const struct umbel_msg *m, size_t *len);
/* Topic to answer to, or NULL. */
UMBEL_API const char *umbel_msg_reply(const struct umbel_msg *m);
/* The sender, as reported by the kernel, not by the sender itself. */
UMBEL_API struct umbel_sender umbel_msg_sender(const struct umbel_msg *m);
/* Was it published with the retain flag? */
UMBEL_API bool umbel_msg_retain_flag(const struct umbel_msg *m);
/* Is it a last value that the broker had kept, and not a new message? And how
   long the broker had kept it, in milliseconds; 0 for new messages. */
UMBEL_API bool umbel_msg_retained(const struct umbel_msg *m);
UMBEL_API uint64_t umbel_msg_age_ms(const struct umbel_msg *m);

/*
 * Look up a header by name. Fills *out, whose pointers live as long as the
 * message, and returns true; returns false when there is none. With type
 * UMBEL_STR, value.bin is filled as well: the same text (value.str is
 * value.bin.data) and its length.
 */
UMBEL_API bool umbel_msg_header(const struct umbel_msg *m, const char *key,
                                struct umbel_header *out);
/* A text header, or NULL when there is none or it is not text. */
UMBEL_API const char *umbel_msg_header_str(const struct umbel_msg *m,
                                           const char *key);
UMBEL_API size_t umbel_msg_n_headers(const struct umbel_msg *m);
/* The i-th header in the order of the wire; false beyond the last. */
UMBEL_API bool umbel_msg_header_at(const struct umbel_msg *m, size_t i,
                                   struct umbel_header *out);

/*
 * Keep a message beyond its callback. The result has the same content and is
 * released with umbel_msg_unref(), from any thread. NULL when out of memory.
 * Small messages are copied, so that 20 bytes do not pin a receive buffer.
 */
UMBEL_API struct umbel_msg *umbel_msg_ref(const struct umbel_msg *m);
UMBEL_API void umbel_msg_unref(struct umbel_msg *m);

/* ---- request and reply ---------------------------------------------- */

/* The outcome of a request. */
struct umbel_reply_info {
	/*
	 * 0: `msg` is a reply. UMBEL_E_REPLY: `msg` is a reply that reports a
	 * failure of the responder. Otherwise there is no reply:
	 *
	 *   -ETIMEDOUT            no reply in time
	 *   UMBEL_E_NO_RESPONDER  nobody listens on the topic; reported at once
	 *   -ECONNRESET           the connection broke: whether anybody got
	 *                         the request is not known
	 *   -ECANCELED            umbel_cancel() was called
	 *   UMBEL_E_LOST          the broker dropped messages for this handle
	 *                         (on_loss): some of several replies may be
	 *                         missing. Reported at once; with gather the
	 *                         request continues, and this replaces
	 *                         -ETIMEDOUT
	 *   UMBEL_E_DENIED, ...   the broker refused it
	 */
	int error;
	/* more calls follow for this request; false: this is the last */
	bool more;
	/* a reply, borrowed for the duration of the call; NULL: none */
	const struct umbel_msg *msg;
	/* UMBEL_E_REPLY: the application's own code, see umbel_reply_error() */
	int64_t code;
	/* error is not 0: a description, the responder's or the broker's own if
	   they gave one; "" on success */
	const char *text;
};

typedef void umbel_reply_cb(struct umbel *c,
                            const struct umbel_reply_info *info, void *user);

struct umbel_request_options {
	size_t size; /* sizeof(struct umbel_request_options) */
	const struct umbel_header *headers;
	size_t n_headers;
	const char *content_type; /* as in umbel_pub_options */
	/* default 5000 ms, -1: forever; umbel_request_wait() has its own */
	int timeout_ms;
	/* replies to wait for, default 1. With more than 1, a reply that says
	   that others follow (umbel_pub_options.more) does not end the request,
	   and the timeout starts again; UINT_MAX: any number */
	unsigned max_replies;
	/* every responder answers independently: only max_replies and the
	   timeout, which applies to the request as a whole, end the request */
	bool gather;
	/* set to the request's number, for umbel_cancel(), before any callback
	   for the request */
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
 * reply, or with the reason why there is none (struct umbel_reply_info).
 * timeout_ms must not be 0; -1 waits forever.
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
 * A request is sent once: if the kernel has taken all of it and the connection
 * breaks, it ends with -ECONNRESET. A request made while there is no connection
 * waits for one, as long as its timeout allows. Any number of requests may be
 * in progress. Replies that come after the end of their request are dropped;
 * replies to requests that an earlier instance of the broker routed reach
 * nobody.
 *
 * When umbel_close() or umbel_free() ends a handle, `cb` is not called for its
 * requests.
 *
 * Returns what umbel_publish() returns; `cb` is called only if that is 0.
 * -EINVAL without `cb`; the error of FAILED.
 */
UMBEL_API int umbel_request(struct umbel *c, const char *topic,
                            const void *data, size_t len, int timeout_ms,
                            umbel_reply_cb *cb, void *user);

/* The same with options, which may be NULL. With max_replies, `cb` is called
   for each reply; in the last call `more` is false. */
UMBEL_API int umbel_request_opts(struct umbel *c, const char *topic,
                                 const void *data, size_t len,
                                 umbel_reply_cb *cb, void *user,
                                 const struct umbel_request_options *options);

/*
 * Publish a request and wait for its only reply, dispatching meanwhile unless
 * another thread does. Waits for room as umbel_publish_wait() does. `options`
 * may be NULL; their timeout_ms is ignored, and more than one reply is -EINVAL.
 *
 * On 0 and on UMBEL_E_REPLY the caller owns *reply and frees it with
 * umbel_msg_unref(); otherwise *reply is NULL. The error is that of
 * umbel_reply_info, described by umbel_last_error(); -EDEADLK inside a
 * callback.
 */
UMBEL_API int umbel_request_wait(struct umbel *c, const char *topic,
                                 const void *data, size_t len,
                                 const struct umbel_request_options *options,
                                 int timeout_ms, struct umbel_msg **reply);

/* Stop waiting: `cb` is called for the last time, with -ECANCELED. Returns 0,
   or -ENOENT when the last call has been made or is about to be. */
UMBEL_API int umbel_cancel(struct umbel *c, uint64_t id);

/*
 * Answer the request `m`, in its callback or later, if kept by umbel_msg_ref().
 * A reply to a requester that is gone reaches nobody. Both return what
 * umbel_publish() returns, or -EINVAL when `m` asks for no reply. On -EAGAIN,
 * keep `m` and try again.
 *
 * There may be several replies: send all but the last with
 * UMBEL_PUB_OPTIONS(.more = true). A requester that does not read holds nobody
 * up: once some megabytes of replies wait for it, further ones are lost, its
 * on_loss reports it, and the request ends with UMBEL_E_LOST. So do not send
 * without a bound, or let the requester ask for the next part.
 */
UMBEL_API int umbel_reply(struct umbel *c, const struct umbel_msg *m,
                          const void *data, size_t len);
UMBEL_API int umbel_reply_opts(struct umbel *c, const struct umbel_msg *m,
                               const void *data, size_t len,
                               const struct umbel_pub_options *options);
/* Reply that the request failed. `code` is the application's own, not 0; `text`
   is for people and may be NULL. */
UMBEL_API int umbel_reply_error(struct umbel *c, const struct umbel_msg *m,
                                int64_t code, const char *text);

/* The code of a reply that reports a failure, else 0. */
UMBEL_API int64_t umbel_msg_error(const struct umbel_msg *m);
/* Does it say that more replies to the same request follow? */
UMBEL_API bool umbel_msg_more(const struct umbel_msg *m);

/* ---- barriers ------------------------------------------------------- */

/*
 * Call `cb` with 0 once the broker has routed everything published before this
 * call, or with -ECONNRESET if the connection breaks first. A success is never
 * false: if messages whose fate is unknown were lost with an earlier
 * connection, the next flush reports that, too, once. Across a planned restart
 * that lost nothing the flush continues. When `cb` is called, `unmatched` in
 * umbel_get_stats() is up to date.
 *
 * When the handle FAILED, `cb` gets its error. Returns 0, -EINVAL (no cb),
 * -ENOMEM, -ECHILD, the error of FAILED.
 */
typedef void umbel_done_cb(struct umbel *c, int error, void *user);
UMBEL_API int umbel_flush(struct umbel *c, umbel_done_cb *cb, void *user);

/* End all subscriptions, deliver the messages still on their way, then
   flush. */
UMBEL_API int umbel_drain(struct umbel *c, umbel_done_cb *cb, void *user);

/*
 * The same, but wait for it, dispatching meanwhile unless another thread does.
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
