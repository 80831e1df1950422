/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* Replies to requests. A reply is a message to the request's reply topic; its
   error and `more` are in headers, which the broker does not read. */
#include "parts.h"

#include <errno.h>
#include <string.h>

#define ERROR_HEADER "error"
#define MORE_HEADER  "more"

static int
refuse(struct umbel *c, const char *why)
{
	return handle_refuse(c, -EINVAL, "reply: %s", why);
}

int
umbel_reply_opts(struct umbel *c, const struct umbel_msg *m, const void *data,
                 size_t len, const struct umbel_pub_options *options)
{
	if (handle_check(c) < 0)
		return handle_check(c);
	if (!m || !m->reply)
		return refuse(c, "the message asks for none");
	return umbel_publish_opts(c, m->reply, data, len, options);
}

int
umbel_reply(struct umbel *c, const struct umbel_msg *m, const void *data,
            size_t len)
{
	/* Every request has its own reply topic. Passing options avoids that
	   it replaces the remembered topic of the last plain message. */
	return umbel_reply_opts(
		c, m, data, len,
		&(struct umbel_pub_options){
			.size = sizeof(struct umbel_pub_options) });
}

int
umbel_reply_error(struct umbel *c, const struct umbel_msg *m, int64_t code,
                  const char *text)
{
	const struct umbel_header error = { .key = ERROR_HEADER,
		                            .type = UMBEL_INT,
		                            .value.i = code };

	if (handle_check(c) < 0)
		return handle_check(c);
	if (code == 0)
		return refuse(c, "0 is no error");
	return umbel_reply_opts(c, m, text, text ? strlen(text) : 0,
	                        UMBEL_PUB_OPTIONS(.headers = &error,
	                                          .n_headers = 1,
	                                          .content_type = "text"));
}

int64_t
umbel_msg_error(const struct umbel_msg *m)
{
	struct umbel_header h;

	if (!umbel_msg_header(m, ERROR_HEADER, &h))
		return 0;
	if (h.type == UMBEL_INT)
		return h.value.i;
	if (h.type != UMBEL_UINT)
		return 0;
	return h.value.u < INT64_MAX ? (int64_t)h.value.u : INT64_MAX;
}

bool
umbel_msg_more(const struct umbel_msg *m)
{
	struct umbel_header h;

	return umbel_msg_header(m, MORE_HEADER, &h) && h.type == UMBEL_BOOL &&
	       h.value.b;
}
