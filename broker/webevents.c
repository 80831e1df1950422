/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "webevents.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "group.h"
#include "json.h"
#include "proto/status.h"
#include "proto/utf8.h"
#include "rights.h"
#include "webreply.h"
#include "webroutes.h"
#include "webtalk.h"

#define EVENT_STREAM     "text/event-stream"
#define FILTERS_MAX      100u
#define HEARTBEAT_MS     15000u
#define HEARTBEAT_MAX_MS (3600u * 1000u)
/* How long a browser waits before it reconnects. */
#define RETRY_MS         1000u

/* ---- what is asked for ---------------------------------------------------- */

struct wanted {
	struct message subscribe[FILTERS_MAX];
	char filters[FILTERS_MAX][TOPIC_MAX];
	size_t n;
	char group[GROUP_NAME_MAX];
	int group_len; /* HTTP_ABSENT: none */
	bool retained;
};

/* Refuse before the stream begins: afterwards only an event can tell. */
static bool
filter_is_granted(struct web *w, const char *filter, size_t len)
{
	const struct text text = { filter, (uint32_t)len };
	char words[RIGHTS_WORDS_MAX];
	struct verdict v;

	if (!filter_is_valid(filter, len)) {
		webreply_bad_filter(w, filter, (int)len);
		return false;
	}
	v = rights_to_subscribe(&w->session, text);
	if (!v.ok)
		webreply_error(w, 403, rights_words(&v, words));
	return v.ok;
}

static bool
read_filters(struct web *w, struct wanted *x)
{
	int len = 0;

	while (x->n < FILTERS_MAX) {
		len = http_query(&w->head, "filter", (unsigned)x->n,
		                 x->filters[x->n], TOPIC_MAX);
		if (len == HTTP_ABSENT)
			break;
		if (len < 0)
			webreply_bad_filter(w, NULL, len);
		if (len < 0 ||
		    !filter_is_granted(w, x->filters[x->n], (size_t)len))
			return false;
		x->subscribe[x->n].subscribe.filter =
			(struct text){ x->filters[x->n], (uint32_t)len };
		x->n++;
	}
	if (x->n > 0 && len == HTTP_ABSENT)
		return true;
	print_format(webreply_words(w),
	             "/subscribe?filter=...&filter=..., up to %u of them",
	             FILTERS_MAX - 1);
	webreply_why(w, 400);
	return false;
}

/* The policy is sent with HELLO, so on a connection that was used before it
   cannot change. */
static bool
overflow_is_granted(struct web *w)
{
	enum overflow wanted;
	char word[16];
	int len = http_query(&w->head, "overflow", 0, word, sizeof(word));

	if (len == HTTP_ABSENT)
		return true;
	if (len < 0 || !overflow_parse(word, (uint32_t)len, &wanted)) {
		webreply_error(w, 400,
		               "overflow is block, drop-oldest or "
		               "disconnect");
		return false;
	}
	/* on the first request, HELLO has just been sent and the policy
	   granted */
	if (w->n_done == 0 || wanted == w->session.out.policy)
		return true;
	webreply_error(w, 409,
	               "this connection has had another request: say "
	               "overflow on a new one");
	return false;
}

/* The name is sent with HELLO, too. */
static bool
name_is_granted(struct web *w)
{
	char name[NAME_MAX_BYTES + 1];
	int len = http_query(&w->head, "name", 0, name, NAME_MAX_BYTES);

	if (len == HTTP_ABSENT)
		return true;
	if (len <= 0 || !utf8_is_text((const uint8_t *)name, (size_t)len)) {
		print_format(webreply_words(w),
		             "a name is 1 to %u bytes of UTF-8",
		             NAME_MAX_BYTES);
		webreply_why(w, 400);
		return false;
	}
	name[len] = '\0';
	if (strcmp(name, session_name(&w->session)) == 0)
		return true;
	webreply_error(w, 409,
	               "this connection has had another request: say name on "
	               "a new one");
	return false;
}

static bool
read_options(struct web *w, struct wanted *x)
{
	w->heartbeat_ms = HEARTBEAT_MS;
	x->group_len =
		http_query(&w->head, "group", 0, x->group, sizeof(x->group));
	if (x->group_len < 0 && x->group_len != HTTP_ABSENT) {
		webreply_error(w, 400, "a group's name is too long");
		return false;
	}
	return name_is_granted(w) && overflow_is_granted(w) &&
	       webroutes_flag(w, "retained", &x->retained) &&
	       webroutes_seconds(w, "heartbeat", HEARTBEAT_MAX_MS,
	                         &w->heartbeat_ms);
}

static bool
say(struct web *w, struct wanted *x)
{
	for (size_t i = 0; i < x->n; i++) {
		struct message *m = &x->subscribe[i];

		m->type = TYPE_SUBSCRIBE;
		m->subscribe.request = (uint32_t)i + 1;
		m->subscribe.sub = (uint32_t)i + 1; /* sub 0 is the inbox */
		m->subscribe.options.retained = x->retained;
		if (x->group_len >= 0)
			m->subscribe.options.group =
				(struct text){ x->group,
				               (uint32_t)x->group_len };
	}
	return webtalk_subscribe(w, x->subscribe, x->n);
}

static unsigned
status_of(unsigned refusal)
{
	if (refusal == STATUS_DENIED)
		return 403;
	return refusal == STATUS_LIMIT ? 503 : 400;
}

/* The head tells which policy the session has: a client that was evicted a
   short time ago gets another one than it asked for. */
static bool
begin_stream(struct web *w)
{
	char field[48];

	snprintf(field, sizeof(field), "Umbel-Overflow: %s\r\n",
	         overflow_name(w->session.out.policy));
	return webreply_begin(w, EVENT_STREAM, field);
}

/* The broker has answered the subscriptions, as far as it could. While retained
   values fill the outbox, the other subscriptions wait, and their results are
   sent as events. */
static void
begin(struct web *w)
{
	if (w->refusal) {
		/* others may have been granted: they end with the connection */
		webreply_is_last(w);
		webreply_why(w, status_of(w->refusal));
		return;
	}
	begin_stream(w);
	print_format(webreply_open(w), "retry: %u\n\n", RETRY_MS);
	webreply_close(w);
	w->stage = WEB_EVENTS;
	if (!web_set_timer(w, w->heartbeat_ms))
		web_mark_dead(w);
}

static void
join(struct web *w, struct wanted *x)
{
	if (text_equals(w->head.method, "HEAD")) {
		begin_stream(w);
		return;
	}
	w->stage = WEB_JOINING;
	if (!say(w, x)) {
		webreply_is_last(w);
		webreply_error(w, 503, "no memory for a subscription");
		return;
	}
	webtalk_go_on(w);
	if (w->stage == WEB_JOINING && w->session.state == SESSION_OPEN)
		begin(w);
}

void
webevents_subscribe(struct web *w)
{
	struct wanted *x = calloc(1, sizeof(*x));

	if (!x) {
		webreply_error(w, 503, "no memory for a subscription");
		return;
	}
	if (read_filters(w, x) && read_options(w, x))
		join(w, x);
	free(x);
}

/* ---- messages ------------------------------------------------------------- */

static void
print_payload(struct print *out, const struct publish *p)
{
	/* text with a NUL is sent as base64: escaped, it would be six times as
	   long */
	bool text = utf8_is_valid(p->payload, p->payload_len) &&
	            (p->payload_len == 0 ||
	             !memchr(p->payload, '\0', p->payload_len));

	print_text(out, ",\"payload\":");
	if (text)
		json_print_string(out, p->payload, p->payload_len);
	else
		json_print_base64(out, p->payload, p->payload_len);
	print_format(out, ",\"encoding\":\"%s\"", text ? "text" : "base64");
}

static void
print_headers(struct print *out, const struct publish *p)
{
	struct cursor headers;

	print_text(out, ",\"headers\":");
	if (p->headers_len == 0) {
		print_text(out, "{}");
		return;
	}
	headers = cursor_over(p->headers, p->headers_len);
	json_print_value(out, &headers);
}

static void
print_message(struct print *out, const struct publish *p, const uint8_t *body)
{
	const uint8_t *stamp = body + p->stamp_offset;

	print_text(out, "{\"topic\":");
	json_print_string(out, p->topic, p->topic_len);
	print_payload(out, p);
	print_format(out,
	             ",\"sender\":{\"session\":%" PRIu32 ",\"uid\":%" PRIu32
	             "}",
	             load_be32(stamp), load_be32(stamp + 4));
	print_headers(out, p);
	if (p->reply) {
		print_text(out, ",\"reply\":");
		json_print_string(out, p->reply, p->reply_len);
	}
	if (p->flags & PUBLISH_FLAG_RETAIN)
		print_text(out, ",\"retain\":true");
}

bool
webevents_message(struct web *w, const struct publish *p, const uint8_t *body,
                  bool retained, uint64_t age_ms)
{
	size_t from = w->out.len;
	struct print *out = webreply_open(w);

	print_text(out, "data: ");
	print_message(out, p, body);
	if (retained)
		print_format(out, ",\"retained\":true,\"age_ms\":%" PRIu64,
		             age_ms);
	print_text(out, "}\n\n");
	webreply_close(w);
	return web_keeps(w, from);
}

/* ---- other events --------------------------------------------------------- */

void
webevents_gap(struct web *w, const struct message_gap *gap)
{
	struct print *out = webreply_open(w);

	print_format(out,
	             "event: gap\ndata: {\"frames\":%" PRIu64
	             ",\"bytes\":%" PRIu64 ",\"reason\":",
	             gap->frames, gap->bytes);
	json_print_string(out, gap->reason.at, gap->reason.len);
	print_text(out, "}\n\n");
	webreply_close(w);
}

static void
print_status(struct web *w, const char *event, unsigned status,
             struct text about, struct text words)
{
	struct print *out = webreply_open(w);

	print_format(out, "event: %s\ndata: {\"error\":", event);
	json_print_text(out, status_name(status));
	if (about.at) {
		print_text(out, ",\"filter\":");
		json_print_string(out, about.at, about.len);
	}
	print_text(out, ",\"text\":");
	json_print_string(out, words.at, words.len);
	print_text(out, "}\n\n");
	webreply_close(w);
}

/* A fatal error is the last event. So is a revocation that leaves no
   subscription, because nothing more would come. */
void
webevents_error(struct web *w, const struct message_error *e)
{
	print_status(w, e->fatal ? "end" : "refused", e->code, e->about,
	             e->text);
	if (e->fatal || w->session.subs.n == w->has_inbox)
		webreply_end(w);
}

void
webevents_stop(struct web *w, struct text reason)
{
	struct print *out = webreply_open(w);

	print_text(out, "event: end\ndata: {\"error\":\"goaway\",\"text\":");
	json_print_string(out, reason.at, reason.len);
	print_text(out, "}\n\n");
	webreply_close(w);
	webreply_end(w);
}

void
webevents_on_timer(struct web *w)
{
	/* a reader that has not taken the last event needs no heartbeat */
	if (web_owes(w) == 0) {
		print_text(webreply_open(w), ": heartbeat\n\n");
		webreply_close(w);
	}
	if (!web_set_timer(w, w->heartbeat_ms))
		web_mark_dead(w);
}
