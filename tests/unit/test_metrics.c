/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/metrics.h"

#include "sessions.h"
#include "unit.h"

/* The text, NUL-terminated, to be freed. */
static char *
metrics_of(struct rig *r)
{
	struct print p = { 0 };

	metrics_print(&r->broker, &p);
	print_bytes(&p, "", 1);
	assert_false(p.failed);
	return p.at;
}

static void
expect_line(const char *text, const char *line)
{
	char between[256];

	snprintf(between, sizeof(between), "\n%s\n", line);
	if (!strstr(text, between))
		fail_msg("no line %s in\n%s", line, text);
}

TEST(what_happens_is_counted)
{
	struct client *c;
	struct rig r;
	char *text;

	rig_init(&r);
	c = client_open(&r, "c", 1000);
	client_subscribes(c, 1, "a");
	put_publish(&c->said, "a", NULL, "x", 1);
	put_publish(&c->said, "nobody", NULL, "x", 1);
	put_publish(&c->said, "$denied", NULL, "x", 1);
	client_goes_on(c);
	r.broker.datagrams[DATAGRAM_TOO_BIG] = 7;
	clock_step(2500);
	text = metrics_of(&r);
	expect_line(text, "umbel_sessions 1");
	expect_line(text, "umbel_subscriptions 1");
	expect_line(text, "umbel_received_messages_total 2");
	expect_line(text, "umbel_delivered_messages_total 1");
	expect_line(text, "umbel_unmatched_messages_total 1");
	expect_line(text, "umbel_refused_messages_total 1");
	expect_line(text, "umbel_datagrams_total{fate=\"too_big\"} 7");
	expect_line(text, "umbel_uptime_seconds 2.500");
	free(text);
	client_free(c);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_happens_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
