/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * log - one line per event on stderr: words first, then key=value.
 *
 *	umbeld: evicted session=42 name="ui" pid=977 uid=1000 waited_ms=2000
 *
 * Text from clients is quoted by log_text(), so that a client cannot forge a
 * line. Each cause is limited to a few lines a second; the next line of that
 * cause, or a line behind a later one of another cause, says how many were left
 * out.
 */
#ifndef UMBELD_LOG_H
#define UMBELD_LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* What a line is about. Each cause has its own limit. */
enum log_cause {
	LOG_LIFE, /* start, stop and reload: never limited */
	LOG_SESSION,
	LOG_FAULT,
	LOG_REFUSED,
	LOG_HELD,
	LOG_EVICTED,
	LOG_DROPPED,
	LOG_ACCEPT,
	LOG_MEMORY,
	LOG_N_CAUSES,
};

struct log {
	enum log_level level;
	struct {
		uint64_t second; /* the second that `lines` counts */
		unsigned lines;
		unsigned left_out;
	} causes[LOG_N_CAUSES];
};

void log_event(struct log *log, enum log_level level, enum log_cause cause,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

#define LOG_TEXT_MAX 160

/*
 * `text` in quotes, truncated to fit, with control characters, quotes, and
 * bytes that are not UTF-8 escaped. Returns buf.
 */
const char *log_text(char buf[LOG_TEXT_MAX], const char *text, size_t len);

/* "error", "warn", "info", "debug" -> *out. Returns 0 or -EINVAL. */
int log_level_parse(const char *word, enum log_level *out);
const char *log_level_name(enum log_level level);

#endif
