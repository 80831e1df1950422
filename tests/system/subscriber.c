/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * subscriber - checks numbered messages, each topic for itself, until SIGTERM.
 *
 *	subscriber [-n NAME] [-g GROUP] [-l LOG] [-p PAUSE_MS] [-t TAKE]
 *	           [-o | -d] FILTER...
 *
 * -o asks for drop-oldest, -d to be disconnected when it does not keep up; what
 * is granted it says when it is connected. With a pause it is slow but steady:
 * it takes at most TAKE messages, rests, and so on. As a member of a GROUP it
 * gets only some of the numbers. To LOG goes each number, at once, for those
 * who want to know what it had seen when it was killed. It writes a line when
 * it is connected (all its subscriptions
 * stand then), when the connection breaks, when the broker announces a loss,
 * and for each message on mark.all and mark.NAME; at the end a line of JSON: per topic the
 * first number, the one expected next, how many were skipped, and how many came
 * again or too late.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <umbel.h>

#include "numbered.h"

#define TOPICS_MAX 256u
#define CLOSE_MS   5000

struct topic {
	char *name;
	uint64_t first;
	uint64_t next;
	uint64_t missing;
	uint64_t again;
};

struct subscriber {
	struct topic topics[TOPICS_MAX];
	size_t n_topics;
	uint64_t received;
	uint64_t damaged;
	uint64_t lost; /* as the broker announced */
	int pause_ms;
	int log; /* -1: none */
	const char *group;
};

static volatile sig_atomic_t stopping;
static struct umbel *client;

static void
on_signal(int signal)
{
	(void)signal;
	stopping = 1;
	umbel_stop(client);
}

static void
on_state(struct umbel *c, enum umbel_state state,
         const struct umbel_state_info *info, void *user)
{
	(void)user;
	if (state == UMBEL_CONNECTED)
		printf("connected again=%u session=%" PRIu32 "\npolicy %d\n",
		       info->reconnects, umbel_session(c),
		       (int)umbel_get_overflow(c));
	else if (state == UMBEL_DISCONNECTED && info->text[0])
		printf("disconnected: %s\n", info->text);
}

static void
on_loss(struct umbel *c, const struct umbel_loss_info *info, void *user)
{
	struct subscriber *s = user;

	(void)c;
	s->lost += info->messages;
	printf("lost frames=%" PRIu64 " bytes=%" PRIu64 ": %s\n",
	       info->messages, info->bytes, info->reason);
}

/* NULL: too many of them. */
static struct topic *
topic_of(struct subscriber *s, const char *name, uint64_t number)
{
	struct topic *t;

	for (size_t i = 0; i < s->n_topics; i++) {
		if (strcmp(s->topics[i].name, name) == 0)
			return &s->topics[i];
	}
	if (s->n_topics == TOPICS_MAX)
		return NULL;
	t = &s->topics[s->n_topics++];
	t->name = strdup(name);
	t->first = t->next = number;
	return t;
}

static void
on_numbered(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct subscriber *s = user;
	struct topic *t;
	uint64_t number;
	size_t len;
	const void *data = umbel_msg_data(m, &len);

	(void)c;
	s->received++;
	if (s->log >= 0 && write(s->log, data, NUMBERED_MIN) < 0)
		s->damaged++;
	if (!numbered_read(data, len, &number) ||
	    !(t = topic_of(s, umbel_msg_topic(m), number))) {
		s->damaged++;
		return;
	}
	if (number < t->next) {
		t->again++;
		return;
	}
	t->missing += number - t->next;
	t->next = number + 1;
}

static void
on_mark(struct umbel *c, const struct umbel_msg *m, void *user)
{
	size_t len;
	const char *text = umbel_msg_data(m, &len);

	(void)c;
	(void)user;
	printf("mark %.*s\n", (int)len, text);
}

static int
run_slowly(int pause_ms)
{
	struct timespec pause = { .tv_sec = pause_ms / 1000,
		                  .tv_nsec = pause_ms % 1000 * 1000000L };
	int r = 0;

	while (r >= 0 && !stopping) {
		r = umbel_dispatch(client, pause_ms);
		nanosleep(&pause, NULL); /* stimulus: a slow reader */
	}
	return r;
}

static void
report(const struct subscriber *s)
{
	struct umbel_stats stats;

	umbel_get_stats(client, &stats, sizeof(stats));
	printf("{\"received\": %" PRIu64 ", \"damaged\": %" PRIu64
	       ", \"lost\": %" PRIu64 ", \"reconnects\": %" PRIu64
	       ", \"topics\": {",
	       s->received, s->damaged, s->lost, stats.reconnects);
	for (size_t i = 0; i < s->n_topics; i++) {
		const struct topic *t = &s->topics[i];

		printf("%s\"%s\": [%" PRIu64 ", %" PRIu64 ", %" PRIu64
		       ", %" PRIu64 "]",
		       i ? ", " : "", t->name, t->first, t->next, t->missing,
		       t->again);
	}
	puts("}}");
}

static int
subscribe_all(struct subscriber *s, const char *name, char **filters)
{
	char marks[256];
	int r = 0;

	for (; r == 0 && *filters; filters++)
		r = umbel_subscribe(client, *filters, on_numbered, s,
		                    UMBEL_SUB_OPTIONS(.group = s->group), NULL);
	snprintf(marks, sizeof(marks), "mark.%s", name);
	if (r == 0)
		r = umbel_subscribe(client, marks, on_mark, s, NULL, NULL);
	if (r == 0)
		r = umbel_subscribe(client, "mark.all", on_mark, s, NULL, NULL);
	return r;
}

int
main(int argc, char **argv)
{
	static struct subscriber s = { .log = -1 };
	struct umbel_options options = { .size = sizeof(options),
		                         .name = "subscriber",
		                         .on_state = on_state,
		                         .on_loss = on_loss,
		                         .user = &s };
	struct sigaction stop = { .sa_handler = on_signal };
	int option, r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt(argc, argv, "n:g:l:p:t:od")) != -1) {
		switch (option) {
		case 'n':
			options.name = optarg;
			break;
		case 'g':
			s.group = optarg;
			break;
		case 'l':
			s.log = open(optarg, O_WRONLY | O_CREAT | O_APPEND,
			             0600);
			break;
		case 'p':
			s.pause_ms = atoi(optarg);
			break;
		case 't':
			options.dispatch_max = (unsigned)atoi(optarg);
			break;
		case 'o':
			options.overflow = UMBEL_DROP_OLDEST;
			break;
		case 'd':
			options.overflow = UMBEL_DISCONNECT;
			break;
		default:
			fputs("usage: subscriber [-n NAME] [-g GROUP] "
			      "[-l LOG] [-p PAUSE_MS] [-t TAKE] [-o | -d] "
			      "FILTER...\n",
			      stderr);
			return 2;
		}
	}
	r = umbel_new(&client, &options);
	if (r == 0) {
		sigaction(SIGTERM, &stop, NULL);
		r = subscribe_all(&s, options.name, argv + optind);
	}
	if (r == 0)
		r = umbel_connect(client, 0);
	if (r == 0)
		r = s.pause_ms > 0 ? run_slowly(s.pause_ms) : umbel_run(client);
	if (r < 0) {
		fprintf(stderr, "subscriber: %s: %s\n", umbel_strerror(r),
		        client ? umbel_last_error(client) : "");
		return 1;
	}
	report(&s);
	umbel_close(client, CLOSE_MS);
	for (size_t i = 0; i < s.n_topics; i++)
		free(s.topics[i].name);
	return 0;
}
