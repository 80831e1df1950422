/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * requests - a service that adds numbers, and its clients.
 *
 * usage: requests serve | requests sum NUMBER... | requests count TO
 *
 *	$ requests serve &
 *	$ requests sum 1 2 3
 *	6
 *	$ requests count 3
 *	1
 *	2
 *	3
 *
 * You can start any number of services: they are a queue group, and each
 * request goes to one of them. Without any, a client gets an error at once.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umbel.h>

#define TIMEOUT_MS   2000
#define NOT_A_NUMBER 1 /* an error code of our own */

/* ---- the service ----------------------------------------------------------------- */

/* Read the next number from a text that is not NUL-terminated. Returns 1; 0: no
   more; -1: not a number. */
static int
next_number(const char **at, const char *end, long *number)
{
	char text[32];
	size_t n = 0;
	char *rest;

	while (*at < end && **at == ' ')
		++*at;
	if (*at == end)
		return 0;
	while (*at < end && **at != ' ' && n < sizeof(text) - 1)
		text[n++] = *(*at)++;
	text[n] = '\0';
	*number = strtol(text, &rest, 10);
	return *rest ? -1 : 1;
}

static void
on_sum(struct umbel *c, const struct umbel_msg *m, void *user)
{
	long sum = 0, number = 0;
	char text[32];
	size_t len;
	const char *at = umbel_msg_data(m, &len);
	const char *end = at + len;
	int r;

	(void)user;
	while ((r = next_number(&at, end, &number)) > 0)
		sum += number;
	if (r < 0) {
		umbel_reply_error(c, m, NOT_A_NUMBER, "that is no number");
		return;
	}
	r = snprintf(text, sizeof(text), "%ld", sum);
	umbel_reply(c, m, text, (size_t)r);
}

/* One request, many replies: all but the last say that others follow. */
static void
on_count(struct umbel *c, const struct umbel_msg *m, void *user)
{
	char text[32];
	long to = 0;
	size_t len;
	const char *at = umbel_msg_data(m, &len);

	(void)user;
	if (next_number(&at, at + len, &to) <= 0 || to < 1) {
		umbel_reply_error(c, m, NOT_A_NUMBER, "count to what?");
		return;
	}
	for (long i = 1; i <= to; i++) {
		int n = snprintf(text, sizeof(text), "%ld", i);

		umbel_reply_opts(c, m, text, (size_t)n,
		                 UMBEL_PUB_OPTIONS(.more = i < to));
	}
}

static void
on_end(struct umbel *c, struct umbel_sub *s, int error, void *user)
{
	(void)user;
	(void)error;
	fprintf(stderr, "requests: no service on %s: %s\n", umbel_sub_filter(s),
	        umbel_last_error(c));
	umbel_stop(c);
}

static int
serve(struct umbel *c)
{
	const struct umbel_sub_options *group =
		UMBEL_SUB_OPTIONS(.group = "calculators", .on_end = on_end);
	int r = umbel_subscribe(c, "calc.sum", on_sum, NULL, group, NULL);

	if (r == 0)
		r = umbel_subscribe(c, "calc.count", on_count, NULL, group,
		                    NULL);
	if (r == 0)
		r = umbel_connect(c, 0);
	return r == 0 ? umbel_run(c) : r;
}

/* ---- the clients -------------------------------------------------------------------- */

static void
print_reply(const struct umbel_msg *m)
{
	size_t len;
	const char *data = umbel_msg_data(m, &len);

	printf("%.*s\n", (int)len, data);
}

/* Wait for one reply: for a program without a loop. */
static int
ask_for_sum(struct umbel *c, const char *numbers)
{
	struct umbel_msg *reply;
	int r = umbel_request_wait(c, "calc.sum", numbers, strlen(numbers),
	                           NULL, TIMEOUT_MS, &reply);

	if (r == 0)
		print_reply(reply);
	umbel_msg_unref(reply); /* an error reply is a message, too */
	return r;
}

struct counting {
	bool over;
	int error;
};

static void
on_reply(struct umbel *c, const struct umbel_reply_info *info, void *user)
{
	struct counting *counting = user;

	(void)c;
	if (info->error)
		fprintf(stderr, "requests: %s\n", info->text);
	else
		print_reply(info->msg);
	counting->error = info->error;
	counting->over = !info->more;
}

/* Receive any number of replies, each in a callback. */
static int
ask_to_count(struct umbel *c, const char *to)
{
	struct counting counting = { .over = false };
	int r = umbel_request_opts(
		c, "calc.count", to, strlen(to), on_reply, &counting,
		UMBEL_REQUEST_OPTIONS(.max_replies = UINT_MAX,
	                              .timeout_ms = TIMEOUT_MS));

	while (r >= 0 && !counting.over)
		r = umbel_dispatch(c, -1);
	return r < 0 ? r : counting.error ? 1 : 0;
}

static void
join(char *buf, size_t n, char **words)
{
	size_t len = 0;

	buf[0] = '\0';
	for (; *words && len < n; words++)
		len += (size_t)snprintf(buf + len, n - len, "%s%s",
		                        len ? " " : "", *words);
}

static int
ask(struct umbel *c, char **argv)
{
	char words[4096];
	int r = umbel_connect(c, TIMEOUT_MS);

	if (r < 0)
		return r;
	join(words, sizeof(words), argv + 2);
	return strcmp(argv[1], "count") == 0 ? ask_to_count(c, words)
	                                     : ask_for_sum(c, words);
}

int
main(int argc, char **argv)
{
	struct umbel *c;
	int r;

	if (argc < 2 || (argc < 3) != (strcmp(argv[1], "serve") == 0)) {
		fprintf(stderr, "usage: requests serve | requests sum "
		                "NUMBER... | requests count TO\n");
		return 2;
	}
	r = umbel_new(&c, UMBEL_OPTIONS(.name = "requests"));
	if (r < 0) {
		fprintf(stderr, "requests: %s\n", umbel_strerror(r));
		return 1;
	}
	r = argc < 3 ? serve(c) : ask(c, argv);
	if (r < 0)
		fprintf(stderr, "requests: %s\n", umbel_last_error(c));
	umbel_close(c, TIMEOUT_MS);
	return r != 0;
}
