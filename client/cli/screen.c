/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * A page is written over the last one from the upper left corner, each line
 * erased behind its end: nothing is cleared first, so nothing flickers.
 */

#include "screen.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "text.h"

#define ENTER "\x1b[?1049h\x1b[?25l\x1b[2J"
#define LEAVE "\x1b[0m\x1b[?25h\x1b[?1049l"

/* The bytes of SCREEN_HEADING and the others. */
enum mark { HEADING = 1, FAINT, ALARM };

static const char heading_look[] = "\x1b[7m";

/* There is one terminal. */
static struct {
	bool taken;
	bool registered; /* with atexit() */
	bool has_keys;
	struct termios before;
	char keys[64]; /* that were read and not yet taken */
	size_t n_keys;
} terminal;

/* ---- taking it ---------------------------------------------------------- */

bool
screen_is_possible(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term &&
	       strcmp(term, "dumb") != 0;
}

static void
put(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, text, len);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return;
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

static void
take_keys(void)
{
	struct termios raw;

	terminal.has_keys = tcgetattr(STDIN_FILENO, &terminal.before) == 0;
	if (!terminal.has_keys)
		return;
	raw = terminal.before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

void
screen_enter(void)
{
	if (terminal.taken)
		return;
	terminal.taken = true;
	if (!terminal.registered)
		atexit(screen_leave);
	terminal.registered = true;
	take_keys();
	put(ENTER, strlen(ENTER));
}

void
screen_leave(void)
{
	if (!terminal.taken)
		return;
	terminal.taken = false;
	put(LEAVE, strlen(LEAVE));
	if (terminal.has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal.before);
}

void
screen_suspend(void)
{
	screen_leave();
	raise(SIGTSTP);
	screen_enter();
}

struct screen_size
screen_size(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 ||
	    size.ws_row == 0)
		return (struct screen_size){ 80, 24 };
	return (struct screen_size){ size.ws_col, size.ws_row };
}

/* ---- drawing ------------------------------------------------------------ */

/* The escape sequence of a mark; an empty one: it is none. */
static const char *
look_of(char mark)
{
	const char *no_color = getenv("NO_COLOR");

	switch (mark) {
	case HEADING:
		return heading_look;
	case FAINT:
		return "\x1b[2m";
	case ALARM:
		return no_color && *no_color ? "\x1b[1m" : "\x1b[1;31m";
	default:
		return "";
	}
}

/* As many whole characters as fit; returns how wide they are. */
static size_t
render_line(struct buf *out, const char *line, size_t len, size_t width)
{
	const char *end = line + len;
	size_t at = 0;

	while (line < end) {
		uint32_t c;
		size_t n = text_next(line, (size_t)(end - line), &c);

		if (n == 0)
			break;
		if (at + text_width(c) > width)
			break;
		at += text_width(c);
		buf_append(out, line, n);
		line += n;
	}
	return at;
}

void
screen_render(struct buf *out, const char *page, struct screen_size size)
{
	buf_puts(out, "\x1b[H");
	for (size_t row = 0; row < size.height && *page; row++) {
		const char *look = look_of(*page);
		size_t len, used;

		page += *look != '\0';
		len = strcspn(page, "\n");
		buf_puts(out, row > 0 ? "\r\n" : "");
		buf_puts(out, look);
		used = render_line(out, page, len, size.width);
		if (look == heading_look) /* a bar over the whole width */
			buf_printf(out, "%*s", (int)(size.width - used), "");
		buf_puts(out, *look ? "\x1b[0m" : "");
		/* in the last column it would erase what stands there */
		buf_puts(out, used < size.width && look != heading_look
		                      ? "\x1b[K"
		                      : "");
		page += len + (page[len] == '\n');
	}
	buf_puts(out, "\x1b[J");
}

void
screen_draw(const char *page)
{
	struct buf out = { 0 };

	screen_render(&out, page, screen_size());
	put(out.at, out.len);
	buf_free(&out);
}

/* ---- keys --------------------------------------------------------------- */

int
screen_keys_fd(void)
{
	return terminal.taken && terminal.has_keys ? STDIN_FILENO : -1;
}

/* What follows ESC [ or ESC O. */
static int
special_key(char letter, int number)
{
	static const int letters[] = {
		['A'] = KEY_UP,   ['B'] = KEY_DOWN, ['C'] = KEY_RIGHT,
		['D'] = KEY_LEFT, ['H'] = KEY_HOME, ['F'] = KEY_END,
	};
	static const int numbers[] = {
		[1] = KEY_HOME,      [4] = KEY_END,  [5] = KEY_PAGE_UP,
		[6] = KEY_PAGE_DOWN, [7] = KEY_HOME, [8] = KEY_END,
	};
	int key = 0;

	if (letter == '~' && number >= 0 &&
	    number < (int)(sizeof(numbers) / sizeof(numbers[0])))
		key = numbers[number];
	else if (letter >= 'A' &&
	         letter < (int)(sizeof(letters) / sizeof(letters[0])))
		key = letters[(unsigned char)letter];
	return key ? key : KEY_OTHER;
}

size_t
screen_parse_key(const char *at, size_t len, int *key)
{
	int number = 0;
	size_t i = 2;

	if (len == 0)
		return 0;
	*key = (unsigned char)*at;
	if (*at != '\x1b')
		return 1;
	*key = KEY_OTHER;
	if (len == 1 || (at[1] != '[' && at[1] != 'O'))
		return 1;
	for (; i < len && ((at[i] >= '0' && at[i] <= '9') || at[i] == ';'); i++)
		if (at[i] != ';' && number < 100)
			number = number * 10 + (at[i] - '0');
	if (i == len)
		return len < 16 ? 0 : len; /* the rest is still to come */
	*key = special_key(at[i], number);
	return i + 1;
}

int
screen_key(void)
{
	size_t room = sizeof(terminal.keys) - terminal.n_keys, used;
	ssize_t n = read(STDIN_FILENO, terminal.keys + terminal.n_keys, room);
	int key = KEY_NONE;

	if (n < 0 && errno != EINTR && errno != EAGAIN)
		return KEY_GONE;
	terminal.n_keys += n > 0 ? (size_t)n : 0;
	used = screen_parse_key(terminal.keys, terminal.n_keys, &key);
	if (used == 0)
		return KEY_NONE;
	terminal.n_keys -= used;
	memmove(terminal.keys, terminal.keys + used, terminal.n_keys);
	return key;
}
