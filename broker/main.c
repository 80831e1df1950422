/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "config.h"
#include "server.h"

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
		return 0;
	case CONFIG_DENIED:
		return 3;
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
