/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "metrics.h"

#include <inttypes.h>

#include "clock.h"

static void
head(struct print *out, const char *name, const char *type, const char *help)
{
	print_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
	             type);
}

static void
counter(struct print *out, const char *name, uint64_t value, const char *help)
{
	head(out, name, "counter", help);
	print_format(out, "%s %" PRIu64 "\n", name, value);
}

static void
gauge(struct print *out, const char *name, uint64_t value, const char *help)
{
	head(out, name, "gauge", help);
	print_format(out, "%s %" PRIu64 "\n", name, value);
}

static void
print_broker(const struct broker *b, struct print *out)
{
	uint64_t up_ms = clock_now_ms() - b->started_ms;

	head(out, "umbel_build_info", "gauge", "The broker that answers.");
	print_text(out, "umbel_build_info{version=\"" UMBEL_VERSION "\"} 1\n");
	head(out, "umbel_uptime_seconds", "gauge", "Since the broker started.");
	print_format(out, "umbel_uptime_seconds %" PRIu64 ".%03u\n",
	             up_ms / 1000, (unsigned)(up_ms % 1000));
	gauge(out, "umbel_sessions", b->roster.n - b->roster.n_empty,
	      "Clients that are connected.");
	gauge(out, "umbel_subscriptions", b->router.n_subscriptions,
	      "Subscriptions of all clients.");
	gauge(out, "umbel_routes", b->router.routes.n_routes,
	      "Topics whose receivers are remembered.");
	gauge(out, "umbel_retained_values", b->retained.n,
	      "Last values that are kept.");
	gauge(out, "umbel_retained_bytes", b->retained.bytes,
	      "Memory that kept values take.");
	gauge(out, "umbel_retained_max_bytes", b->retained.max_bytes,
	      "Memory that kept values may take.");
	gauge(out, "umbel_memory_used_bytes", b->pool.used,
	      "Memory that messages occupy.");
	gauge(out, "umbel_memory_peak_bytes", b->pool.peak,
	      "Memory that messages occupied at most.");
	gauge(out, "umbel_memory_max_bytes", b->pool.max,
	      "Memory that messages may occupy.");
}

static void
print_messages(const struct broker_counts *c, struct print *out)
{
	counter(out, "umbel_received_messages_total", c->messages_in,
	        "Messages that were taken.");
	counter(out, "umbel_received_bytes_total", c->bytes_in,
	        "Bytes of messages that were taken.");
	counter(out, "umbel_delivered_messages_total", c->messages_out,
	        "Messages for receivers, one for each.");
	counter(out, "umbel_delivered_bytes_total", c->bytes_out,
	        "Bytes of messages for receivers.");
	counter(out, "umbel_unmatched_messages_total", c->unmatched,
	        "Messages that reached nobody.");
	counter(out, "umbel_refused_messages_total", c->refused,
	        "Messages that were not permitted.");
	counter(out, "umbel_dropped_messages_total", c->dropped,
	        "Messages that slow receivers lost.");
	counter(out, "umbel_dropped_bytes_total", c->dropped_bytes,
	        "Bytes of messages that slow receivers lost.");
	counter(out, "umbel_holds_total", c->holds,
	        "Times that a sender was made to wait.");
	counter(out, "umbel_evicted_sessions_total", c->evicted,
	        "Receivers that were cut off for being slow.");
	counter(out, "umbel_http_requests_total", c->http_requests,
	        "Requests to the HTTP gateway.");
}

/* The label is allowed because the fates are few and fixed. */
static void
print_datagrams(const struct broker *b, struct print *out)
{
	static const char name[] = "umbel_datagrams_total";

	head(out, name, "counter", "Datagrams, by what became of them.");
	for (unsigned i = 0; i < DATAGRAM_N_FATES; i++)
		print_format(out, "%s{fate=\"%s\"} %" PRIu64 "\n", name,
		             datagram_word((enum datagram_fate)i),
		             b->datagrams[i]);
}

void
metrics_print(const struct broker *b, struct print *out)
{
	print_broker(b, out);
	print_messages(&b->counts, out);
	print_datagrams(b, out);
}
