/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "webrequest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "webmessages.h"
#include "webreply.h"
#include "webroutes.h"
#include "webtalk.h"

void
webrequest_forget(struct web *w)
{
	free(w->head_bytes);
	w->head_bytes = NULL;
	w->head = (struct http_head){ 0 };
	w->route = NULL;
	w->refusal = 0;
	print_fini(&w->why);
	input_drop(&w->frames);
	web_clear_timer(w);
}

void
webrequest_done(struct web *w)
{
	webrequest_forget(w);
	w->n_done++;
	w->chunked = false;
	w->stage = w->keep_alive ? WEB_HEAD : WEB_ANSWERED;
	w->due_is_idle = true;
	if (w->stage == WEB_HEAD)
		web_set_due(w, &web_gateway(w)->idles);
	/* another request may be waiting, or this was the last */
	web_mark_busy(w);
}

/* ---- its head ------------------------------------------------------------- */

/* Begin a request whose head has `len` bytes. */
static void
begin_request(struct web *w, size_t len)
{
	unsigned status;

	webrequest_forget(w);
	w->session.broker->counts.http_requests++;
	w->head_bytes = malloc(len);
	if (!w->head_bytes) {
		web_mark_dead(w);
		return;
	}
	memcpy(w->head_bytes, w->in.at + w->in_at, len);
	w->in_at += len;
	status = http_read_head(w->head_bytes, len, &w->head);
	w->keep_alive = w->head.keep_alive;
	w->chunks = (struct http_chunks){ 0 };
	w->body_left = w->head.length;
	w->body_len = 0;
	w->body_ended = !w->head.chunked && w->body_left == 0;
	web_set_due(w, &web_gateway(w)->bodies);
	if (status)
		webreply_last_error(w, status, http_phrase(status));
	else
		webroutes_begin(w);
	if (w->stage == WEB_BODY && w->head.waits && web_unread(w) == 0 &&
	    !w->body_ended)
		webreply_continue(w);
}

static void
refuse_head(struct web *w)
{
	print_format(webreply_words(w),
	             "a head of %zu bytes at least (limit %u)", web_unread(w),
	             WEB_HEAD_MAX);
	webreply_limit(w, 431);
}

void
webrequest_take_head(struct web *w)
{
	size_t len = http_head_length(w->in.at + w->in_at, web_unread(w));

	if (len > WEB_HEAD_MAX || (len == 0 && web_unread(w) > WEB_HEAD_MAX))
		refuse_head(w);
	else if (len > 0)
		begin_request(w, len);
	else if (w->all_read)
		w->in_at = w->in.len; /* the rest of the head will never come */
}

/* ---- its body ------------------------------------------------------------- */

/* Get the next bytes of the body, at most `most`. *used is how many were
   consumed. */
static enum http_piece
next_piece(struct web *w, size_t most, size_t *used, struct text *data)
{
	const char *at = w->in.at + w->in_at;
	size_t len = web_unread(w);

	if (w->head.chunked)
		return http_next_piece(&w->chunks, at, len, most, used, data);
	len = len < most ? len : most;
	*used = len < w->body_left ? len : (size_t)w->body_left;
	*data = (struct text){ at, (uint32_t)*used };
	w->body_left -= *used;
	return *used > 0 ? HTTP_PIECE : HTTP_PIECE_MORE;
}

static bool
body_is_too_long(struct web *w, const struct text *data, uint8_t *to)
{
	w->body_len += data->len;
	if (!to) /* the body is discarded */
		return w->body_len > w->session.broker->config->max_frame;
	memcpy(to, data->at, data->len);
	return !webtalk_received(w, data->len);
}

/* Process one piece. Returns false if no more is possible now. */
static bool
take_piece(struct web *w)
{
	size_t room = SIZE_MAX, used = 0;
	struct text data = { NULL, 0 };
	uint8_t *to = NULL;

	if (w->takes_body && !webtalk_room(w, &to, &room))
		return false;
	switch (next_piece(w, room, &used, &data)) {
	case HTTP_PIECE_BAD:
		webreply_last_error(w, 400, "a chunk is malformed");
		return false;
	case HTTP_PIECE_MORE:
		w->in_at += used;
		return false;
	case HTTP_PIECE_LAST:
		w->body_ended = true;
		break;
	case HTTP_PIECE:
		if (room > 0 && !body_is_too_long(w, &data, to))
			break;
		webmessages_too_long(w); /* no frame has room for it */
		return false;
	}
	assert(used > 0); /* otherwise the loop would never end */
	w->in_at += used;
	if (!w->head.chunked && w->body_left == 0)
		w->body_ended = true;
	return !w->body_ended;
}

void
webrequest_take_body(struct web *w)
{
	while (!w->body_ended && web_unread(w) > 0 && take_piece(w))
		continue;
	if (w->stage == WEB_BODY && w->body_ended) {
		web_clear_due(w);
		webroutes_run(w);
	} else if (w->stage == WEB_BODY && w->all_read &&
	           !session_is_waiting(&w->session)) {
		webreply_last_error(w, 400, "the body ended too early");
	}
}
