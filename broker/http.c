/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* The longest line with a chunk's size and extensions. */
#define LINE_MAX_BYTES 256u
#define TRAILER_MAX    4096u
/* The maximum number of hex digits in a chunk's size: 2^60 exceeds every
   limit. */
#define SIZE_DIGITS    15u

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 9110: the characters of method and field names. */
static bool
is_token_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static bool
is_token(struct text t)
{
	for (uint32_t i = 0; i < t.len; i++) {
		if (!is_token_char(t.at[i]))
			return false;
	}
	return t.len > 0;
}

static bool
text_is(struct text t, const char *word)
{
	return t.len == strlen(word) && strncasecmp(t.at, word, t.len) == 0;
}

static struct text
trim(struct text t)
{
	while (t.len > 0 && is_space(t.at[0])) {
		t.at++;
		t.len--;
	}
	while (t.len > 0 && is_space(t.at[t.len - 1]))
		t.len--;
	return t;
}

/* ---- lines ---------------------------------------------------------------- */

/* Take the first line, without its line end; *rest is what follows. False if it
   has no end. */
static bool
take_line(struct text *rest, struct text *line)
{
	const char *end =
		rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;

	if (!end)
		return false;
	*line = (struct text){ rest->at, (uint32_t)(end - rest->at) };
	rest->len -= line->len + 1;
	rest->at = end + 1;
	if (line->len > 0 && line->at[line->len - 1] == '\r')
		line->len--;
	return true;
}

size_t
http_head_length(const char *bytes, size_t len)
{
	struct text rest = { bytes, (uint32_t)len }, line;
	bool begun = false;

	while (take_line(&rest, &line)) {
		if (line.len == 0 && begun)
			return (size_t)(rest.at - bytes);
		begun |= line.len > 0;
	}
	return 0;
}

/* ---- the first line ------------------------------------------------------- */

/* Take the text up to the next space, and skip that. */
static struct text
take_word(struct text *line)
{
	const char *space =
		line->len > 0 ? memchr(line->at, ' ', line->len) : NULL;
	struct text word = *line;

	if (space)
		word.len = (uint32_t)(space - line->at);
	line->at += word.len + (space != NULL);
	line->len -= word.len + (space != NULL);
	return word;
}

static bool
is_visible(struct text t)
{
	for (uint32_t i = 0; i < t.len; i++) {
		if (t.at[i] <= ' ' || t.at[i] == 0x7f)
			return false;
	}
	return t.len > 0;
}

/* "http://any.where/path" means /path: there is only one server here. */
static struct text
without_authority(struct text target)
{
	const char *slash;

	if (target.len < 7 || strncasecmp(target.at, "http://", 7) != 0)
		return target;
	target.at += 7;
	target.len -= 7;
	slash = target.len > 0 ? memchr(target.at, '/', target.len) : NULL;
	if (!slash)
		return text_from("/");
	target.len -= (uint32_t)(slash - target.at);
	target.at = slash;
	return target;
}

static void
split_target(struct text target, struct http_head *out)
{
	const char *mark = memchr(target.at, '?', target.len);

	out->path = target;
	if (!mark)
		return;
	out->path.len = (uint32_t)(mark - target.at);
	out->query = (struct text){ mark + 1, target.len - out->path.len - 1 };
}

static unsigned
read_first_line(struct text line, struct http_head *out)
{
	struct text target;

	out->method = take_word(&line);
	target = take_word(&line);
	if (!is_token(out->method) || !is_visible(target))
		return 400;
	if (line.len != 8 || memcmp(line.at, "HTTP/", 5) != 0 ||
	    line.at[6] != '.' || line.at[7] < '0' || line.at[7] > '9')
		return 400;
	if (line.at[5] != '1')
		return 505;
	out->minor = (unsigned)(line.at[7] - '0');
	split_target(without_authority(target), out);
	return 0;
}

/* ---- fields --------------------------------------------------------------- */

/* "name: value" */
static bool
split_field(struct text line, struct text *name, struct text *value)
{
	const char *colon = memchr(line.at, ':', line.len);

	if (!colon)
		return false;
	*name = (struct text){ line.at, (uint32_t)(colon - line.at) };
	*value = trim((struct text){ colon + 1, line.len - name->len - 1 });
	return is_token(*name);
}

static bool
value_is_clean(struct text value)
{
	for (uint32_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.at[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool
next_field(struct text *rest, struct text *name, struct text *value)
{
	struct text line;

	return take_line(rest, &line) && line.len > 0 &&
	       split_field(line, name, value);
}

struct text
http_field(const struct http_head *h, const char *name)
{
	struct text rest = h->fields, field, value;

	while (next_field(&rest, &field, &value)) {
		if (text_is(field, name))
			return value;
	}
	return (struct text){ NULL, 0 };
}

/* Is this word in the list? */
static bool
list_has(struct text list, const char *word)
{
	while (list.len > 0) {
		const char *comma = memchr(list.at, ',', list.len);
		struct text one = list;

		if (comma)
			one.len = (uint32_t)(comma - list.at);
		if (text_is(trim(one), word))
			return true;
		list.at += one.len + (comma != NULL);
		list.len -= one.len + (comma != NULL);
	}
	return false;
}

static bool
read_length(struct text value, uint64_t *out)
{
	*out = 0;
	if (value.len == 0 || value.len > 18)
		return false;
	for (uint32_t i = 0; i < value.len; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return false;
		*out = *out * 10 + (uint64_t)(value.at[i] - '0');
	}
	return true;
}

struct framing {
	unsigned lengths, encodings, hosts; /* how often each was given */
};

static unsigned
take_field(struct text name, struct text value, struct http_head *out,
           struct framing *f)
{
	if (!value_is_clean(value))
		return 400;
	if (text_is(name, "content-length")) {
		f->lengths++;
		if (!read_length(value, &out->length))
			return 400;
	} else if (text_is(name, "transfer-encoding")) {
		f->encodings++;
		if (!text_is(value, "chunked"))
			return 501;
		out->chunked = true;
	} else if (text_is(name, "host")) {
		f->hosts++;
	} else if (text_is(name, "connection")) {
		if (list_has(value, "close"))
			out->keep_alive = false;
		else if (list_has(value, "keep-alive"))
			out->keep_alive = true;
	} else if (text_is(name, "expect")) {
		if (!text_is(value, "100-continue"))
			return 417;
		out->waits = out->minor > 0;
	}
	return 0;
}

/* Two lengths, or a length and an encoding, are refused, because another parser
   could see another end. There must be one Host field, with any value, as RFC
   9112 requires. */
static unsigned
check_framing(const struct http_head *h, const struct framing *f)
{
	if (f->lengths + f->encodings > 1 || f->hosts > 1 ||
	    (f->hosts == 0 && h->minor > 0) ||
	    (f->encodings > 0 && h->minor == 0))
		return 400;
	return 0;
}

unsigned
http_read_head(const char *bytes, size_t len, struct http_head *out)
{
	struct text rest = { bytes, (uint32_t)len }, line = { NULL, 0 };
	struct framing f = { 0 };
	unsigned status;

	*out = (struct http_head){ 0 };
	while (take_line(&rest, &line) && line.len == 0)
		continue;
	status = read_first_line(line, out);
	if (status)
		return status;
	out->keep_alive = out->minor > 0;
	out->fields = rest;
	while (take_line(&rest, &line) && line.len > 0) {
		struct text name, value;

		if (!split_field(line, &name, &value))
			return 400;
		status = take_field(name, value, out, &f);
		if (status)
			return status;
	}
	return check_framing(out, &f);
}

/* ---- the target ----------------------------------------------------------- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that "%41" at the front encodes, or -1. */
static int
escaped(struct text in)
{
	int high, low;

	if (in.len < 3)
		return -1;
	high = hex_digit(in.at[1]);
	low = hex_digit(in.at[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static int
decode(struct text in, bool plus_is_space, char *out, size_t cap)
{
	size_t n = 0;

	while (in.len > 0) {
		uint32_t step = in.at[0] == '%' ? 3 : 1;
		int c = step == 3 ? escaped(in) : in.at[0];

		if ((step == 3 && c < 0) || n == cap)
			return -1;
		if (step == 1 && c == '+' && plus_is_space)
			c = ' ';
		out[n++] = (char)c;
		in.at += step;
		in.len -= step;
	}
	return (int)n;
}

int
http_decode(struct text in, char *out, size_t cap)
{
	return decode(in, false, out, cap);
}

/* Take "name=value"; without "=" the value is empty. */
static struct text
take_pair(struct text *query, struct text *value)
{
	const char *end = memchr(query->at, '&', query->len);
	struct text name = *query;
	const char *equals;

	if (end)
		name.len = (uint32_t)(end - query->at);
	query->at += name.len + (end != NULL);
	query->len -= name.len + (end != NULL);
	*value = (struct text){ name.at + name.len, 0 };
	equals = name.len > 0 ? memchr(name.at, '=', name.len) : NULL;
	if (equals) {
		value->at = equals + 1;
		value->len = name.len - (uint32_t)(equals - name.at) - 1;
		name.len = (uint32_t)(equals - name.at);
	}
	return name;
}

int
http_query(const struct http_head *h, const char *name, unsigned nth, char *out,
           size_t cap)
{
	struct text query = h->query, value;

	while (query.len > 0) {
		struct text found = take_pair(&query, &value);

		if (found.len == strlen(name) &&
		    memcmp(found.at, name, found.len) == 0 && nth-- == 0)
			return decode(value, true, out, cap);
	}
	return HTTP_ABSENT;
}

bool
http_query_next(struct text *rest, struct text *name)
{
	struct text value;

	if (rest->len == 0)
		return false;
	*name = take_pair(rest, &value);
	return true;
}

/* ---- a body in chunks ----------------------------------------------------- */

/* Read "1a2b", optionally with "; something". */
static bool
read_size(struct text line, uint64_t *out)
{
	uint32_t i = 0;

	*out = 0;
	for (; i < line.len && hex_digit(line.at[i]) >= 0; i++) {
		if (i == SIZE_DIGITS)
			return false;
		*out = *out << 4 | (uint64_t)hex_digit(line.at[i]);
	}
	if (i == 0)
		return false;
	line.at += i;
	line.len -= i;
	line = trim(line);
	return line.len == 0 || line.at[0] == ';';
}

static enum http_piece
take_size(struct http_chunks *c, struct text line)
{
	if (!read_size(line, &c->left))
		return HTTP_PIECE_BAD;
	c->at = c->left > 0 ? HTTP_DATA : HTTP_TRAILER;
	return HTTP_PIECE_MORE;
}

static enum http_piece
take_trailer(struct http_chunks *c, struct text line)
{
	c->trailer += line.len + 2;
	if (c->trailer > TRAILER_MAX)
		return HTTP_PIECE_BAD;
	return line.len == 0 ? HTTP_PIECE_LAST : HTTP_PIECE_MORE;
}

/* Process a line between the data. HTTP_PIECE_MORE asks for the next line. */
static enum http_piece
take_control(struct http_chunks *c, struct text line)
{
	switch (c->at) {
	case HTTP_SIZE:
		return take_size(c, line);
	case HTTP_TRAILER:
		return take_trailer(c, line);
	case HTTP_DATA:
	case HTTP_DATA_END:
		break;
	}
	return HTTP_PIECE_BAD;
}

static struct text
take_data(struct http_chunks *c, struct text *rest, size_t most)
{
	struct text data = *rest;

	if (data.len > most)
		data.len = (uint32_t)most;
	if (data.len > c->left)
		data.len = (uint32_t)c->left;
	c->left -= data.len;
	if (c->left == 0)
		c->at = HTTP_DATA_END;
	rest->at += data.len;
	rest->len -= data.len;
	return data;
}

/* Only CR LF is accepted: if a chunk's size were one byte too small, a more
   lenient parser would take the last byte for the line end. */
static enum http_piece
take_data_end(struct http_chunks *c, struct text *rest)
{
	if (rest->at[0] != '\r' || (rest->len > 1 && rest->at[1] != '\n'))
		return HTTP_PIECE_BAD;
	if (rest->len == 1)
		return HTTP_PIECE_MORE;
	rest->at += 2;
	rest->len -= 2;
	c->at = HTTP_SIZE;
	return HTTP_PIECE_MORE;
}

enum http_piece
http_next_piece(struct http_chunks *c, const char *bytes, size_t len,
                size_t most, size_t *used, struct text *data)
{
	struct text rest = { bytes, (uint32_t)len }, line;
	enum http_piece piece = HTTP_PIECE_MORE;

	while (piece == HTTP_PIECE_MORE && rest.len > 0) {
		if (c->at == HTTP_DATA) {
			*data = take_data(c, &rest, most);
			piece = HTTP_PIECE;
		} else if (c->at == HTTP_DATA_END) {
			piece = take_data_end(c, &rest);
			if (c->at == HTTP_DATA_END)
				break;
		} else if (take_line(&rest, &line)) {
			piece = line.len > LINE_MAX_BYTES
			                ? HTTP_PIECE_BAD
			                : take_control(c, line);
		} else {
			if (rest.len > LINE_MAX_BYTES)
				piece = HTTP_PIECE_BAD;
			break;
		}
	}
	*used = len - rest.len;
	return piece;
}

/* ---- answers -------------------------------------------------------------- */

const char *
http_phrase(unsigned status)
{
	static const struct {
		unsigned status;
		const char *phrase;
	} phrases[] = {
		{ 200, "OK" },
		{ 400, "Bad Request" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 417, "Expectation Failed" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
	};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return "Unknown";
}

/* Not strftime(), whose words depend on the locale. */
void
http_date(int64_t seconds, char out[HTTP_DATE_SIZE])
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed",
		                        "Thu", "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr",
		                          "May", "Jun", "Jul", "Aug",
		                          "Sep", "Oct", "Nov", "Dec" };
	time_t t = (time_t)seconds;
	struct tm tm = { 0 };

	gmtime_r(&t, &tm);
	snprintf(out, HTTP_DATE_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT",
	         days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
	         (tm.tm_year + 1900) % 10000, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
