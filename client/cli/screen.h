/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * screen - the terminal as one page that is drawn over and over, and its keys.
 *
 * However the process ends, short of SIGKILL, the terminal is as it was.
 */
#ifndef UMBEL_CLI_SCREEN_H
#define UMBEL_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

struct screen_size {
	size_t width;
	size_t height;
};

/* What a line of a page may begin with. */
#define SCREEN_HEADING "\x01"
#define SCREEN_FAINT   "\x02"
#define SCREEN_ALARM   "\x03"

enum screen_key {
	KEY_NONE, /* there is none */
	KEY_UP = 256,
	KEY_DOWN,
	KEY_LEFT,
	KEY_RIGHT,
	KEY_PAGE_UP,
	KEY_PAGE_DOWN,
	KEY_HOME,
	KEY_END,
	KEY_OTHER, /* nothing that we know */
	KEY_GONE,  /* there will be no keys any more */
};

/* Is stdout a terminal that can do this? */
bool screen_is_possible(void);

/* Take the terminal, and give it back. */
void screen_enter(void);
void screen_leave(void);

/* Stop as Ctrl-Z wants it; when this returns we go on. */
void screen_suspend(void);

struct screen_size screen_size(void);

/* Draw the page, text with lines that end in \n: what is too wide or too much
   is cut, and the rest of the screen is empty. */
void screen_draw(const char *page);
/* What that writes. */
void screen_render(struct buf *out, const char *page, struct screen_size size);

/* What to poll for; -1: nobody can press keys. */
int screen_keys_fd(void);
/* The next key, without waiting: a character, or one of the above. */
int screen_key(void);
/* The one at the front; returns its length, 0 when it is not whole. */
size_t screen_parse_key(const char *at, size_t len, int *key);

#endif
