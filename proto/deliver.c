/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "deliver.h"

#include <string.h>

#include "frame.h"

static size_t
put_info(uint8_t *at, const struct deliver_info *info)
{
	static const char map[] = "\x82\xa8retained\xc3\xa6"
				  "age_ms\xcf";
	size_t len = sizeof(map) - 1;

	if (!info) {
		*at = 0xc0;
		return 1;
	}
	memcpy(at, map, len);
	store_be64(at + len, info->age_ms);
	return len + 8;
}

size_t
deliver_put_head(uint8_t at[DELIVER_HEAD_MAX], uint32_t sub,
                 const struct deliver_info *info, uint32_t publish_len)
{
	size_t len = DELIVER_INFO_AT + put_info(at + DELIVER_INFO_AT, info);

	frame_put_prefix(at, (uint32_t)(len - FRAME_PREFIX_SIZE) + publish_len);
	at[5] = 0x94;
	at[6] = 6;
	at[7] = 0xce;
	store_be32(at + DELIVER_SUB_AT, sub);
	return len;
}
