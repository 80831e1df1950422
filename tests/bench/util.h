/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * util - what every file of the bench needs: a clock, a way to give up, and
 * Unix sockets.
 */
#ifndef BENCH_UTIL_H
#define BENCH_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Say why on stderr and end this process with status 1. */
_Noreturn void die(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* These end the process when there is no memory. */
void *must_alloc(size_t size); /* zeroed */
void *must_realloc(void *p, size_t size);
char *must_format(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* CLOCK_MONOTONIC, and the CPU time of another process; nanoseconds. */
uint64_t now_ns(void);
uint64_t cpu_ns(int pid);
void sleep_until(uint64_t ns); /* of CLOCK_MONOTONIC */

/* A line of /proc/PID/status, such as "VmHWM:", in bytes. */
uint64_t memory_of(int pid, const char *line);

/* Wait, for as long as *word is `value`, or a time, or something else. */
void word_await(_Atomic uint32_t *word, uint32_t value, int timeout_ms);
void word_wake(_Atomic uint32_t *word);

/* <dir>/<name>, as a Unix stream socket. The send buffer holds 1 MiB. */
int unix_listen(const char *dir, const char *name);
int unix_connect(const char *dir, const char *name); /* -1: nobody there */
void unix_enlarge(int fd);
bool unix_answers(const char *dir, const char *name);

/* Replace this process by the program that `argv` names, found as a shell
   would, with its output in <dir>/log. */
_Noreturn void exec_server(const char *dir, const char *const *argv);

#endif
