/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * config - the operator's settings: defaults, then a file, then flags.
 */
#ifndef UMBELD_CONFIG_H
#define UMBELD_CONFIG_H

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "acl.h"
#include "log.h"

/* There are fewer settings than this; see setting.h. */
#define CONFIG_MAX_SETTINGS 64

#define CONFIG_SYSTEM_SOCKET "/run/umbel/umbel.sock"
#define CONFIG_SYSTEM_USER   "umbel"

/* Where a value comes from. */
struct config_origin {
	enum {
		CONFIG_DEFAULT,
		CONFIG_FILE,
		CONFIG_FLAG,
		CONFIG_PART, /* reduced to its share of memory-max */
	} from;
	unsigned line; /* in the file */
};

struct config_socket {
	char *path;
	mode_t mode;
	uid_t owner; /* (uid_t)-1: not changed */
	gid_t group; /* the same */
	char *role;  /* role of its clients in the rules; NULL: none */
	unsigned line;
	struct {
		struct config_origin path, mode, owner, group, role;
	} from;
};

struct config {
	char *file;                    /* --config, or NULL */
	struct config_socket *sockets; /* at least one */
	size_t n_sockets;
	struct acl *acl;   /* NULL: everything is allowed */
	char **rule_files; /* paths of the files in acl.d, in order */
	size_t n_rule_files;
	unsigned n_warnings; /* printed while reading it */
	struct config_origin origins[CONFIG_MAX_SETTINGS];

	char *socket_path; /* of the first socket */
	mode_t mode;
	char *datagram_path; /* NULL: none */
	mode_t datagram_mode;
	char *http_path; /* NULL: none */
	mode_t http_mode;
	char *http_role; /* NULL: none */
	int ready_fd;    /* -1: none */
	enum log_level log_level;

	size_t memory_max;
	uint32_t max_frame;
	size_t outbox_high;
	uint32_t max_connections;        /* of all: see descriptor_reserve */
	uint32_t max_user_connections;   /* 0: as many as all */
	uint32_t max_handshakes;         /* connections without HELLO */
	uint32_t max_user_subscriptions; /* of all sessions of one user */
	uint32_t publish_rate;           /* of one session; 0: no limit */
	uint32_t descriptor_reserve;     /* descriptors not for clients */
	uint32_t max_subscriptions;      /* of one session */
	uint32_t datagram_rate;          /* of one user, a second */
	uint32_t retained_max;           /* values */
	size_t retained_bytes;

	uint32_t handshake_ms;
	uint32_t frame_ms;
	uint32_t stall_ms;       /* no byte taken while a publisher waits */
	uint32_t hold_max_ms;    /* one publisher held by one subscriber */
	uint32_t hold_notice_ms; /* after this a hold is announced */
	uint32_t linger_ms;      /* to send the last frames of a session */
	uint32_t settle_ms;      /* after the start, before publishing */
	uint32_t drain_ms;       /* to let all sessions finish */
	/* idle time of memory before it is given back */
	uint32_t give_back_ms;
};

enum config_result {
	CONFIG_OK,
	CONFIG_SHOWN,  /* --help and the like: printed, nothing to run */
	CONFIG_DENIED, /* --acl-test: printed, and the answer is no */
	CONFIG_BAD,    /* the reason is on stderr */
};

/*
 * Read defaults, then the file, then flags. On CONFIG_OK the caller owns `c`
 * and must call config_fini(). The same arguments may be passed again to read
 * the file again.
 */
enum config_result config_parse(struct config *c, int argc, char **argv);

/* Below this, somebody should be told how to have more. */
#define CONFIG_FEW_CONNECTIONS 64u
/* How, for printf(): descriptors, connections. */
#define CONFIG_FEW_WORDS                                               \
	"%" PRIu32 " descriptors leave room for few clients (%" PRIu32 \
	"); raise: ulimit -n 1024, or with systemd LimitNOFILE=1024"

/* The limit for retained values: at most a fixed part of memory-max. */
size_t config_retained_bytes(const struct config *c);

void config_fini(struct config *c);
void config_free_sockets(struct config *c);

#endif
