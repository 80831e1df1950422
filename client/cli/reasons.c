/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "reasons.h"

#include <string.h>

bool
reasons_parse(const char *word, enum why *why)
{
	for (int i = WHY_MATCHES; i <= WHY_RESERVED; i++) {
		*why = (enum why)i;
		if (strcmp(word, why_word(*why)) == 0)
			return true;
	}
	return false;
}

const char *
reasons_token(const char *name, unsigned token, int *len)
{
	for (; token > 0 && *name; token--) {
		name += strcspn(name, ".");
		if (*name)
			name++;
	}
	*len = (int)strcspn(name, ".");
	return name;
}

void
reasons_append(struct buf *out, enum why why, unsigned token,
               const char *filter, const char *topic)
{
	int wants_len, has_len;
	const char *wants = reasons_token(filter, token, &wants_len);
	const char *has = reasons_token(topic, token, &has_len);

	switch (why) {
	case WHY_MATCHES:
		break;
	case WHY_DIFFERS:
		buf_printf(out,
		           "word %u of the filter is %.*s, of the topic %.*s",
		           token + 1, wants_len, wants, has_len, has);
		break;
	case WHY_ENDS:
		buf_printf(out,
		           "the filter wants %.*s as word %u, the topic ends "
		           "before it",
		           wants_len, wants, token + 1);
		break;
	case WHY_GOES_ON:
		buf_printf(out,
		           "the topic goes on with %.*s as word %u, the filter "
		           "ends before it",
		           has_len, has, token + 1);
		break;
	case WHY_RESERVED:
		buf_puts(out, "a topic that begins with $ is the broker's, and "
		              "no leading wildcard matches it");
		break;
	}
}
