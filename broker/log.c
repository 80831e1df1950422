/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "proto/utf8.h"

#define LINES_PER_SECOND 20u
/* Room for the longest escape of one character, or for the quote and NUL at the
   end. */
#define TEXT_RESERVE     8u

static const char *const level_words[] = { "error", "warn", "info", "debug" };

int
log_level_parse(const char *word, enum log_level *out)
{
	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(word, level_words[i]) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *
log_level_name(enum log_level level)
{
	return level_words[level];
}

/* May another line of this cause be written? *left_out is how many were not
   written before it. */
static bool
may_write(struct log *log, enum log_cause cause, unsigned *left_out)
{
	uint64_t second = clock_now_ms() / 1000;

	*left_out = 0;
	if (cause == LOG_LIFE)
		return true;
	if (log->causes[cause].second != second) {
		log->causes[cause].second = second;
		log->causes[cause].lines = 0;
		*left_out = log->causes[cause].left_out;
		log->causes[cause].left_out = 0;
	}
	if (log->causes[cause].lines == LINES_PER_SECOND) {
		log->causes[cause].left_out++;
		return false;
	}
	log->causes[cause].lines++;
	return true;
}

/* The reader of our log may have stopped; that must not block the broker. */
static bool
has_room(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) != 0;
}

static const char *const cause_words[LOG_N_CAUSES] = {
	"life",    "session", "fault",  "refused", "held",
	"evicted", "dropped", "accept", "memory",
};

/* No other line of these causes came that could say it. */
static void
tell_left_out(struct log *log)
{
	uint64_t second = clock_now_ms() / 1000;

	for (unsigned i = 0; i < LOG_N_CAUSES; i++) {
		unsigned n = log->causes[i].left_out;

		if (n == 0 || log->causes[i].second == second)
			continue;
		log->causes[i].left_out = 0;
		fprintf(stderr, "umbeld: warn: left out lines=%u about=%s\n", n,
		        cause_words[i]);
	}
}

void
log_event(struct log *log, enum log_level level, enum log_cause cause,
          const char *format, ...)
{
	char line[1024];
	unsigned left_out;
	va_list args;

	if (level > log->level || !may_write(log, cause, &left_out))
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (!has_room(STDERR_FILENO)) {
		log->causes[cause].left_out += 1 + left_out;
		return;
	}
	if (left_out > 0)
		fprintf(stderr, "umbeld: %s: %s (%u like it left out)\n",
		        level_words[level], line, left_out);
	else
		fprintf(stderr, "umbeld: %s: %s\n", level_words[level], line);
	tell_left_out(log);
}

static size_t
escape(char *out, const uint8_t *s, size_t n, uint32_t c)
{
	if (n == 0) /* not UTF-8 */
		return (size_t)sprintf(out, "\\x%02x", s[0]);
	if (c == '"' || c == '\\')
		return (size_t)sprintf(out, "\\%c", (char)c);
	if (utf8_is_control(c))
		return (size_t)sprintf(out, "\\u%04x", (unsigned)c);
	memcpy(out, s, n);
	return n;
}

const char *
log_text(char buf[LOG_TEXT_MAX], const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t at = 0;

	buf[at++] = '"';
	while (len > 0) {
		uint32_t c = 0;
		size_t n = utf8_decode(s, len, &c);
		size_t step = n ? n : 1;

		if (at > LOG_TEXT_MAX - 2 * TEXT_RESERVE) {
			memcpy(buf + at, "...", 3);
			at += 3;
			break;
		}
		at += escape(buf + at, s, n, c);
		s += step;
		len -= step;
	}
	buf[at++] = '"';
	buf[at] = '\0';
	return buf;
}
