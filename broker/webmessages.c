/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "webmessages.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "hold.h"
#include "json.h"
#include "proto/cursor.h"
#include "proto/utf8.h"
#include "rights.h"
#include "webreply.h"
#include "webroutes.h"
#include "webtalk.h"

#define CONTENT_TYPE     "content-type"
#define CONTENT_TYPE_MAX 255u
#define ERROR_HEADER     "error"
#define ASK_MS           10000u
#define ASK_MAX_MS       (3600u * 1000u)
#define INBOX_SUB        0u
/* The inbox, followed by the number of the request. */
#define REPLY_MAX        (INBOX_MAX + 12)

/* ---- headers of messages -------------------------------------------------- */

/* The value of a header; false if there is none. */
static bool
find_header(const struct publish *p, const char *key, struct cursor_item *value)
{
	struct cursor_item map, name;
	struct cursor c;

	if (p->headers_len == 0)
		return false;
	c = cursor_over(p->headers, p->headers_len);
	if (!cursor_next(&c, &map))
		return false;
	for (uint32_t i = 0; i < map.len; i++) {
		if (!cursor_next(&c, &name) || !cursor_next(&c, value))
			return false;
		if (name.len == strlen(key) &&
		    memcmp(name.data, key, name.len) == 0)
			return true;
	}
	return false;
}

/* The media type of a message. One that is not allowed in a header line is left
   out. */
static void
print_type(struct print *out, const struct publish *p)
{
	static const struct {
		const char *word, *type;
	} words[] = {
		{ "text", WEB_TEXT },
		{ "json", WEB_JSON },
		{ "msgpack", "application/msgpack" },
	};
	struct cursor_item v;
	struct text type;

	if (!find_header(p, CONTENT_TYPE, &v) || v.kind != CURSOR_STR ||
	    v.len > CONTENT_TYPE_MAX || !utf8_is_text(v.data, v.len)) {
		print_text(out, "application/octet-stream");
		return;
	}
	type = (struct text){ (const char *)v.data, v.len };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (text_equals(type, words[i].word)) {
			print_text(out, words[i].type);
			return;
		}
	}
	if (v.len > 0 && memchr(v.data, '/', v.len))
		print_bytes(out, type.at, type.len);
	else
		print_text(out, "application/octet-stream");
}

/* Send the payload as the answer. `fields` as in webreply_send(); the sender is
   added to them. */
static void
send_payload(struct web *w, const struct publish *p, const uint8_t *body,
             const char *fields)
{
	const uint8_t *stamp = body + p->stamp_offset;
	struct print type = { 0 }, more = { 0 };

	print_type(&type, p);
	print_bytes(&type, "", 1);
	print_format(&more,
	             "%sUmbel-Session: %" PRIu32 "\r\nUmbel-Uid: %" PRIu32
	             "\r\n",
	             fields, load_be32(stamp), load_be32(stamp + 4));
	print_bytes(&more, "", 1);
	if (type.failed || more.failed)
		w->out.failed = true;
	else
		webreply_send(w, 200, type.at, more.at, p->payload,
		              p->payload_len);
	print_fini(&type);
	print_fini(&more);
}

/* ---- retained values ------------------------------------------------------ */

void
webmessages_get(struct web *w)
{
	struct broker *b = w->session.broker;
	struct text topic = { w->topic, w->topic_len };
	struct verdict v = rights_to_subscribe(&w->session, topic);
	const struct retained_value *value;
	char words[RIGHTS_WORDS_MAX], age[64];
	struct publish p;

	if (!v.ok) {
		webreply_error(w, 403, rights_words(&v, words));
		return;
	}
	value = retained_find(&b->retained, w->topic, w->topic_len);
	if (!value || publish_read(value->slab->data, value->slab->cap, &p) !=
	                      PUBLISH_OK) {
		webreply_error(w, 404, "no value is retained there");
		return;
	}
	snprintf(age, sizeof(age), "Age: %" PRIu64 "\r\n",
	         (clock_now_ms() - value->since_ms) / 1000);
	send_payload(w, &p, value->slab->data, age);
}

/* ---- publishing ----------------------------------------------------------- */

/* The Content-Type becomes a header of the message; nil without one. */
static bool
content_type_is_valid(struct web *w, struct text *type)
{
	*type = http_field(&w->head, CONTENT_TYPE);
	if (!type->at || type->len == 0) {
		*type = (struct text){ NULL, 0 };
		return true;
	}
	if (type->len <= CONTENT_TYPE_MAX &&
	    utf8_is_text((const uint8_t *)type->at, type->len))
		return true;
	print_format(webreply_words(w),
	             "Content-Type: at most %u bytes of UTF-8",
	             CONTENT_TYPE_MAX);
	webreply_why(w, 400);
	return false;
}

void
webmessages_too_long(struct web *w)
{
	uint32_t limit = w->session.broker->config->max_frame;
	struct print *why = webreply_words(w);

	if (w->head.chunked)
		print_format(why, "more than %" PRIu32 " bytes", limit);
	else
		print_format(why, "%" PRIu64 " bytes", w->head.length);
	print_format(why,
	             " are too many for a message (limit %" PRIu32
	             ", max-frame, topic and headers included)",
	             limit);
	webreply_limit(w, 413);
}

static bool
begin(struct web *w, uint8_t flags, struct text reply)
{
	uint64_t claim = w->head.chunked ? WEB_UNKNOWN : w->body_left;
	struct text type;

	if (!content_type_is_valid(w, &type))
		return false;
	if (webtalk_begin_publish(w, flags, reply, type, claim))
		return true;
	webmessages_too_long(w);
	return false;
}

bool
webmessages_publish(struct web *w)
{
	bool retain = false;

	w->asks = false;
	return webroutes_flag(w, "retain", &retain) &&
	       begin(w, retain ? PUBLISH_FLAG_RETAIN : 0,
	             (struct text){ NULL, 0 });
}

/* ---- requests ------------------------------------------------------------- */

/* "$inbox.<random>.<session>.<n>", where n is the number of this request */
static struct text
reply_topic(const struct web *w, char buf[REPLY_MAX])
{
	size_t n = session_inbox(&w->session, buf);

	n += (size_t)sprintf(buf + n, ".%" PRIu32, w->n_requests);
	return (struct text){ buf, (uint32_t)n };
}

static bool
open_inbox(struct web *w)
{
	struct message m = { .type = TYPE_SUBSCRIBE };
	char filter[REPLY_MAX];

	if (w->has_inbox)
		return true;
	memcpy(filter + session_inbox(&w->session, filter), ".*", 3);
	m.subscribe.request = 1;
	m.subscribe.sub = INBOX_SUB;
	m.subscribe.filter = text_from(filter);
	w->stage = WEB_JOINING;
	w->has_inbox = webtalk_subscribe(w, &m, 1);
	webtalk_go_on(w);
	w->has_inbox &= w->refusal == 0;
	return w->has_inbox;
}

bool
webmessages_ask(struct web *w)
{
	uint32_t timeout_ms = ASK_MS;
	char reply[REPLY_MAX];

	w->asks = true;
	w->n_requests++;
	if (!webroutes_seconds(w, "timeout", ASK_MAX_MS, &timeout_ms))
		return false;
	if (!open_inbox(w) || !web_set_timer(w, timeout_ms)) {
		webreply_last_error(
			w, 503, w->refusal ? NULL : "no memory for a request");
		return false;
	}
	return begin(w, 0, reply_topic(w, reply));
}

void
webmessages_say(struct web *w)
{
	w->stage = WEB_SAYING;
	webtalk_end_publish(w);
	webtalk_go_on(w);
}

/* ---- results -------------------------------------------------------------- */

/* Get the reason from the rules, even if the broker reported the denial
   earlier. */
static void
answer_denial(struct web *w)
{
	struct text topic = { w->topic, w->topic_len };
	struct verdict v = rights_to_publish(&w->session, topic);
	char words[RIGHTS_WORDS_MAX];

	if (w->why.len > 0)
		webreply_why(w, 403);
	else
		webreply_error(w, 403,
		               v.ok ? "denied" : rights_words(&v, words));
}

static void
answer_refusal(struct web *w)
{
	const struct broker *b = w->session.broker;

	if (w->refusal == STATUS_NO_RESPONDER)
		webreply_why(w, 404);
	else if (w->refusal == STATUS_LIMIT)
		webreply_why(w, 507);
	else if (w->refusal == 0 && b->retained.n >= b->retained.max_n)
		webreply_error(w, 507, "too many values are retained");
	else
		answer_denial(w);
}

void
webmessages_taken(struct web *w, uint32_t receivers, bool refused)
{
	struct print body = { 0 };

	if (w->stage == WEB_ASKING || w->stage == WEB_HEAD ||
	    w->stage == WEB_ANSWERED)
		/* the reply is a separate message, and may already have been
		   sent */
		return;
	if (refused) {
		answer_refusal(w);
		return;
	}
	print_text(&body, "{\"topic\":");
	json_print_string(&body, w->topic, w->topic_len);
	print_format(&body, ",\"subscribers\":%" PRIu32 "}\n", receivers);
	w->out.failed |= body.failed;
	webreply_send(w, 200, WEB_JSON, "", body.at, body.len);
	print_fini(&body);
}

void
webmessages_refused(struct web *w)
{
	answer_refusal(w);
}

/* A responder that failed says so in a header; its payload is the error
   text. */
static void
answer_failure(struct web *w, const struct publish *p,
               const struct cursor_item *code)
{
	struct print body = { 0 };

	print_text(&body, "{\"status\":502,\"error\":");
	json_print_string(&body, p->payload, p->payload_len);
	if (code->kind == CURSOR_UINT)
		print_format(&body, ",\"code\":%" PRIu64, code->value.u);
	else
		print_format(&body, ",\"code\":%" PRId64, code->value.i);
	print_text(&body, "}\n");
	w->out.failed |= body.failed;
	webreply_send(w, 502, WEB_JSON, "", body.at, body.len);
	print_fini(&body);
}

static bool
is_failure(const struct publish *p, struct cursor_item *code)
{
	return find_header(p, ERROR_HEADER, code) &&
	       (code->kind == CURSOR_INT ||
	        (code->kind == CURSOR_UINT && code->value.u != 0));
}

void
webmessages_reply(struct web *w, const struct publish *p, const uint8_t *body)
{
	struct cursor_item code;
	char buf[REPLY_MAX];
	struct text reply = reply_topic(w, buf);

	if (reply.len != p->topic_len ||
	    memcmp(reply.at, p->topic, reply.len) != 0)
		return; /* a reply to a request that was given up */
	if (is_failure(p, &code))
		answer_failure(w, p, &code);
	else
		send_payload(w, p, body, "");
}

void
webmessages_on_timeout(struct web *w)
{
	/* the broker may not even have taken the message */
	hold_forget(&w->session);
	input_drop(&w->frames);
	/* a late reply has this request's topic, so it cannot answer another
	   one */
	webreply_error(w, 504, "no reply in time");
}
