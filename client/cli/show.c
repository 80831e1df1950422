/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "show.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "text.h"

enum kind { TEXT, JSON, MSGPACK, BYTES };

/* ---- what is it? -------------------------------------------------------- */

static bool
is_one_of(const char *type, size_t len, const char *const *names)
{
	for (; *names; names++)
		if (strlen(*names) == len &&
		    strncasecmp(type, *names, len) == 0)
			return true;
	return false;
}

static bool
ends_in(const char *type, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && strncasecmp(type + len - n, end, n) == 0;
}

/* What the content-type claims; BYTES when it claims nothing we know. */
static enum kind
claimed(const char *type)
{
	static const char *const json[] = { "json", "application/json", NULL };
	static const char *const msgpack[] = {
		"msgpack",
		"application/msgpack",
		"application/x-msgpack",
		"application/vnd.msgpack",
		NULL,
	};
	size_t len;

	if (!type)
		return BYTES;
	len = strcspn(type, "; ");
	if (is_one_of(type, len, json) || ends_in(type, len, "+json"))
		return JSON;
	if (is_one_of(type, len, msgpack) || ends_in(type, len, "+msgpack"))
		return MSGPACK;
	if ((len == 4 && strncasecmp(type, "text", 4) == 0) ||
	    strncasecmp(type, "text/", 5) == 0)
		return TEXT;
	return BYTES;
}

static bool
append_json(struct buf *out, const void *data, size_t len)
{
	struct buf why = { 0 };
	bool valid = json_is_valid(data, len, &why);

	buf_free(&why);
	if (valid)
		json_append_squeezed(out, data, len);
	return valid;
}

static bool
is_map_or_array(const uint8_t *data, size_t len)
{
	return len > 0 && ((data[0] >= 0x80 && data[0] < 0xa0) ||
	                   (data[0] >= 0xdc && data[0] <= 0xdf));
}

/* What the payload is; when that is JSON or msgpack, it is in `out` as JSON. */
static enum kind
identify(struct buf *out, const char *type, const void *data, size_t len)
{
	switch (claimed(type)) {
	case TEXT:
		return TEXT;
	case JSON:
		if (append_json(out, data, len))
			return JSON;
		break;
	case MSGPACK:
		if (json_from_msgpack(data, len, out))
			return MSGPACK;
		break;
	case BYTES:
		break;
	}
	if (text_is_plain(data, len))
		return TEXT;
	if (is_map_or_array(data, len) && json_from_msgpack(data, len, out))
		return MSGPACK;
	return BYTES;
}

/* ---- the payload -------------------------------------------------------- */

/* A text on one line. The newline that ends what a command printed (`date |
   umbel pub --stdin`) is that of the line. */
static void
append_text(struct buf *out, const char *text, size_t len)
{
	if (len > 1 && text[len - 1] == '\n')
		len--;
	text_append_visible(out, text, len, "");
}

void
show_payload(struct buf *out, const char *content_type, const void *data,
             size_t len)
{
	switch (identify(out, content_type, data, len)) {
	case TEXT:
		append_text(out, data, len);
		break;
	case BYTES:
		buf_puts(out, "0x");
		buf_hex(out, data, len);
		break;
	case JSON:
	case MSGPACK:
		break;
	}
}

static void
append_encoding(struct buf *out, const char *name)
{
	buf_printf(out, ",\"encoding\":\"%s\"", name);
}

void
show_payload_members(struct buf *out, const char *content_type,
                     const void *data, size_t len)
{
	enum kind kind;

	buf_puts(out, "\"payload\":");
	kind = identify(out, content_type, data, len);
	if (kind == TEXT && !text_is_utf8(data, len))
		kind = BYTES;
	switch (kind) {
	case TEXT:
		json_append_string(out, data, len);
		append_encoding(out, "text");
		break;
	case JSON:
		append_encoding(out, "json");
		break;
	case MSGPACK:
		append_encoding(out, "msgpack");
		break;
	case BYTES:
		buf_putc(out, '"');
		buf_base64(out, data, len);
		buf_putc(out, '"');
		append_encoding(out, "base64");
		break;
	}
}

/* ---- the message -------------------------------------------------------- */

/* A datagram has no session. */
static void
append_sender(struct buf *out, struct umbel_sender from,
              struct users_last *senders)
{
	const char *user = users_last_name(senders, from.uid);

	if (from.session == UINT32_MAX)
		buf_printf(out, " %s@datagram", user);
	else
		buf_printf(out, " %s@%" PRIu32, user, from.session);
}

void
show_line(struct buf *out, const struct umbel_msg *m,
          struct users_last *senders)
{
	size_t len;
	const void *data = umbel_msg_data(m, &len);

	buf_puts(out, umbel_msg_topic(m));
	if (senders)
		append_sender(out, umbel_msg_sender(m), senders);
	if (len > 0) {
		buf_putc(out, ' ');
		show_payload(out, umbel_msg_header_str(m, "content-type"), data,
		             len);
	}
	buf_putc(out, '\n');
}

static void
append_header_value(struct buf *out, const struct umbel_header *header)
{
	switch (header->type) {
	case UMBEL_NIL:
		buf_puts(out, "null");
		break;
	case UMBEL_BOOL:
		buf_puts(out, header->value.b ? "true" : "false");
		break;
	case UMBEL_INT:
		buf_printf(out, "%" PRId64, header->value.i);
		break;
	case UMBEL_UINT:
		buf_printf(out, "%" PRIu64, header->value.u);
		break;
	case UMBEL_FLOAT:
		json_append_number(out, header->value.f);
		break;
	case UMBEL_STR: /* umbel_msg_header_at() gives its length too */
		json_append_string(out, header->value.bin.data,
		                   header->value.bin.len);
		break;
	case UMBEL_BIN:
		json_append_bytes(out, header->value.bin.data,
		                  header->value.bin.len);
		break;
	}
}

static void
append_headers(struct buf *out, const struct umbel_msg *m)
{
	struct umbel_header header;

	buf_puts(out, ",\"headers\":{");
	for (size_t i = 0; umbel_msg_header_at(m, i, &header); i++) {
		if (i > 0)
			buf_putc(out, ',');
		json_append_string(out, header.key, strlen(header.key));
		buf_putc(out, ':');
		append_header_value(out, &header);
	}
	buf_putc(out, '}');
}

void
show_object(struct buf *out, const struct umbel_msg *m)
{
	struct umbel_sender from = umbel_msg_sender(m);
	const char *reply = umbel_msg_reply(m);
	size_t len;
	const void *data = umbel_msg_data(m, &len);

	buf_puts(out, "{\"topic\":");
	json_append_string(out, umbel_msg_topic(m), strlen(umbel_msg_topic(m)));
	buf_putc(out, ',');
	show_payload_members(out, umbel_msg_header_str(m, "content-type"), data,
	                     len);
	buf_printf(out,
	           ",\"sender\":{\"session\":%" PRIu32 ",\"uid\":%" PRIu32 "}",
	           from.session, from.uid);
	append_headers(out, m);
	if (reply) {
		buf_puts(out, ",\"reply\":");
		json_append_string(out, reply, strlen(reply));
	}
	if (umbel_msg_retain_flag(m))
		buf_puts(out, ",\"retain\":true");
	if (umbel_msg_retained(m))
		buf_printf(out, ",\"retained\":true,\"age_ms\":%" PRIu64,
		           umbel_msg_age_ms(m));
	buf_puts(out, "}\n");
}

void
show_raw(struct buf *out, const struct umbel_msg *m, char end, bool terminal)
{
	size_t len;
	const char *data = umbel_msg_data(m, &len);

	if (terminal)
		text_append_visible(out, data, len, "\n\t");
	else
		buf_append(out, data, len);
	buf_putc(out, end);
}
