/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * witness - an application that is up against its broker, and says what it
 * sees of it, a line each. It ends with SIGTERM, by umbel_close(), and with a
 * line that says how many rounds of the loop that took.
 *
 *	witness [-h HANDSHAKE_MS] [-r RETRY_MS] [-u EXPECTED_UID] [-p]
 *
 * -p: publish whenever it is possible.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <umbel.h>

static volatile sig_atomic_t over;
static char payload[1000];

static void
on_term(int signal)
{
	(void)signal;
	over = 1;
}

static void
on_state(struct umbel *c, enum umbel_state state,
         const struct umbel_state_info *info, void *user)
{
	static const char *const names[] = { "disconnected", "connecting",
		                             "connected", "failed" };

	(void)c;
	(void)user;
	printf("%s %d retry=%d unconfirmed=%llu %s\n", names[state],
	       info->error, info->retry_ms,
	       (unsigned long long)info->unconfirmed,
	       info->text ? info->text : "");
}

static void
on_error(struct umbel *c, const struct umbel_error_info *info, void *user)
{
	(void)c;
	(void)user;
	printf("error %d %s about=%s\n", info->error, info->text, info->about);
}

static void
on_loss(struct umbel *c, const struct umbel_loss_info *info, void *user)
{
	(void)c;
	(void)user;
	printf("lost %llu %s\n", (unsigned long long)info->messages,
	       info->reason);
}

static void
on_hold(struct umbel *c, const struct umbel_hold_info *info, void *user)
{
	(void)c;
	(void)user;
	printf("hold %d by=%s topic=%s\n", info->held, info->name, info->topic);
}

static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	size_t n_headers = umbel_msg_n_headers(m);
	struct umbel_header h;
	size_t len;

	(void)c;
	(void)user;
	/* look at everything, so that a sanitizer does */
	for (size_t i = 0; i < n_headers; i++) {
		if (umbel_msg_header_at(m, i, &h) && h.type == UMBEL_STR)
			n_headers += strlen(h.value.str) > (1u << 30);
	}
	umbel_msg_unref(umbel_msg_ref(m));
	umbel_msg_data(m, &len);
	printf("message %s %zu headers=%zu reply=%s\n", umbel_msg_topic(m), len,
	       n_headers, umbel_msg_reply(m) ? umbel_msg_reply(m) : "-");
}

static void
on_end(struct umbel *c, struct umbel_sub *s, int error, void *user)
{
	(void)user;
	printf("end %s %d %s\n", umbel_sub_filter(s), error,
	       error ? umbel_last_error(c) : "");
}

static int
take_options(struct umbel_options *o, int argc, char **argv)
{
	int publish = 0;
	int option;

	while ((option = getopt(argc, argv, "h:r:u:p")) != -1) {
		if (option == 'h') {
			o->handshake_ms = atoi(optarg);
		} else if (option == 'r') {
			o->retry_first_ms = atoi(optarg);
			o->retry_last_ms = 4 * o->retry_first_ms;
		} else if (option == 'u') {
			o->expect_uid = (uint32_t)atoi(optarg);
			o->expect_uid_set = true;
		} else if (option == 'p') {
			publish = 1;
		} else {
			exit(2);
		}
	}
	return publish;
}

static unsigned long long
loop(struct umbel *c, int publish)
{
	struct pollfd p = { .fd = umbel_fd(c), .events = POLLIN };
	unsigned long long rounds = 0;
	int said_full = 0;

	while (!over) {
		if (poll(&p, 1, publish ? 5 : -1) < 0 && errno != EINTR)
			return rounds;
		if (umbel_dispatch(c, 0) < 0)
			return rounds;
		while (publish && umbel_get_state(c) == UMBEL_CONNECTED &&
		       !over) {
			int r = umbel_publish(c, "flood", payload,
			                      sizeof(payload));

			if (r < 0 && !said_full)
				printf("full %d\n", r);
			said_full |= r < 0;
			if (r < 0)
				break;
		}
		rounds++;
		fflush(stdout);
	}
	return rounds;
}

int
main(int argc, char **argv)
{
	struct umbel_options o = {
		.size = sizeof(o),
		.name = "witness",
		.on_state = on_state,
		.on_error = on_error,
		.on_loss = on_loss,
		.on_hold = on_hold,
	};
	struct sigaction action = { .sa_handler = on_term };
	int publish = take_options(&o, argc, argv);
	unsigned long long rounds;
	struct umbel *c;
	int64_t left;

	sigaction(SIGTERM, &action, NULL);
	if (umbel_new(&c, &o) < 0 ||
	    umbel_subscribe(c, "a.*", on_message, NULL,
	                    UMBEL_SUB_OPTIONS(.on_end = on_end), NULL) < 0 ||
	    umbel_subscribe(c, "**", on_message, NULL, NULL, NULL) < 0 ||
	    umbel_connect(c, 0) < 0)
		return 1;
	rounds = loop(c, publish);
	left = umbel_close(c, 100);
	printf("over rounds=%llu left=%lld\n", rounds, (long long)left);
	return 0;
}
