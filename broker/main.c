/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "server.h"

/* Who redirects what is shown must be able to rely on it. */
static int
shown(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "umbeld: cannot write to stdout: %s\n",
	        strerror(errno));
	return 1;
}

int
main(int argc, char **argv)
{
	struct config config;
	struct server server;
	int status = 1;

	switch (config_parse(&config, argc, argv)) {
	case CONFIG_OK:
		break;
	case CONFIG_SHOWN:
		return shown(0);
	case CONFIG_DENIED:
		return shown(3);
	case CONFIG_BAD:
		return 2;
	}
	if (server_init(&server, &config, argc, argv) == 0 &&
	    server_run(&server) == 0)
		status = 0;
	server_fini(&server);
	config_fini(&config);
	return status;
}
