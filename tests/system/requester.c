/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * requester - asks, and counts what comes of it.
 *
 *	requester [-n NAME] [-c COUNT] [-t TIMEOUT_MS] [-r MAX_REPLIES] TOPIC
 *
 * It writes a line when all are under way, and when the last has ended a line
 * of JSON: how many got their last reply, how many replies there were in all,
 * how many had the wrong content or came too often, the code and words of the
 * last error reply, and how many ended with which error.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <umbel.h>

#define ERRORS_MAX 16
#define CLOSE_MS   5000

struct question {
	unsigned number;
	bool over;
};

static struct {
	struct question *questions;
	unsigned n;
	unsigned n_over;
	unsigned n_ok;
	unsigned n_replies;
	unsigned n_wrong;
	struct {
		int error;
		unsigned n;
	} errors[ERRORS_MAX];
	int64_t code;
	char text[256];
} all;

static void
count_error(int error)
{
	int i = 0;

	while (i < ERRORS_MAX - 1 && all.errors[i].n > 0 &&
	       all.errors[i].error != error)
		i++;
	all.errors[i].error = error;
	all.errors[i].n++;
}

static void
check_reply(const struct question *q, const struct umbel_msg *m)
{
	char text[16] = "";
	size_t len;
	const char *data = umbel_msg_data(m, &len);

	snprintf(text, sizeof(text), "%.*s", (int)len, data);
	all.n_replies++;
	if ((unsigned)strtoul(text, NULL, 10) != q->number)
		all.n_wrong++;
}

static void
on_reply(struct umbel *c, const struct umbel_reply_info *info, void *user)
{
	struct question *q = user;

	(void)c;
	if (q->over)
		all.n_wrong++;
	if (info->msg && !info->error)
		check_reply(q, info->msg);
	if (info->code) {
		all.code = info->code;
		snprintf(all.text, sizeof(all.text), "%s", info->text);
	}
	if (info->more)
		return;
	q->over = true;
	all.n_over++;
	if (info->error)
		count_error(info->error);
	else
		all.n_ok++;
}

static int
ask_all(struct umbel *c, const char *topic,
        const struct umbel_request_options *options)
{
	char text[16];

	for (unsigned i = 0; i < all.n; i++) {
		int len = snprintf(text, sizeof(text), "%u", i);
		int r;

		all.questions[i].number = i;
		do {
			r = umbel_request_opts(c, topic, text, (size_t)len,
			                       on_reply, &all.questions[i],
			                       options);
			if (r == -EAGAIN)
				r = umbel_dispatch(c, 100) < 0 ? -EPIPE
				                               : -EAGAIN;
		} while (r == -EAGAIN);
		if (r < 0)
			return r;
	}
	printf("asked %u\n", all.n);
	return 0;
}

static void
report(void)
{
	printf("{\"ok\": %u, \"replies\": %u, \"wrong\": %u, \"code\": %lld, "
	       "\"text\": \"%s\", \"errors\": {",
	       all.n_ok, all.n_replies, all.n_wrong, (long long)all.code,
	       all.text);
	for (int i = 0; i < ERRORS_MAX && all.errors[i].n > 0; i++)
		printf("%s\"%d\": %u", i ? ", " : "", all.errors[i].error,
		       all.errors[i].n);
	puts("}}");
}

int
main(int argc, char **argv)
{
	struct umbel_request_options options = { .size = sizeof(options),
		                                 .timeout_ms = 60000 };
	const char *name = "requester";
	struct umbel *c = NULL;
	int option, r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	all.n = 1;
	while ((option = getopt(argc, argv, "n:c:t:r:")) != -1) {
		switch (option) {
		case 'n':
			name = optarg;
			break;
		case 'c':
			all.n = (unsigned)atoi(optarg);
			break;
		case 't':
			options.timeout_ms = atoi(optarg);
			break;
		case 'r':
			options.max_replies = (unsigned)atoi(optarg);
			break;
		default:
			return 2;
		}
	}
	all.questions = calloc(all.n, sizeof(*all.questions));
	if (!all.questions || !argv[optind])
		return 2;
	r = umbel_new(&c, UMBEL_OPTIONS(.name = name));
	if (r == 0)
		r = umbel_connect(c, 0);
	if (r == 0)
		r = ask_all(c, argv[optind], &options);
	while (r >= 0 && all.n_over < all.n)
		r = umbel_dispatch(c, -1);
	if (r < 0) {
		fprintf(stderr, "requester: %s: %s\n", umbel_strerror(r),
		        c ? umbel_last_error(c) : "");
		return 1;
	}
	report();
	umbel_close(c, CLOSE_MS);
	free(all.questions);
	return 0;
}
