/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "server.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alarm.h"
#include "clock.h"
#include "machine.h"
#include "publish.h"
#include "reload.h"
#include "rules.h"
#include "spare.h"
#include "supervisor.h"

/* The number of batches of datagrams that are still taken when stopping. */
#define LAST_BATCHES 64u
/* The number of unfinished sessions that are logged. */
#define NAMED_MAX    5u

/* ---- datagrams ------------------------------------------------------------ */

static void
on_datagrams(evutil_socket_t fd, short what, void *user)
{
	struct server *srv = user;

	(void)fd;
	(void)what;
	datagrams_take(&srv->datagrams);
}

/* Datagrams wait while settling, so that no message is routed before the
   subscribers have returned. */
static void
watch_datagrams(struct server *srv)
{
	if (srv->datagrams_there && !srv->broker.settling &&
	    !event_pending(srv->datagrams_there, EV_READ, NULL))
		event_add(srv->datagrams_there, NULL);
}

/* Take the datagrams that were sent before now, within a bound. */
static void
stop_datagrams(struct server *srv)
{
	unsigned batches = 0;

	if (!srv->datagrams_there)
		return;
	while (datagrams_take(&srv->datagrams) && ++batches < LAST_BATCHES)
		continue;
	event_free(srv->datagrams_there);
	srv->datagrams_there = NULL;
	datagrams_fini(&srv->datagrams);
	listener_stop(&srv->datagram_listener);
}

static int
start_datagrams(struct server *srv)
{
	const struct config *c = srv->config;

	if (!c->datagram_path)
		return 0;
	if (listener_open_datagram(&srv->datagram_listener, c->datagram_path,
	                           c->datagram_mode) < 0)
		return SAID_WHY;
	datagrams_init(&srv->datagrams, &srv->broker,
	               srv->datagram_listener.fd);
	srv->datagrams_there =
		event_new(srv->base, srv->datagram_listener.fd,
	                  EV_READ | EV_PERSIST, on_datagrams, srv);
	return srv->datagrams_there ? 0 : -ENOMEM;
}

/* ---- HTTP ----------------------------------------------------------------- */

static int
start_gateway(struct server *srv)
{
	const struct config *c = srv->config;

	if (!c->http_path)
		return 0;
	srv->http_socket = (struct config_socket){
		.path = c->http_path,
		.mode = c->http_mode,
		.owner = (uid_t)-1,
		.group = (gid_t)-1,
		.role = c->http_role,
	};
	return doors_open(&srv->http_doors, srv->base, "--http",
	                  &srv->http_socket, 1);
}

/* ---- stopping ------------------------------------------------------------- */

/* Are there publishers or datagrams that wait for subscribers to return? */
static bool
anybody_waits(const struct server *srv)
{
	struct pollfd datagram = { .fd = srv->datagram_listener.fd,
		                   .events = POLLIN };

	return !waiters_are_empty(&srv->broker.settlers) ||
	       (srv->datagrams_there && poll(&datagram, 1, 0) > 0);
}

static void
on_cut(struct deadline *d, void *user)
{
	struct server *srv = user;

	(void)d;
	broker_settle(&srv->broker);
}

/*
 * A signal has come. While settling, publishers wait for subscribers that have
 * not returned, and neither may be sent away yet: settling may go on for half
 * of the time that there is for stopping.
 */
static void
hurry(struct server *srv)
{
	deadline_set(&srv->drains, &srv->drain);
	if (srv->broker.settling)
		deadline_set(&srv->cuts, &srv->cut);
}

static void
begin_stop(struct server *srv)
{
	doors_stop(&srv->doors);
	doors_stop(&srv->http_doors);
	stop_datagrams(srv);
	/* wills must be routed before GOAWAY is sent, or they never are */
	publish_posted(&srv->broker);
	broker_drain(&srv->broker);
}

static void
on_signal(evutil_socket_t signal, short what, void *user)
{
	struct server *srv = user;

	(void)what;
	if (srv->stopping) { /* a second signal stops at once */
		srv->done = true;
		return;
	}
	srv->stopping = true;
	supervisor_tell("STOPPING=1");
	log_event(&srv->broker.log, LOG_INFO, LOG_LIFE,
	          "stopping signal=%s sessions=%zu", strsignal((int)signal),
	          srv->broker.n_sessions);
	hurry(srv);
}

static void
on_hangup(evutil_socket_t signal, short what, void *user)
{
	struct server *srv = user;

	(void)signal;
	(void)what;
	supervisor_tell_reloading();
	if (srv->config->file)
		reload(&srv->broker, srv->config, srv->argc, srv->argv);
	else
		log_event(&srv->broker.log, LOG_WARN, LOG_LIFE,
		          "SIGHUP: there is no --config to read again");
	supervisor_tell("READY=1");
}

/* Log some of the sessions that have not answered GOAWAY. */
static void
name_undrained(struct broker *b)
{
	unsigned left = NAMED_MAX;
	const struct session *s;
	char words[SESSION_WORDS_MAX];

	TAILQ_FOREACH (s, &b->sessions, link) {
		if (s->owes && left-- > 0)
			log_event(&b->log, LOG_WARN, LOG_LIFE,
			          "not finished: %s", session_words(s, words));
		if (left == 0)
			break;
	}
}

static void
on_drain_late(struct deadline *d, void *user)
{
	struct server *srv = user;

	(void)d;
	log_event(
		&srv->broker.log, LOG_WARN, LOG_LIFE,
		"not all clients have finished undrained=%zu limit_ms=%" PRIu32,
		srv->broker.n_undrained, srv->config->drain_ms);
	name_undrained(&srv->broker);
	srv->done = true;
}

/* ---- the supervisor ------------------------------------------------------- */

/* Sent by the loop itself, so that a loop that hangs is noticed. */
static void
on_watchdog(struct deadline *d, void *user)
{
	struct server *srv = user;

	supervisor_tell("WATCHDOG=1");
	deadline_set(&srv->watchdogs, d);
}

/* A client that connects to a socket that nobody serves waits forever. */
static void
check_sockets(struct server *srv)
{
	size_t served = srv->doors.n_adopted + srv->http_doors.n_adopted;
	unsigned n = supervisor_sockets();

	if (n > served)
		log_event(&srv->broker.log, LOG_WARN, LOG_LIFE,
		          "sockets=%u were handed over, served=%zu: the others "
		          "have a path that is neither --socket nor --http "
		          "nor among the sockets of --config",
		          n, served);
}

static void
say_ready(struct server *srv)
{
	if (supervisor_is_missed())
		log_event(&srv->broker.log, LOG_WARN, LOG_LIFE,
		          "built without libsystemd: sockets are not taken "
		          "from LISTEN_FDS, and NOTIFY_SOCKET is told nothing");
	check_sockets(srv);
	supervisor_tell("READY=1");
	if (supervisor_watchdog_ms() > 0)
		deadline_set(&srv->watchdogs, &srv->watchdog);
}

/* ---- the loop ------------------------------------------------------------- */

static void
on_alarm(evutil_socket_t alarm, short what, void *user)
{
	struct server *srv = user;

	(void)what;
	alarm_silence((int)alarm);
	srv->alarm_at_ms = UINT64_MAX;
	deadlines_run(&srv->broker.deadlines, clock_now_ms());
}

/* Wake up for the next deadline, and for nothing else. */
static void
set_alarm(struct server *srv)
{
	uint64_t at = deadlines_next(&srv->broker.deadlines), now;

	/* an alarm that is set too early costs one extra turn, and is set again
	   then */
	if (at >= srv->alarm_at_ms)
		return;
	now = clock_now_ms();
	/* if that fails, the next turn tries again */
	if (alarm_set(srv->alarm, at > now ? at - now : 0) == 0)
		srv->alarm_at_ms = at;
}

/* The real mode of the socket, whoever created it. */
static unsigned
mode_of(const struct config_socket *s)
{
	struct stat st;

	return lstat(s->path, &st) < 0 ? s->mode : st.st_mode & 0777;
}

static void
say_limits(struct server *srv)
{
	const struct config *c = srv->config;
	struct rlimit files = { 0 };

	getrlimit(RLIMIT_NOFILE, &files);
	log_event(&srv->broker.log, LOG_INFO, LOG_LIFE,
	          "limits descriptors=%llu max_connections=%" PRIu32
	          " max_user_connections=%" PRIu32 " max_handshakes=%" PRIu32
	          " max_subscriptions=%" PRIu32
	          " max_user_subscriptions=%" PRIu32
	          " memory_max=%zu max_frame=%" PRIu32
	          " outbox_high=%zu stall_ms=%" PRIu32,
	          (unsigned long long)files.rlim_cur, c->max_connections,
	          c->max_user_connections, c->max_handshakes,
	          c->max_subscriptions, c->max_user_subscriptions,
	          c->memory_max, c->max_frame, c->outbox_high, c->stall_ms);
	if (c->max_connections < CONFIG_FEW_CONNECTIONS)
		log_event(&srv->broker.log, LOG_WARN, LOG_LIFE,
		          CONFIG_FEW_WORDS, machine_descriptors(),
		          c->max_connections);
}

static void
say_where_and_how(struct server *srv)
{
	const struct config *c = srv->config;
	char rules[RULES_WORDS_MAX];

	for (size_t i = 0; i < c->n_sockets; i++)
		log_event(&srv->broker.log, LOG_INFO, LOG_LIFE,
		          "listening socket=%s mode=%04o role=%s %s pid=%ld "
		          "version=" UMBEL_VERSION,
		          c->sockets[i].path, mode_of(&c->sockets[i]),
		          c->sockets[i].role ? c->sockets[i].role : "none",
		          rules_in_words(c->acl, rules), (long)getpid());
	if (c->datagram_path)
		log_event(&srv->broker.log, LOG_INFO, LOG_LIFE,
		          "taking datagrams socket=%s mode=%04o "
		          "rate=%" PRIu32,
		          c->datagram_path, (unsigned)c->datagram_mode,
		          c->datagram_rate);
	if (c->http_path)
		log_event(&srv->broker.log, LOG_INFO, LOG_LIFE,
		          "speaking http socket=%s mode=%04o role=%s",
		          c->http_path, (unsigned)c->http_mode,
		          c->http_role ? c->http_role : "none");
	say_limits(srv);
	if (c->ready_fd >= 0) {
		if (write(c->ready_fd, "\n", 1) < 0)
			log_event(&srv->broker.log, LOG_WARN, LOG_LIFE,
			          "cannot write to --ready-fd %d: %s",
			          c->ready_fd, strerror(errno));
		close(c->ready_fd);
	}
}

/* Nor would it the next time, or any limit fire. */
static int
say_loop_failed(struct server *srv)
{
	log_event(&srv->broker.log, LOG_ERROR, LOG_LIFE,
	          "stopped: the event loop (%s) failed: %s",
	          event_base_get_method(srv->base), strerror(errno));
	return -1;
}

int
server_run(struct server *srv)
{
	bool idle = true;

	say_where_and_how(srv);
	say_ready(srv);
	while (!srv->done) {
		watch_datagrams(srv);
		set_alarm(srv);
		if (event_base_loop(srv->base,
		                    idle ? EVLOOP_ONCE
		                         : EVLOOP_ONCE | EVLOOP_NONBLOCK) < 0)
			return say_loop_failed(srv);
		if (srv->stopping && srv->broker.settling &&
		    !anybody_waits(srv))
			broker_settle(&srv->broker);
		if (srv->stopping && !srv->broker.settling &&
		    !srv->broker.draining)
			begin_stop(srv);
		gateway_end_turn(&srv->gateway);
		idle = conns_end_turn(&srv->conns) &&
		       gateway_is_idle(&srv->gateway);
		doors_end_turn(&srv->doors);
		doors_end_turn(&srv->http_doors);
		spare_look(&srv->broker);
		if (srv->broker.draining && srv->broker.n_undrained == 0 &&
		    conns_are_flushed(&srv->conns) &&
		    gateway_is_flushed(&srv->gateway))
			srv->done = true;
	}
	log_event(&srv->broker.log, LOG_INFO, LOG_LIFE,
	          "stopped memory_peak=%zu limit=%zu", srv->broker.pool.peak,
	          srv->broker.pool.max);
	return 0;
}

/* ---- setup ---------------------------------------------------------------- */

/* Raise the limit to its maximum, because each client needs a descriptor. */
static void
raise_descriptor_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

static struct event_base *
new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config &&
	    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
		base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	return base;
}

static int
watch_signals(struct server *srv)
{
	signal(SIGPIPE, SIG_IGN);
	srv->sigterm = evsignal_new(srv->base, SIGTERM, on_signal, srv);
	srv->sigint = evsignal_new(srv->base, SIGINT, on_signal, srv);
	srv->sighup = evsignal_new(srv->base, SIGHUP, on_hangup, srv);
	if (!srv->sigterm || !srv->sigint || !srv->sighup ||
	    event_add(srv->sigterm, NULL) < 0 ||
	    event_add(srv->sigint, NULL) < 0 ||
	    event_add(srv->sighup, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static int
watch_alarm(struct server *srv)
{
	srv->alarm = alarm_open();
	if (srv->alarm < 0)
		return srv->alarm;
	srv->alarm_rings = event_new(srv->base, srv->alarm,
	                             EV_READ | EV_PERSIST, on_alarm, srv);
	if (!srv->alarm_rings || event_add(srv->alarm_rings, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static void
init_deadlines(struct server *srv)
{
	struct deadlines *all = &srv->broker.deadlines;
	uint32_t drain_ms = srv->config->drain_ms;

	deadline_queue_init(&srv->drains, all, drain_ms, on_drain_late, srv);
	deadline_queue_init(&srv->cuts, all, drain_ms / 2, on_cut, srv);
	deadline_queue_init(&srv->watchdogs, all, supervisor_watchdog_ms(),
	                    on_watchdog, srv);
}

static int
start(struct server *srv)
{
	int r;

	init_deadlines(srv);
	doors_init(&srv->doors, &srv->broker, conns_carrier(&srv->conns));
	doors_init(&srv->http_doors, &srv->broker,
	           gateway_carrier(&srv->gateway));
	conns_init(&srv->conns, srv->base, &srv->broker);
	gateway_init(&srv->gateway, srv->base, &srv->broker);
	r = watch_signals(srv);
	if (r == 0)
		r = watch_alarm(srv);
	if (r == 0)
		r = doors_open(&srv->doors, srv->base, "--socket",
		               srv->config->sockets, srv->config->n_sockets);
	if (r == 0)
		r = start_datagrams(srv);
	if (r == 0)
		r = start_gateway(srv);
	if (r == 0)
		broker_start_settling(&srv->broker);
	return r;
}

int
server_init(struct server *srv, struct config *config, int argc, char **argv)
{
	int r;

	*srv = (struct server){
		.config = config,
		.argc = argc,
		.argv = argv,
		.datagram_listener = { .fd = -1, .lock_fd = -1 },
		.alarm = -1,
		.alarm_at_ms = UINT64_MAX,
	};
	raise_descriptor_limit();
	srv->base = new_base();
	r = srv->base ? broker_init(&srv->broker, config) : -ENOMEM;
	if (r == 0)
		r = start(srv);
	/* listeners have printed the reason themselves */
	if (r < 0 && r != SAID_WHY)
		fprintf(stderr, "umbeld: cannot start: %s\n", strerror(-r));
	return r;
}

void
server_fini(struct server *srv)
{
	doors_stop(&srv->doors);
	stop_datagrams(srv);
	doors_stop(&srv->http_doors);
	if (srv->gateway.base)
		gateway_fini(&srv->gateway);
	if (srv->conns.base)
		conns_fini(&srv->conns);
	doors_close(&srv->doors);
	doors_close(&srv->http_doors);
	if (srv->datagram_listener.path)
		listener_close(&srv->datagram_listener);
	if (srv->broker.config)
		broker_fini(&srv->broker);
	if (srv->alarm_rings)
		event_free(srv->alarm_rings);
	if (srv->alarm >= 0)
		close(srv->alarm);
	if (srv->sigterm)
		event_free(srv->sigterm);
	if (srv->sigint)
		event_free(srv->sigint);
	if (srv->sighup)
		event_free(srv->sighup);
	if (srv->base)
		event_base_free(srv->base);
}
