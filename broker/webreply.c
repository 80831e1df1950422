/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "webreply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "json.h"
#include "webrequest.h"

/* A chunk's size is filled in when the chunk is complete, in a field of fixed
   width. */
#define SIZE_FIELD  "00000000\r\n"
#define SIZE_DIGITS 8u

static bool
wants_head_only(const struct web *w)
{
	return text_equals(w->head.method, "HEAD");
}

/* Everything before the header line with the length or the transfer
   encoding. */
static void
begin_head(struct web *w, unsigned status, const char *type)
{
	/* the unread rest of a body would be taken for a request */
	if (w->leaving || (w->all_read && web_unread(w) == 0) || !w->body_ended)
		w->keep_alive = false;
	print_format(&w->out, "HTTP/1.1 %u %s\r\n", status,
	             http_phrase(status));
	print_format(&w->out, "Date: %s\r\nContent-Type: %s\r\n",
	             gateway_date(web_gateway(w)), type);
	/* the answer is only valid now */
	print_text(&w->out, "Cache-Control: no-store\r\n"
	                    "X-Content-Type-Options: nosniff\r\n");
	if (!w->keep_alive)
		print_text(&w->out, "Connection: close\r\n");
	else if (w->head.minor == 0)
		print_text(&w->out, "Connection: keep-alive\r\n");
}

void
webreply_send(struct web *w, unsigned status, const char *type,
              const char *fields, const void *body, size_t len)
{
	begin_head(w, status, type);
	print_format(&w->out, "Content-Length: %zu\r\n", len);
	print_text(&w->out, fields);
	print_text(&w->out, "\r\n");
	if (!wants_head_only(w))
		print_bytes(&w->out, body, len);
	webrequest_done(w);
}

static void
send_error(struct web *w, unsigned status, const char *fields, const char *text,
           size_t len)
{
	struct print body = { 0 };

	print_format(&body, "{\"status\":%u,\"error\":", status);
	json_print_string(&body, text, len);
	print_text(&body, "}\n");
	w->out.failed |= body.failed;
	webreply_send(w, status, WEB_JSON, fields, body.at, body.len);
	print_fini(&body);
}

void
webreply_error(struct web *w, unsigned status, const char *text)
{
	send_error(w, status, "", text, strlen(text));
}

void
webreply_why(struct web *w, unsigned status)
{
	send_error(w, status, "", w->why.at, w->why.len);
}

struct print *
webreply_words(struct web *w)
{
	print_fini(&w->why);
	return &w->why;
}

void
webreply_bad_filter(struct web *w, const char *filter, int len)
{
	const char *fault;
	unsigned token;

	if (len < 0) {
		print_format(webreply_words(w),
		             "not a valid filter: longer than %u bytes, or %% "
		             "without two digits behind it",
		             TOPIC_MAX);
	} else {
		fault = filter_fault(filter, (size_t)len, &token);
		print_format(webreply_words(w),
		             "not a valid filter: %s (token %u)", fault, token);
	}
	webreply_why(w, 400);
}

void
webreply_is_last(struct web *w)
{
	w->keep_alive = false;
}

void
webreply_last_error(struct web *w, unsigned status, const char *text)
{
	webreply_is_last(w);
	if (text)
		webreply_error(w, status, text);
	else
		webreply_why(w, status);
}

void
webreply_limit(struct web *w, unsigned status)
{
	const struct session *s = &w->session;
	char words[SESSION_WORDS_MAX], peer[PEER_WORDS_MAX];

	log_event(&s->broker->log, LOG_WARN, LOG_REFUSED,
	          "refused an HTTP request status=%u: %.*s %s", status,
	          (int)w->why.len, w->why.at ? w->why.at : "",
	          session_words(s, words));
	print_format(&w->why, "; %s", session_peer_words(&s->peer, peer));
	webreply_last_error(w, status, NULL);
}

void
webreply_wrong_method(struct web *w, const char *allowed)
{
	struct print fields = { 0 };

	print_format(&fields, "Allow: %s\r\n", allowed);
	print_bytes(&fields, "", 1);
	print_format(webreply_words(w), "here it is %s", allowed);
	if (fields.failed)
		w->out.failed = true;
	else
		send_error(w, 405, fields.at, w->why.at, w->why.len);
	print_fini(&fields);
}

void
webreply_turn_away(int fd, const char *why)
{
	struct print p = { 0 }, body = { 0 };

	print_text(&body, "{\"status\":503,\"error\":");
	json_print_text(&body, why);
	print_text(&body, "}\n");
	print_format(&p,
	             "HTTP/1.1 503 %s\r\nContent-Type: " WEB_JSON
	             "\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
	             http_phrase(503), body.len);
	print_bytes(&p, body.at, body.len);
	if (!p.failed && !body.failed)
		(void)send(fd, p.at, p.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	print_fini(&p);
	print_fini(&body);
}

void
webreply_continue(struct web *w)
{
	print_text(&w->out, "HTTP/1.1 100 Continue\r\n\r\n");
}

/* ---- in pieces ------------------------------------------------------------ */

bool
webreply_begin(struct web *w, const char *type, const char *fields)
{
	w->chunked = w->head.minor > 0;
	if (!w->chunked) /* the answer ends with the stream */
		w->keep_alive = false;
	begin_head(w, 200, type);
	if (w->chunked)
		print_text(&w->out, "Transfer-Encoding: chunked\r\n");
	print_text(&w->out, fields);
	print_text(&w->out, "\r\n");
	if (!wants_head_only(w))
		return true;
	webrequest_done(w);
	return false;
}

struct print *
webreply_open(struct web *w)
{
	w->chunk_at = w->out.len;
	if (w->chunked)
		print_text(&w->out, SIZE_FIELD);
	return &w->out;
}

/* An empty chunk would mark the end of the answer. */
static void
close_chunk(struct web *w)
{
	size_t len = w->out.len - w->chunk_at - strlen(SIZE_FIELD);
	char digits[SIZE_DIGITS + 1];

	if (len == 0) {
		w->out.len = w->chunk_at;
		return;
	}
	snprintf(digits, sizeof(digits), "%08" PRIx32, (uint32_t)len);
	memcpy(w->out.at + w->chunk_at, digits, SIZE_DIGITS);
	print_text(&w->out, "\r\n");
}

void
webreply_close(struct web *w)
{
	if (w->chunked && !w->out.failed)
		close_chunk(w);
}

void
webreply_end(struct web *w)
{
	if (w->chunked)
		print_text(&w->out, "0\r\n\r\n");
	webrequest_done(w);
}
