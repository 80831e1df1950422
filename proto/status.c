/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "status.h"

const char *
status_name(unsigned code)
{
	switch (code) {
	case STATUS_OK:
		return "ok";
#define STATUS(code, NAME, name, fatal, words) \
	case code:                             \
		return #name;
#include "status.def"
	default:
		return "unknown";
	}
}

const char *
status_words(unsigned code)
{
	switch (code) {
	case STATUS_OK:
		return "no error";
#define STATUS(code, NAME, name, fatal, words) \
	case code:                             \
		return words;
#include "status.def"
	default:
		return "an error that this version does not know";
	}
}

bool
status_is_fatal(enum status status)
{
	switch (status) {
	case STATUS_OK:
		return false;
#define STATUS(code, NAME, name, fatal, words) \
	case STATUS_##NAME:                    \
		return fatal;
#include "status.def"
	}
	return true;
}
