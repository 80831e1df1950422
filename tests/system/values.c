/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * values - publishes last values and stays, or watches those of others.
 *
 *	values [-n NAME] [-k] [-w WILL_TOPIC] COUNT PREFIX
 *	values [-n NAME] -r FILTER
 *
 * The first publishes COUNT values on PREFIX.0, PREFIX.1, ..., each its number,
 * and says so; with -k it gives them to the next broker as well. -w: its will
 * is its name. The second writes a line for each message on FILTER: its topic,
 * its text, and whether it was kept or is live; and one when all the last
 * values have come. Both say when they are connected; SIGTERM ends them.
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <umbel.h>

#define TIMEOUT_MS 20000
#define CLOSE_MS   5000

static struct umbel *client;

static void
on_signal(int signal)
{
	(void)signal;
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
}

static void
on_value(struct umbel *c, const struct umbel_msg *m, void *user)
{
	size_t len;
	const char *data = umbel_msg_data(m, &len);

	(void)c;
	(void)user;
	printf("%s %.*s %s\n", umbel_msg_topic(m), (int)len, data,
	       umbel_msg_retained(m) ? "kept" : "live");
	if (umbel_msg_age_ms(m) > 600000)
		printf("too old: %" PRIu64 "\n", umbel_msg_age_ms(m));
}

static void
on_active(struct umbel *c, struct umbel_sub *s, void *user)
{
	(void)c;
	(void)s;
	(void)user;
	puts("active");
}

static void
on_end(struct umbel *c, struct umbel_sub *s, int error, void *user)
{
	(void)s;
	(void)error;
	(void)user;
	printf("refused: %s\n", umbel_last_error(c));
}

static int
publish_all(unsigned n, const char *prefix)
{
	int r = 0;

	for (unsigned i = 0; i < n && r == 0; i++) {
		char topic[100], text[16];

		snprintf(topic, sizeof(topic), "%s.%u", prefix, i);
		snprintf(text, sizeof(text), "%u", i);
		r = umbel_publish_wait(client, topic, text, strlen(text),
		                       UMBEL_PUB_OPTIONS(.retain = true),
		                       TIMEOUT_MS);
	}
	if (r == 0)
		r = umbel_flush_wait(client, TIMEOUT_MS);
	if (r == 0)
		printf("published %u\n", n);
	return r;
}

int
main(int argc, char **argv)
{
	struct umbel_options options = { .size = sizeof(options),
		                         .name = "values",
		                         .retry_last_ms = 100,
		                         .keep_retained_max = 16u << 20,
		                         .on_state = on_state };
	struct sigaction stop = { .sa_handler = on_signal };
	const char *filter = NULL;
	int option, r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt(argc, argv, "n:kw:r:")) != -1) {
		switch (option) {
		case 'n':
			options.name = optarg;
			break;
		case 'k':
			options.keep_retained = true;
			break;
		case 'w':
			options.will_topic = optarg;
			break;
		case 'r':
			filter = optarg;
			break;
		default:
			return 2;
		}
	}
	if (!filter && argc - optind != 2)
		return 2;
	if (options.will_topic) {
		options.will_data = options.name;
		options.will_len = strlen(options.name);
	}
	r = umbel_new(&client, &options);
	if (r == 0) {
		sigaction(SIGTERM, &stop, NULL);
		r = umbel_connect(client, 0);
	}
	if (r == 0 && filter)
		r = umbel_subscribe(client, filter, on_value, NULL,
		                    UMBEL_SUB_OPTIONS(.retained = true,
		                                      .on_active = on_active,
		                                      .on_end = on_end),
		                    NULL);
	else if (r == 0)
		r = publish_all((unsigned)atoi(argv[optind]), argv[optind + 1]);
	if (r == 0)
		r = umbel_run(client);
	if (r < 0) {
		fprintf(stderr, "values: %s: %s\n", umbel_strerror(r),
		        client ? umbel_last_error(client) : "");
		return 1;
	}
	umbel_close(client, CLOSE_MS);
	return 0;
}
