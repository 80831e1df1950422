/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "pack.h"

#include <string.h>

#include "bytes.h"

/* Room for `n` bytes, or NULL; then nothing more is written at all. */
static uint8_t *
take(struct pack *p, size_t n)
{
	uint8_t *at = p->at;

	if (p->full || n > pack_room(p)) {
		p->full = true;
		return NULL;
	}
	p->at += n;
	return at;
}

static void
put_byte(struct pack *p, unsigned byte)
{
	uint8_t *at = take(p, 1);

	if (at)
		*at = (uint8_t)byte;
}

/* `first`, and `value` in the `width` bytes behind it. */
static void
put_head(struct pack *p, unsigned first, uint64_t value, unsigned width)
{
	uint8_t *at = take(p, 1 + width);

	if (!at)
		return;
	*at = (uint8_t)first;
	for (unsigned i = 0; i < width; i++)
		at[1 + i] = (uint8_t)(value >> (8 * (width - 1 - i)));
}

void
pack_raw(struct pack *p, const void *data, size_t len)
{
	uint8_t *at = take(p, len);

	if (at && len > 0)
		memcpy(at, data, len);
}

void
pack_nil(struct pack *p)
{
	put_byte(p, 0xc0);
}

void
pack_bool(struct pack *p, bool value)
{
	put_byte(p, value ? 0xc3 : 0xc2);
}

void
pack_uint(struct pack *p, uint64_t value)
{
	if (value < 0x80)
		put_byte(p, (unsigned)value);
	else if (value <= UINT8_MAX)
		put_head(p, 0xcc, value, 1);
	else if (value <= UINT16_MAX)
		put_head(p, 0xcd, value, 2);
	else if (value <= UINT32_MAX)
		put_head(p, 0xce, value, 4);
	else
		put_head(p, 0xcf, value, 8);
}

void
pack_str(struct pack *p, const char *text, size_t len)
{
	if (len < 32)
		put_byte(p, 0xa0 | (unsigned)len);
	else if (len <= UINT8_MAX)
		put_head(p, 0xd9, len, 1);
	else if (len <= UINT16_MAX)
		put_head(p, 0xda, len, 2);
	else
		put_head(p, 0xdb, len, 4);
	pack_raw(p, text, len);
}

void
pack_text(struct pack *p, const char *text)
{
	pack_str(p, text, strlen(text));
}

void
pack_bin_head(struct pack *p, size_t len)
{
	if (len <= UINT8_MAX)
		put_head(p, 0xc4, len, 1);
	else if (len <= UINT16_MAX)
		put_head(p, 0xc5, len, 2);
	else
		put_head(p, 0xc6, len, 4);
}

void
pack_bin(struct pack *p, const void *data, size_t len)
{
	pack_bin_head(p, len);
	pack_raw(p, data, len);
}

void
pack_array(struct pack *p, uint32_t n)
{
	if (n < 16)
		put_byte(p, 0x90 | n);
	else if (n <= UINT16_MAX)
		put_head(p, 0xdc, n, 2);
	else
		put_head(p, 0xdd, n, 4);
}

void
pack_map(struct pack *p, uint32_t n)
{
	if (n < 16)
		put_byte(p, 0x80 | n);
	else if (n <= UINT16_MAX)
		put_head(p, 0xde, n, 2);
	else
		put_head(p, 0xdf, n, 4);
}

/* ---- counted later -------------------------------------------------------- */

static uint8_t *
put_later(struct pack *p, unsigned first)
{
	put_head(p, first, 0, 4);
	return p->full ? NULL : p->at - 5;
}

uint8_t *
pack_array_later(struct pack *p)
{
	return put_later(p, 0xdd);
}

uint8_t *
pack_map_later(struct pack *p)
{
	return put_later(p, 0xdf);
}

uint8_t *
pack_bin_later(struct pack *p)
{
	return put_later(p, 0xc6);
}

void
pack_count(uint8_t *head, uint32_t n)
{
	if (head)
		store_be32(head + 1, n);
}

/* ---- pairs ---------------------------------------------------------------- */

void
pack_pair_bool(struct pack *p, const char *key, bool value)
{
	pack_text(p, key);
	pack_bool(p, value);
}

void
pack_pair_uint(struct pack *p, const char *key, uint64_t value)
{
	pack_text(p, key);
	pack_uint(p, value);
}

void
pack_pair_text(struct pack *p, const char *key, const char *value)
{
	pack_text(p, key);
	pack_text(p, value);
}
