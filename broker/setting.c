/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "setting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"

#define AT(member) offsetof(struct config, member)
#define MS(n, m, min, text, section)                                       \
	{                                                                  \
		n, SETTING_U32, AT(m), min, 24u * 3600 * 1000, "MS", text, \
			section                                            \
	}

static const struct setting settings[] = {
	{ "config", SETTING_PATH, AT(file), 0, 0, "FILE",
	  "read settings and rules from here, and rules from\n"
	  "acl.d/*.yaml beside it; flags win over it. SIGHUP:\n"
	  "read rules and log level again",
	  NULL },
	{ "socket", SETTING_PATH, AT(socket_path), 0, 0, "PATH",
	  "listen here (default:\n"
	  "$XDG_RUNTIME_DIR/umbel/umbel.sock; for root and the\n"
	  "user umbel: " CONFIG_SYSTEM_SOCKET ")",
	  NULL },
	{ "mode", SETTING_MODE, AT(mode), 0, 0777, "OCTAL",
	  "permissions of the socket (default 0600)", NULL },
	{ "datagram", SETTING_PATH, AT(datagram_path), 0, 0, "PATH",
	  "take messages that are datagrams here, too", "" },
	{ "datagram-mode", SETTING_MODE, AT(datagram_mode), 0, 0777, "OCTAL",
	  "permissions of that socket (default 0600)", "" },
	{ "datagram-rate", SETTING_U32, AT(datagram_rate), 1, UINT32_MAX, "N",
	  "datagrams of one user in a second; more are dropped\n"
	  "(default 10000)",
	  "limits" },
	{ "http", SETTING_PATH, AT(http_path), 0, 0, "PATH",
	  "speak HTTP here, too: figures, lists, messages,\n"
	  "requests, events;\n"
	  "curl --unix-socket PATH http://umbel/",
	  "" },
	{ "http-mode", SETTING_MODE, AT(http_mode), 0, 0777, "OCTAL",
	  "permissions of that socket (default 0600)", "" },
	{ "http-role", SETTING_ROLE, AT(http_role), 0, 0, "WORD",
	  "what rules call those who come by it", "" },
	{ "ready-fd", SETTING_FD, AT(ready_fd), 0, 1 << 20, "N",
	  "write a newline to this descriptor when listening", NULL },
	{ "log-level", SETTING_LEVEL, AT(log_level), 0, 0, "LEVEL",
	  "error, warn, info (default) or debug", "" },
	{ "memory-max", SETTING_BYTES, AT(memory_max), 1 << 20,
	  UINT64_C(1) << 40, "BYTES",
	  "for all messages that wait (default 256 MiB, at most\n"
	  "an eighth of the memory there is)",
	  "limits" },
	{ "max-frame", SETTING_U32, AT(max_frame), 1024, 64u << 20, "BYTES",
	  "longest frame body (default 4 MiB)", "limits" },
	{ "outbox-high", SETTING_BYTES, AT(outbox_high), 4096,
	  UINT64_C(1) << 32, "BYTES",
	  "what may wait for one subscriber before its\n"
	  "publishers wait (default 8 MiB)",
	  "overflow" },
	{ "max-subscriptions", SETTING_U32, AT(max_subscriptions), 1, 1u << 30,
	  "N", "of one session (default 200000)", "limits" },
	{ "max-user-subscriptions", SETTING_U32, AT(max_user_subscriptions), 1,
	  1u << 30, "N", "\nof one user (default 1000000)", "limits" },
	{ "max-user-connections", SETTING_U32, AT(max_user_connections), 0,
	  1u << 30, "N",
	  "\nof one user (default 0: descriptors less the\n"
	  "reserve); root and umbeld's own user have two more",
	  "limits" },
	{ "max-handshakes", SETTING_U32, AT(max_handshakes), 1, 1u << 30, "N",
	  "connections that have not said HELLO yet\n"
	  "(default 8192)",
	  "limits" },
	{ "descriptor-reserve", SETTING_U32, AT(descriptor_reserve), 0,
	  1u << 20, "N", "descriptors that are not for clients (default 32)",
	  "limits" },
	{ "publish-rate", SETTING_U32, AT(publish_rate), 0, 1u << 30, "N",
	  "messages of one session in a second; it is not read\n"
	  "faster than that (default 0: any number)",
	  "limits" },
	{ "retained-max", SETTING_U32, AT(retained_max), 0, 1u << 30, "N",
	  "last values that are kept (default 100000)", "limits" },
	{ "retained-bytes", SETTING_BYTES, AT(retained_bytes), 0,
	  UINT64_C(1) << 40, "BYTES",
	  "memory for them, topics and overhead included\n"
	  "(default 64 MiB; never more than a quarter of\n"
	  "--memory-max, out of which it is taken)",
	  "limits" },
	MS("handshake-ms", handshake_ms, 0, "time for HELLO (default 10000)",
	   "limits"),
	MS("frame-ms", frame_ms, 0,
	   "time for the rest of a frame (default 30000)", "limits"),
	MS("stall-ms", stall_ms, 1,
	   "a subscriber that holds others up and takes no byte\n"
	   "for this time is cut off (default 2000)",
	   "overflow"),
	MS("hold-max-ms", hold_max_ms, 0,
	   "so is one that holds one publisher this long\n"
	   "(default 10000)",
	   "overflow"),
	MS("hold-notice-ms", hold_notice_ms, 0,
	   "tell publishers of holds longer than this\n"
	   "(default 100)",
	   "overflow"),
	MS("linger-ms", linger_ms, 0,
	   "time to send last words to a session (default 5000)", "limits"),
	MS("settle-ms", settle_ms, 0,
	   "after the start, take subscriptions only until nobody\n"
	   "has come for this time (and five times this at most),\n"
	   "so that publishers do not outrun subscribers\n"
	   "(default 200)",
	   "limits"),
	MS("drain-ms", drain_ms, 0,
	   "on SIGTERM, time for clients to finish (default 3000)", "limits"),
	MS("give-back-ms", give_back_ms, 1,
	   "memory that nobody needs for this time goes back to\n"
	   "the kernel (default 5000)",
	   "limits"),
};

#define N_SETTINGS (sizeof(settings) / sizeof(settings[0]))

const struct setting *
setting_at(size_t n)
{
	return n < N_SETTINGS ? &settings[n] : NULL;
}

/* ---- their values --------------------------------------------------------- */

/* The unit at the end of a number. *end is moved behind it. */
static uint64_t
parse_unit(char **end)
{
	uint64_t unit = 1;

	if (**end == 'K')
		unit = 1u << 10;
	else if (**end == 'M')
		unit = 1u << 20;
	else if (**end == 'G')
		unit = 1u << 30;
	*end += unit > 1;
	return unit;
}

static bool
parse_number(const struct setting *s, const char *text, uint64_t *out)
{
	uint64_t unit = 1, n;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, s->kind == SETTING_MODE ? 8 : 10);
	if (errno || end == text)
		return false;
	if (s->kind == SETTING_BYTES || s->kind == SETTING_U32)
		unit = parse_unit(&end);
	if (*end || n > UINT64_MAX / unit || n * unit < s->min ||
	    n * unit > s->max)
		return false;
	*out = n * unit;
	return true;
}

int
setting_parse_mode(const char *text, mode_t *mode)
{
	static const struct setting any = { .kind = SETTING_MODE, .max = 0777 };
	uint64_t n;

	if (!parse_number(&any, text, &n))
		return -EINVAL;
	*mode = (mode_t)n;
	return 0;
}

static int
take_text(char **at, const char *text)
{
	char *copy;

	if (!*text)
		return -EINVAL;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*at);
	*at = copy;
	return 0;
}

int
setting_take(const struct setting *s, struct config *c, const char *text)
{
	void *at = (char *)c + s->offset;
	uint64_t n = 0;

	if (s->kind == SETTING_ROLE && !rules_is_role(text))
		return -EINVAL;
	if (setting_is_text(s))
		return take_text(at, text);
	if (s->kind == SETTING_LEVEL)
		return log_level_parse(text, at);
	if (!parse_number(s, text, &n))
		return -EINVAL;
	if (s->kind == SETTING_MODE)
		*(mode_t *)at = (mode_t)n;
	else if (s->kind == SETTING_FD)
		*(int *)at = (int)n;
	else if (s->kind == SETTING_BYTES)
		*(size_t *)at = (size_t)n;
	else
		*(uint32_t *)at = (uint32_t)n;
	return 0;
}

void
setting_free(const struct setting *s, struct config *c)
{
	char **at = (void *)((char *)c + s->offset);

	if (!setting_is_text(s))
		return;
	free(*at);
	*at = NULL;
}

const char *
setting_expected(const struct setting *s, char buf[SETTING_WORDS_MAX])
{
	switch (s->kind) {
	case SETTING_PATH:
		return "a path";
	case SETTING_ROLE:
		return "letters, digits, - and _";
	case SETTING_LEVEL:
		return "error, warn, info or debug";
	case SETTING_MODE:
		return "an octal mode up to 0777";
	case SETTING_FD:
	case SETTING_BYTES:
	case SETTING_U32:
		break;
	}
	snprintf(buf, SETTING_WORDS_MAX, "a number from %llu to %llu%s",
	         (unsigned long long)s->min, (unsigned long long)s->max,
	         strcmp(s->value, "BYTES") == 0
	                 ? ", or with K, M or G behind it"
	                 : "");
	return buf;
}

const char *
setting_value(const struct setting *s, const struct config *c,
              char buf[SETTING_WORDS_MAX])
{
	const void *at = (const char *)c + s->offset;

	switch (s->kind) {
	case SETTING_PATH:
	case SETTING_ROLE:
		return *(char *const *)at ? *(char *const *)at : "";
	case SETTING_LEVEL:
		return log_level_name(*(const enum log_level *)at);
	case SETTING_MODE:
		snprintf(buf, SETTING_WORDS_MAX, "%04o",
		         (unsigned)*(const mode_t *)at);
		break;
	case SETTING_FD:
		snprintf(buf, SETTING_WORDS_MAX, "%d", *(const int *)at);
		break;
	case SETTING_BYTES:
		snprintf(buf, SETTING_WORDS_MAX, "%zu", *(const size_t *)at);
		break;
	case SETTING_U32:
		snprintf(buf, SETTING_WORDS_MAX, "%lu",
		         (unsigned long)*(const uint32_t *)at);
		break;
	}
	return buf;
}
