/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * publisher - numbered messages on one topic, until SIGTERM or the last one.
 *
 *	publisher [-n NAME] [-c COUNT] [-s SIZE] [-b BURST] [-p PAUSE_MS] TOPIC
 *
 * A message that does not find room is tried again until it does: this program
 * never skips a number. It writes a line when it is connected, when it is held
 * and released, and a line of JSON at the end.
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <umbel.h>

#include "numbered.h"

#define LOOK_MS  100   /* how often it looks whether it shall end */
#define CLOSE_MS 60000 /* for the last messages to be confirmed */

struct publisher {
	const char *topic;
	uint64_t count; /* 0: until SIGTERM */
	uint64_t burst; /* messages between pauses */
	int pause_ms;
	size_t size;
	uint8_t *payload;
	uint64_t next;
	unsigned n_holds;
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
	(void)c;
	(void)user;
	if (state == UMBEL_CONNECTED)
		printf("connected again=%u\n", info->reconnects);
	else if (state == UMBEL_DISCONNECTED && info->text[0])
		printf("disconnected unconfirmed=%" PRIu64 ": %s\n",
		       info->unconfirmed, info->text);
}

static void
on_hold(struct umbel *c, const struct umbel_hold_info *info, void *user)
{
	struct publisher *p = user;

	(void)c;
	p->n_holds += info->held;
	printf("%s session=%" PRIu32 " name=%s topic=%s\n",
	       info->held ? "held" : "released", info->session, info->name,
	       info->topic);
}

static void
on_error(struct umbel *c, const struct umbel_error_info *info, void *user)
{
	(void)c;
	(void)user;
	printf("error code=%u about=%s: %s\n", info->code, info->about,
	       info->text);
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The rhythm of a publisher that has its own work to do. */
static int
rest(int pause_ms)
{
	int64_t end = now_ms() + pause_ms, left;

	while (!stopping && (left = end - now_ms()) > 0) {
		int r = umbel_dispatch(client, (int)left);

		if (r < 0)
			return r;
	}
	return 0;
}

static int
publish_next(struct publisher *p)
{
	int r = -ETIMEDOUT;

	numbered_write(p->payload, p->size, p->next);
	while (r == -ETIMEDOUT && !stopping)
		r = umbel_publish_wait(client, p->topic, p->payload, p->size,
		                       NULL, LOOK_MS);
	if (r == 0)
		p->next++;
	return r == -ETIMEDOUT ? 0 : r;
}

static int
run(struct publisher *p)
{
	int r = 0;

	while (r == 0 && !stopping && (p->count == 0 || p->next < p->count)) {
		r = publish_next(p);
		if (r == 0 && p->pause_ms > 0 && p->next % p->burst == 0)
			r = rest(p->pause_ms);
	}
	return r;
}

static void
report(struct publisher *p, const struct umbel_stats *stats, int64_t left)
{
	printf("{\"topic\": \"%s\", \"published\": %" PRIu64
	       ", \"refused\": %" PRIu64 ", \"reconnects\": %" PRIu64
	       ", \"holds\": %u, \"unconfirmed_at_close\": %" PRId64 "}\n",
	       p->topic, p->next, stats->refused, stats->reconnects, p->n_holds,
	       left);
}

static int
usage(void)
{
	fputs("usage: publisher [-n NAME] [-c COUNT] [-s SIZE] [-b BURST] "
	      "[-p PAUSE_MS] TOPIC\n",
	      stderr);
	return 2;
}

int
main(int argc, char **argv)
{
	struct publisher p = { .burst = 1, .size = 64 };
	struct umbel_options options = { .size = sizeof(options),
		                         .name = "publisher",
		                         .on_state = on_state,
		                         .on_hold = on_hold,
		                         .on_error = on_error,
		                         .user = &p };
	struct sigaction stop = { .sa_handler = on_signal };
	struct umbel_stats stats;
	int option, r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt(argc, argv, "n:c:s:b:p:")) != -1) {
		switch (option) {
		case 'n':
			options.name = optarg;
			break;
		case 'c':
			p.count = strtoull(optarg, NULL, 10);
			break;
		case 's':
			p.size = strtoul(optarg, NULL, 10);
			break;
		case 'b':
			p.burst = strtoull(optarg, NULL, 10);
			break;
		case 'p':
			p.pause_ms = atoi(optarg);
			break;
		default:
			return usage();
		}
	}
	if (optind != argc - 1 || p.size < NUMBERED_MIN || p.burst == 0)
		return usage();
	p.topic = argv[optind];
	p.payload = malloc(p.size);
	r = p.payload ? umbel_new(&client, &options) : -ENOMEM;
	if (r == 0) {
		sigaction(SIGTERM, &stop, NULL);
		r = umbel_connect(client, 0);
	}
	if (r == 0)
		r = run(&p);
	if (r == 0)
		r = umbel_flush_wait(client, CLOSE_MS);
	if (r < 0 && r != -ECONNRESET) {
		fprintf(stderr, "publisher: %s: %s\n", umbel_strerror(r),
		        client ? umbel_last_error(client) : "");
		return 1;
	}
	umbel_get_stats(client, &stats, sizeof(stats));
	report(&p, &stats, umbel_close(client, CLOSE_MS));
	free(p.payload);
	return 0;
}
