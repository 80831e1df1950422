/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "inbox.h"

#include <string.h>

#define FRONT "$inbox."

#define MAX_DIGITS 16u

static void
set(struct inbox *inbox, const char *name, size_t len)
{
	memcpy(inbox->text, name, len);
	inbox->text[len] = '.';
	inbox->len = len + 1;
}

void
inbox_init(struct inbox *inbox)
{
	static const char nobody[] = FRONT "0.0";

	set(inbox, nobody, sizeof(nobody) - 1);
}

bool
inbox_take(struct inbox *inbox, struct text name)
{
	size_t front = sizeof(FRONT) - 1;

	if (!name.at || name.len <= front || name.len > INBOX_MAX ||
	    memcmp(name.at, FRONT, front) != 0 ||
	    !topic_is_valid(name.at, name.len))
		return false;
	set(inbox, name.at, name.len);
	return true;
}

size_t
inbox_topic(const struct inbox *inbox, uint64_t number, char buf[TOPIC_MAX + 1])
{
	static const char digits[] = "0123456789abcdef";
	size_t n_digits = 1;
	size_t len;

	while (n_digits < MAX_DIGITS && number >> (4 * n_digits))
		n_digits++;
	len = inbox->len + n_digits;
	memcpy(buf, inbox->text, inbox->len);
	for (size_t i = 1; i <= n_digits; i++, number >>= 4)
		buf[len - i] = digits[number & 15];
	buf[len] = '\0';
	return len;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

uint64_t
inbox_number(const struct inbox *inbox, const char *topic, size_t len)
{
	uint64_t number = 0;

	if (len <= inbox->len || len > inbox->len + MAX_DIGITS ||
	    memcmp(topic, inbox->text, inbox->len) != 0)
		return 0;
	for (size_t i = inbox->len; i < len; i++) {
		int digit = hex_digit(topic[i]);

		if (digit < 0)
			return 0;
		number = number << 4 | (uint64_t)digit;
	}
	return number;
}

void
inbox_filter(const struct inbox *inbox, char buf[TOPIC_MAX + 1])
{
	memcpy(buf, inbox->text, inbox->len);
	memcpy(buf + inbox->len, "*", 2);
}

/* $inbox.<random>.<session>. */
size_t
inbox_broker_len(const struct inbox *inbox)
{
	size_t len = inbox->len - 1; /* without the dot at the end */

	while (len > 0 && inbox->text[len - 1] != '.')
		len--;
	return len;
}
