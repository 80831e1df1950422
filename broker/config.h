/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * config - what the operator may choose: defaults, then a file, then flags.
 */
#ifndef UMBELD_CONFIG_H
#define UMBELD_CONFIG_H

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
		CONFIG_PART, /* of memory-max, and no more */
	} from;
	unsigned line; /* in the file */
};

struct config_socket {
	char *path;
	mode_t mode;
	uid_t owner; /* (uid_t)-1: as it comes */
	gid_t group; /* the same */
	char *role;  /* what rules call those who come by it; NULL: none */
	unsigned line;
	struct {
		struct config_origin path, mode, owner, group, role;
	} from;
};

struct config {
	char *file;                    /* --config, or NULL */
	struct config_socket *sockets; /* at least one */
	size_t n_sockets;
	struct acl *acl;   /* NULL: everybody may do all */
	char **rule_files; /* paths, those in acl.d, in their order */
	size_t n_rule_files;
	unsigned n_warnings; /* that reading it has said */
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
	uint32_t descriptor_reserve;     /* that are not for clients */
	uint32_t max_subscriptions;      /* of one session */
	uint32_t datagram_rate;          /* of one user, a second */
	uint32_t retained_max;           /* values */
	size_t retained_bytes;

	uint32_t handshake_ms;
	uint32_t frame_ms;
	uint32_t stall_ms;       /* no byte taken while somebody waits */
	uint32_t hold_max_ms;    /* one publisher held by one subscriber */
	uint32_t hold_notice_ms; /* from when on a hold is worth a word */
	uint32_t linger_ms;      /* to take leave of a session */
	uint32_t settle_ms;      /* after the start, before publishing */
	uint32_t drain_ms;       /* to take leave of all */
	uint32_t give_back_ms;   /* what is not needed for so long is */
};

enum config_result {
	CONFIG_OK,
	CONFIG_SHOWN,  /* --help and the like: printed, nothing to run */
	CONFIG_DENIED, /* --acl-test: printed, and the answer is no */
	CONFIG_BAD,    /* said why on stderr */
};

/*
 * Defaults, then the file, then flags. On CONFIG_OK the caller owns it:
 * config_fini(). The arguments may be given again, to read the file anew.
 */
enum config_result config_parse(struct config *c, int argc, char **argv);
/* What last values may take: a part of memory-max at most. */
size_t config_retained_bytes(const struct config *c);

void config_fini(struct config *c);
void config_free_sockets(struct config *c);

#endif
