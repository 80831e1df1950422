/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * log - one line per event on stderr: words first, then key=value.
 *
 *	umbeld: evicted session=42 name="ui" pid=977 uid=1000 waited_ms=2000
 *
 * What comes from clients goes through log_text(), so that nobody can forge a
 * line. A cause that repeats is held to a few lines a second; the next line
 * says how many were left out.
 */
#ifndef UMBELD_LOG_H
#define UMBELD_LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* What lines are about; each is limited by itself. */
enum log_cause {
	LOG_LIFE, /* the broker's own coming and going: never limited */
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
		uint64_t second; /* that `lines` counts */
		unsigned lines;
		unsigned left_out;
	} causes[LOG_N_CAUSES];
};

void log_event(struct log *log, enum log_level level, enum log_cause cause,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

#define LOG_TEXT_MAX 160

/*
 * `text` in quotes, cut to a sensible length, with control characters, quotes
 * and bytes that are no UTF-8 escaped. Returns buf.
 */
const char *log_text(char buf[LOG_TEXT_MAX], const char *text, size_t len);

/* "error", "warn", "info", "debug" -> *out. Returns 0 or -EINVAL. */
int log_level_parse(const char *word, enum log_level *out);
const char *log_level_name(enum log_level level);

#endif
