/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/frame.h"

#define SYSTEM_SOCKET "/run/umbel/umbel.sock"
#define SYSTEM_USER   "umbel"
#define MEMORY_MAX    ((size_t)256 << 20)

/* ---- the flags ----------------------------------------------------------- */

enum kind { KIND_PATH, KIND_MODE, KIND_FD, KIND_LEVEL, KIND_BYTES, KIND_U32 };

struct flag {
	const char *name;
	enum kind kind;
	size_t offset;
	uint64_t min, max;
	const char *value; /* in --help */
	const char *help;
};

#define AT(member) offsetof(struct config, member)
#define MS(n, m, min, text)                                            \
	{                                                              \
		n, KIND_U32, AT(m), min, 24u * 3600 * 1000, "MS", text \
	}

static const struct flag flags[] = {
	{ "socket", KIND_PATH, AT(socket_path), 0, 0, "PATH",
	  "listen here (default:\n"
	  "$XDG_RUNTIME_DIR/umbel/umbel.sock; for root and the\n"
	  "user umbel: " SYSTEM_SOCKET ")" },
	{ "mode", KIND_MODE, AT(mode), 0, 0777, "OCTAL",
	  "permissions of the socket (default 0600)" },
	{ "datagram", KIND_PATH, AT(datagram_path), 0, 0, "PATH",
	  "take messages that are datagrams here, too" },
	{ "datagram-mode", KIND_MODE, AT(datagram_mode), 0, 0777, "OCTAL",
	  "permissions of that socket (default 0600)" },
	{ "datagram-rate", KIND_U32, AT(datagram_rate), 1, UINT32_MAX, "N",
	  "datagrams of one user in a second; more are dropped\n"
	  "(default 10000)" },
	{ "ready-fd", KIND_FD, AT(ready_fd), 0, 1 << 20, "N",
	  "write a newline to this descriptor when listening" },
	{ "log-level", KIND_LEVEL, AT(log_level), 0, 0, "LEVEL",
	  "error, warn, info (default) or debug" },
	{ "memory-max", KIND_BYTES, AT(memory_max), 1 << 20, UINT64_C(1) << 40,
	  "BYTES",
	  "for all messages that wait (default 256 MiB, at most\n"
	  "an eighth of the memory there is)" },
	{ "max-frame", KIND_U32, AT(max_frame), 1024, 64u << 20, "BYTES",
	  "longest frame body (default 4 MiB)" },
	{ "outbox-high", KIND_BYTES, AT(outbox_high), 4096, UINT64_C(1) << 32,
	  "BYTES",
	  "what may wait for one subscriber before its publishers\n"
	  "wait (default 8 MiB)" },
	{ "max-subscriptions", KIND_U32, AT(max_subscriptions), 1, 1u << 30,
	  "N", "of one session (default 200000)" },
	{ "retained-max", KIND_U32, AT(retained_max), 0, 1u << 30, "N",
	  "last values that are kept (default 100000)" },
	{ "retained-bytes", KIND_BYTES, AT(retained_bytes), 0,
	  UINT64_C(1) << 40, "BYTES",
	  "memory for them, topics and overhead included\n"
	  "(default 64 MiB; never more than a quarter of\n"
	  "--memory-max, out of which it is taken)" },
	MS("handshake-ms", handshake_ms, 0, "time for HELLO (default 10000)"),
	MS("frame-ms", frame_ms, 0,
	   "time for the rest of a frame (default 30000)"),
	MS("stall-ms", stall_ms, 1,
	   "a subscriber that holds others up and takes no byte\n"
	   "for this time is cut off (default 2000)"),
	MS("hold-max-ms", hold_max_ms, 0,
	   "so is one that holds one publisher this long\n"
	   "(default 10000)"),
	MS("hold-notice-ms", hold_notice_ms, 0,
	   "tell publishers of holds longer than this\n"
	   "(default 100)"),
	MS("linger-ms", linger_ms, 0,
	   "time to send last words to a session (default 5000)"),
	MS("settle-ms", settle_ms, 0,
	   "after the start, take subscriptions only until nobody\n"
	   "has come for this time (and five times this at most),\n"
	   "so that publishers do not outrun subscribers\n"
	   "(default 200)"),
	MS("drain-ms", drain_ms, 0,
	   "on SIGTERM, time for clients to finish (default 3000)"),
};

#define N_FLAGS (sizeof(flags) / sizeof(flags[0]))

static void
print_help(void)
{
	printf("usage: umbeld [--socket PATH] [--mode 0600] ...\n"
	       "\n"
	       "The message broker for the services of this machine. Runs in\n"
	       "the foreground, logs to stderr, ends on SIGTERM or SIGINT.\n"
	       "\n");
	for (size_t i = 0; i < N_FLAGS; i++) {
		const char *text = flags[i].help;
		char left[32];

		snprintf(left, sizeof(left), "--%s %s", flags[i].name,
		         flags[i].value);
		printf("  %-24s", left);
		for (; *text; text++) {
			putchar(*text);
			if (*text == '\n')
				printf("%26s", "");
		}
		putchar('\n');
	}
	printf("  %-24s%s\n  %-24s%s\n"
	       "\n"
	       "BYTES may end in K, M or G (1024 and its powers).\n"
	       "Exit status: 0 after an orderly end, 1 when it could not run,\n"
	       "2 for wrong usage.\n",
	       "--help", "this", "--version", "print the version");
}

/* ---- their values -------------------------------------------------------- */

static bool
parse_number(const char *text, const struct flag *flag, uint64_t *out)
{
	uint64_t unit = 1, n;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, flag->kind == KIND_MODE ? 8 : 10);
	if (errno || end == text)
		return false;
	if (flag->kind == KIND_BYTES || flag->kind == KIND_U32) {
		if (*end == 'K')
			unit = 1u << 10;
		else if (*end == 'M')
			unit = 1u << 20;
		else if (*end == 'G')
			unit = 1u << 30;
		end += unit > 1;
	}
	if (*end || n > UINT64_MAX / unit || n * unit < flag->min ||
	    n * unit > flag->max)
		return false;
	*out = n * unit;
	return true;
}

static int
bad_value(const struct flag *flag, const char *text)
{
	if (flag->kind == KIND_PATH)
		fprintf(stderr, "umbeld: --%s %s: expected a path\n",
		        flag->name, text);
	else if (flag->kind == KIND_LEVEL)
		fprintf(stderr,
		        "umbeld: --%s %s: expected error, warn, info or "
		        "debug\n",
		        flag->name, text);
	else if (flag->kind == KIND_MODE)
		fprintf(stderr,
		        "umbeld: --%s %s: expected an octal mode up to 0777\n",
		        flag->name, text);
	else
		fprintf(stderr,
		        "umbeld: --%s %s: expected a number from %llu to "
		        "%llu\n",
		        flag->name, text, (unsigned long long)flag->min,
		        (unsigned long long)flag->max);
	return -EINVAL;
}

static int
out_of_memory(void)
{
	fputs("umbeld: no memory to read the flags\n", stderr);
	return -ENOMEM;
}

static int
set(struct config *c, const struct flag *flag, const char *text)
{
	void *at = (char *)c + flag->offset;
	uint64_t n = 0;
	char *copy;

	switch (flag->kind) {
	case KIND_PATH:
		if (!*text)
			return bad_value(flag, "\"\"");
		copy = strdup(text);
		if (!copy)
			return out_of_memory();
		free(*(char **)at);
		*(char **)at = copy;
		return 0;
	case KIND_LEVEL:
		if (log_level_parse(text, at) < 0)
			return bad_value(flag, text);
		return 0;
	case KIND_MODE:
	case KIND_FD:
	case KIND_BYTES:
	case KIND_U32:
		break;
	}
	if (!parse_number(text, flag, &n))
		return bad_value(flag, text);
	if (flag->kind == KIND_MODE)
		*(mode_t *)at = (mode_t)n;
	else if (flag->kind == KIND_FD)
		*(int *)at = (int)n;
	else if (flag->kind == KIND_BYTES)
		*(size_t *)at = (size_t)n;
	else
		*(uint32_t *)at = (uint32_t)n;
	return 0;
}

/* ---- defaults ------------------------------------------------------------ */

/* The limit of the cgroup that we run in, if it can be read. */
static uint64_t
cgroup_limit(void)
{
	unsigned long long n = UINT64_MAX;
	FILE *f = fopen("/sys/fs/cgroup/memory.max", "re");

	if (!f)
		return UINT64_MAX;
	if (fscanf(f, "%llu", &n) != 1)
		n = UINT64_MAX;
	fclose(f);
	return n;
}

static size_t
default_memory_max(void)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	long page = sysconf(_SC_PAGESIZE);
	uint64_t there = pages > 0 && page > 0
	                         ? (uint64_t)pages * (uint64_t)page
	                         : UINT64_MAX;
	uint64_t limit = cgroup_limit();

	if (limit < there)
		there = limit;
	return there / 8 < MEMORY_MAX ? (size_t)(there / 8) : MEMORY_MAX;
}

static bool
is_system_user(void)
{
	const struct passwd *pw;

	if (geteuid() == 0)
		return true;
	pw = getpwnam(SYSTEM_USER);
	return pw && pw->pw_uid == geteuid();
}

static int
default_socket_path(struct config *c)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	if (is_system_user()) {
		c->socket_path = strdup(SYSTEM_SOCKET);
	} else if (dir && dir[0] == '/') {
		if (asprintf(&c->socket_path, "%s/umbel/umbel.sock", dir) < 0)
			c->socket_path = NULL;
	} else {
		fprintf(stderr, "umbeld: XDG_RUNTIME_DIR is not set, so there "
		                "is no default place for the socket; say "
		                "--socket PATH\n");
		return -EINVAL;
	}
	return c->socket_path ? 0 : out_of_memory();
}

static void
set_defaults(struct config *c)
{
	*c = (struct config){
		.mode = 0600,
		.datagram_mode = 0600,
		.datagram_rate = 10000,
		.ready_fd = -1,
		.log_level = LOG_INFO,
		.memory_max = default_memory_max(),
		.max_frame = FRAME_MAX_DEFAULT,
		.outbox_high = 8u << 20,
		.max_subscriptions = 200000,
		.retained_max = 100000,
		.retained_bytes = 64u << 20,
		.handshake_ms = 10000,
		.frame_ms = 30000,
		.stall_ms = 2000,
		.hold_max_ms = 10000,
		.hold_notice_ms = 100,
		.linger_ms = 5000,
		.settle_ms = 200,
		.drain_ms = 3000,
	};
}

static enum config_result
parse_flags(struct config *c, int argc, char **argv)
{
	struct option options[N_FLAGS + 3] = {
		[N_FLAGS] = { "help", no_argument, NULL, 'h' },
		[N_FLAGS + 1] = { "version", no_argument, NULL, 'V' },
	};
	int which, index = 0;

	for (size_t i = 0; i < N_FLAGS; i++)
		options[i] = (struct option){ flags[i].name, required_argument,
			                      NULL, 'f' };
	while ((which = getopt_long(argc, argv, "hV", options, &index)) != -1) {
		switch (which) {
		case 'h':
			print_help();
			return CONFIG_SHOWN;
		case 'V':
			puts("umbeld " UMBEL_VERSION);
			return CONFIG_SHOWN;
		case 'f':
			if (set(c, &flags[index], optarg) < 0)
				return CONFIG_BAD;
			break;
		default:
			fputs("umbeld: see umbeld --help\n", stderr);
			return CONFIG_BAD;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "umbeld: unexpected argument: %s\n",
		        argv[optind]);
		return CONFIG_BAD;
	}
	return CONFIG_OK;
}

enum config_result
config_parse(struct config *c, int argc, char **argv)
{
	enum config_result r;

	set_defaults(c);
	r = parse_flags(c, argc, argv);
	if (r == CONFIG_OK && !c->socket_path && default_socket_path(c) < 0)
		r = CONFIG_BAD;
	if (r != CONFIG_OK)
		config_fini(c);
	return r;
}

void
config_fini(struct config *c)
{
	free(c->socket_path);
	free(c->datagram_path);
	c->socket_path = c->datagram_path = NULL;
}
