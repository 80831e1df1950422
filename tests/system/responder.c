/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * responder - answers requests with their own payload, until SIGTERM.
 *
 *	responder [-n NAME] [-g GROUP] [-k KEEP] [-m MORE] [-e CODE] TOPIC
 *
 * With -k it keeps requests, and answers none before a message on go.NAME; it
 * writes a line when so many have come, and when all of them are answered. -m:
 * so many replies come before the last; -e: the last is an error. It writes a
 * line when it is connected, when the connection breaks, and for the first
 * refusal; at the end a line of JSON: requests and refusals.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <umbel.h>

#define CLOSE_MS 5000

static volatile sig_atomic_t stopping;
static struct umbel *client;

static struct {
	struct umbel_msg **requests; /* those from `first` on are unanswered */
	size_t n;
	size_t first;
	size_t max;
	unsigned keep;
	unsigned more;
	int code;
	bool waits;
	unsigned n_refused;
} all;

static void
on_signal(int signal)
{
	(void)signal;
	stopping = 1;
	umbel_wake(client);
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
		printf("disconnected: %s\n", info->text);
}

static void
on_error(struct umbel *c, const struct umbel_error_info *info, void *user)
{
	(void)c;
	(void)user;
	if (all.n_refused++ == 0)
		printf("refused %d: %s\n", info->error, info->text);
}

static void
on_request(struct umbel *c, const struct umbel_msg *m, void *user)
{
	(void)c;
	(void)user;
	if (all.n == all.max) {
		all.max = all.max ? 2 * all.max : 64;
		all.requests =
			realloc(all.requests, all.max * sizeof(*all.requests));
	}
	if (!all.requests || !(all.requests[all.n++] = umbel_msg_ref(m)))
		abort();
	if (all.n == all.keep)
		printf("keeps %u\n", all.keep);
}

static void
on_go(struct umbel *c, const struct umbel_msg *m, void *user)
{
	(void)c;
	(void)m;
	(void)user;
	all.waits = false;
}

static int
answer(const struct umbel_msg *m)
{
	size_t len;
	const void *data = umbel_msg_data(m, &len);

	for (unsigned i = 0; i < all.more; i++) {
		int r = umbel_reply_opts(client, m, data, len,
		                         UMBEL_PUB_OPTIONS(.more = true));

		if (r < 0)
			return r;
	}
	if (all.code)
		return umbel_reply_error(client, m, all.code, "sorry");
	return umbel_reply(client, m, data, len);
}

/* As many as there is room for. */
static int
answer_all(void)
{
	while (!all.waits && all.first < all.n) {
		int r = answer(all.requests[all.first]);

		if (r < 0)
			return r == -EAGAIN ? 0 : r;
		umbel_msg_unref(all.requests[all.first++]);
		if (all.first == all.keep)
			printf("answered %u\n", all.keep);
	}
	return 0;
}

static int
run(void)
{
	int r = 0;

	while (r >= 0 && !stopping) {
		r = umbel_dispatch(client, -1);
		if (r >= 0)
			r = answer_all();
	}
	return r;
}

/* So that a dispatch ends when there is room. */
static void
on_writable(struct umbel *c, void *user)
{
	(void)c;
	(void)user;
}

int
main(int argc, char **argv)
{
	struct umbel_options options = { .size = sizeof(options),
		                         .name = "responder",
		                         .on_state = on_state,
		                         .on_writable = on_writable,
		                         .on_error = on_error };
	struct umbel_sub_options group = { .size = sizeof(group) };
	struct sigaction stop = { .sa_handler = on_signal };
	char go[80];
	int option, r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt(argc, argv, "n:g:k:m:e:")) != -1) {
		switch (option) {
		case 'n':
			options.name = optarg;
			break;
		case 'g':
			group.group = optarg;
			break;
		case 'k':
			all.keep = (unsigned)atoi(optarg);
			all.waits = true;
			break;
		case 'm':
			all.more = (unsigned)atoi(optarg);
			break;
		case 'e':
			all.code = atoi(optarg);
			break;
		default:
			return 2;
		}
	}
	if (!argv[optind])
		return 2;
	snprintf(go, sizeof(go), "go.%s", options.name);
	r = umbel_new(&client, &options);
	if (r == 0) {
		sigaction(SIGTERM, &stop, NULL);
		r = umbel_subscribe(client, argv[optind], on_request, NULL,
		                    &group, NULL);
	}
	if (r == 0)
		r = umbel_subscribe(client, go, on_go, NULL, NULL, NULL);
	if (r == 0)
		r = umbel_connect(client, 0);
	if (r == 0)
		r = run();
	if (r < 0) {
		fprintf(stderr, "responder: %s: %s\n", umbel_strerror(r),
		        client ? umbel_last_error(client) : "");
		return 1;
	}
	printf("{\"requests\": %zu, \"refused\": %u}\n", all.n, all.n_refused);
	while (all.first < all.n)
		umbel_msg_unref(all.requests[all.first++]);
	free(all.requests);
	umbel_close(client, CLOSE_MS);
	return 0;
}
