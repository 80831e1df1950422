/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * UMBEL_DEBUG=1: one line per frame on stderr, written immediately.
 *
 *	umbel[4711] > SUBSCRIBE request=1 sub=1 filter=door.* options={}
 *	umbel[4711] < PUBLISH door.front, 4 bytes
 */
#include "parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

struct line {
	char text[512];
	size_t len;
};

static void add(struct line *line, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void
add_va(struct line *line, const char *format, va_list args)
{
	size_t room = sizeof(line->text) - line->len;
	int n = vsnprintf(line->text + line->len, room, format, args);

	if (n > 0)
		line->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void
add(struct line *line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_va(line, format, args);
	va_end(args);
}

static void
begin(struct line *line)
{
	line->len = 0;
	add(line, "umbel[%d] ", (int)getpid());
}

static void
write_out(struct line *line)
{
	if (line->len > sizeof(line->text) - 2)
		line->len = sizeof(line->text) - 2;
	line->text[line->len++] = '\n';
	if (write(STDERR_FILENO, line->text, line->len) < 0)
		return; /* there is nowhere to report it */
}

static void
add_text(struct line *line, const char *name, struct text text)
{
	char shown[256];

	control_text(shown, sizeof(shown), text);
	add(line, " %s=%s", name, text.at ? shown : "nil");
}

static void
add_options(struct line *line, const char *name, const struct options *o)
{
	add(line, " %s={", name);
	if (o->overflow.at)
		add_text(line, "overflow", o->overflow);
	if (o->inbox.at)
		add_text(line, "inbox", o->inbox);
	if (o->group.at)
		add_text(line, "group", o->group);
	if (o->max_frame)
		add(line, " max_frame=%u", (unsigned)o->max_frame);
	if (o->retained)
		add(line, " retained");
	if (o->monitor)
		add(line, " monitor");
	add(line, " }");
}

static void
add_last(struct line *line, const char *name, struct last_u64 last)
{
	if (last.given)
		add(line, " %s=%llu", name, (unsigned long long)last.value);
}

#define NUMBER(field) \
	add(line, " " #field "=%llu", (unsigned long long)f->field);
#define U32(field)        NUMBER(field)
#define U53(field)        NUMBER(field)
#define U64(field)        NUMBER(field)
#define LAST_U64(field)   add_last(line, #field, f->field);
#define BOOL(field)       add(line, " " #field "=%s", f->field ? "yes" : "no");
#define STR(field)        add_text(line, #field, f->field);
#define STR_OR_NIL(field) add_text(line, #field, f->field);
#define OPTIONS(field)    add_options(line, #field, &f->field);
#define MESSAGE(number, NAME, name, way, fields)               \
	static void add_##name(struct line *line,              \
	                       const struct message_##name *f) \
	{                                                      \
		fields                                         \
	}
#include "proto/message.def"

static void
add_message(struct line *line, const struct message *m)
{
	switch (m->type) {
#define MESSAGE(number, NAME, name, way, fields) \
	case TYPE_##NAME:                        \
		add_##name(line, &m->name);      \
		break;
#include "proto/message.def"
	case TYPE_PUBLISH:
	case TYPE_DELIVER:
		break;
	}
}

/* In the frames of this library, the type is the second byte. */
static uint32_t
type_of(const uint8_t *body, size_t len)
{
	return len > 1 ? body[1] : 0;
}

void
debug_frame(struct umbel *c, const char *way, const uint8_t *body, size_t len)
{
	uint32_t type = type_of(body, len);
	struct publish p;
	struct message m;
	struct line line;

	if (!c->debug)
		return;
	begin(&line);
	add(&line, "%s %s", way, message_name(type));
	if (type == TYPE_PUBLISH) {
		if (publish_read(body, len, &p) == PUBLISH_OK)
			add(&line, " %.*s, %u bytes", (int)p.topic_len, p.topic,
			    (unsigned)p.payload_len);
	} else if (message_ways(type) &&
	           message_decode(body, len, &m) == MESSAGE_OK) {
		add_message(&line, &m);
	}
	write_out(&line);
}

void
debug_line(struct umbel *c, const char *format, ...)
{
	struct line line;
	va_list args;

	if (!c->debug)
		return;
	begin(&line);
	va_start(args, format);
	add_va(&line, format, args);
	va_end(args);
	write_out(&line);
}
