/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "payload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "text.h"

/* How much is read at a time, and so the largest batch that goes out at once.
   Whatever a pipe or terminal gave is published before more is read. */
#define CHUNK (256u * 1024)

/* ---- the command line --------------------------------------------------- */

void
payload_set_source(struct payload *p, enum payload_source source)
{
	if (p->source != FROM_NOWHERE && p->source != source)
		cli_misused(p->cli, "a message has one source: PAYLOAD, "
		                    "--lines, --stdin, --file or --empty");
	p->source = source;
}

void
payload_set_format(struct payload *p, enum payload_format format)
{
	if (p->format != AS_IS && p->format != format)
		cli_misused(p->cli, "--json or --msgpack, not both");
	p->format = format;
}

static bool
has_header(const struct payload *p, const char *key)
{
	for (size_t i = 0; i < p->n_headers; i++)
		if (strcmp(p->headers[i].key, key) == 0)
			return true;
	return false;
}

static void
add_header(struct payload *p, char *text)
{
	char *equals = strchr(text, '=');

	if (!equals || equals == text)
		cli_misused(p->cli, "--header wants KEY=VALUE, not %s", text);
	*equals = '\0';
	if (!text_is_utf8(text, strlen(text)) ||
	    !text_is_utf8(equals + 1, strlen(equals + 1)))
		cli_misused(p->cli, "header %s is not UTF-8", text);
	if (has_header(p, text))
		cli_misused(p->cli, "header %s is given twice", text);
	p->headers =
		realloc(p->headers, (p->n_headers + 1) * sizeof(*p->headers));
	if (!p->headers)
		cli_die("out of memory");
	p->headers[p->n_headers++] = (struct umbel_header){
		.key = text,
		.type = UMBEL_STR,
		.value.str = equals + 1,
	};
}

bool
payload_take_option(struct payload *p, int option)
{
	switch (option) {
	case PAYLOAD_OPT_STDIN:
		payload_set_source(p, FROM_STDIN);
		return true;
	case PAYLOAD_OPT_FILE:
		payload_set_source(p, FROM_FILE);
		p->file = optarg;
		return true;
	case PAYLOAD_OPT_EMPTY:
		payload_set_source(p, FROM_EMPTY);
		return true;
	case PAYLOAD_OPT_JSON:
		payload_set_format(p, JSON);
		return true;
	case PAYLOAD_OPT_MSGPACK:
		payload_set_format(p, MSGPACK);
		return true;
	case 'H':
		add_header(p, optarg);
		return true;
	default:
		return false;
	}
}

/* ---- the bytes ---------------------------------------------------------- */

static void
complain_about_input(const struct payload *p, const char *format,
                     const char *why)
{
	if (p->line > 0)
		cli_complain("line %" PRIu64 ": %s: %s", p->line, format, why);
	else
		cli_complain("%s: %s", format, why);
}

int
payload_convert(struct payload *p, const char **data, size_t *len)
{
	struct buf why = { 0 };
	bool good = true;

	p->packed.len = 0;
	if (p->format == JSON)
		good = json_is_valid(*data, *len, &why);
	else if (p->format == MSGPACK)
		good = json_to_msgpack(*data, *len, &p->packed, &why);
	if (!good)
		complain_about_input(p, "not JSON", buf_text(&why));
	else if (p->format == MSGPACK)
		*data = p->packed.at, *len = p->packed.len;
	buf_free(&why);
	return good ? CLI_OK : CLI_USAGE;
}

const char *
payload_content_type(const struct payload *p)
{
	if (p->format == AS_IS || has_header(p, "content-type"))
		return NULL;
	return p->format == JSON ? "json" : "msgpack";
}

int
payload_too_long(const struct payload *p, struct connection *n, size_t len,
                 bool or_more)
{
	const char *words = or_more ? " or more" : "";

	if (p->line > 0)
		cli_complain("line %" PRIu64 " is too long: %zu bytes%s",
		             p->line, len, words);
	else
		cli_complain("the payload is too long: %zu bytes%s", len,
		             words);
	cli_hint("this broker takes %zu bytes, topic and headers included",
	         umbel_max_frame(n->c));
	return CLI_FAILED;
}

void
payload_tell(struct payload *p, size_t len)
{
	if (p->line > 0)
		progress_tell(&p->progress, "%" PRIu64 " line%s ...", p->line,
		              cli_plural(p->line));
	else
		progress_tell(&p->progress, "%zu byte%s read ...", len,
		              cli_plural(len));
}

int
payload_read_some(struct payload *p, struct connection *n, int fd,
                  int64_t deadline, struct buf *in, bool *ended)
{
	struct pollfd input = { .fd = fd, .events = POLLIN };
	ssize_t got;
	int r;

	if (isatty(fd))
		p->progress.wanted = false; /* somebody types here */
	while (!input.revents) {
		connection_confirm(n);
		r = progress_step(&p->progress, n, &input, 1, deadline);
		if (r != CLI_OK)
			return r;
		payload_tell(p, in->len);
	}
	got = read(fd, buf_room(in, CHUNK), CHUNK);
	if (got < 0 && errno != EINTR && errno != EAGAIN) {
		cli_complain("cannot read %s: %s", p->file ? p->file : "stdin",
		             strerror(errno));
		return CLI_FAILED;
	}
	*ended = got == 0;
	in->len += got > 0 ? (size_t)got : 0;
	return CLI_OK;
}

static int
read_all(struct payload *p, struct connection *n, int fd, int64_t deadline,
         struct buf *in)
{
	bool ended = false;
	int r = CLI_OK;

	while (r == CLI_OK && !ended) {
		r = payload_read_some(p, n, fd, deadline, in, &ended);
		if (r == CLI_OK && in->len > umbel_max_frame(n->c))
			r = payload_too_long(p, n, in->len, true);
	}
	return r;
}

static int
read_file(struct payload *p, struct connection *n, int64_t deadline,
          struct buf *in)
{
	int fd = open(p->file, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0) {
		cli_complain("cannot open %s: %s", p->file, strerror(errno));
		return CLI_FAILED;
	}
	r = read_all(p, n, fd, deadline, in);
	close(fd);
	return r;
}

int
payload_read(struct payload *p, struct connection *n, int64_t deadline,
             struct buf *in)
{
	buf_text(in); /* so that it has a place even when it is empty */
	switch (p->source) {
	case FROM_ARGUMENT:
		buf_puts(in, p->text);
		break;
	case FROM_STDIN:
		return read_all(p, n, STDIN_FILENO, deadline, in);
	case FROM_FILE:
		return read_file(p, n, deadline, in);
	case FROM_LINES:
	case FROM_EMPTY:
	case FROM_NOWHERE:
		break;
	}
	return CLI_OK;
}

void
payload_free(struct payload *p)
{
	free(p->headers);
	buf_free(&p->packed);
}
