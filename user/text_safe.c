// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text that others wrote where people and terminals see it: which characters are not shown as they are.
 */
#include "text_safe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

int32_t text_char(const char *text, unsigned int *n)
{
	static const int32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *s = (const unsigned char *)text;
	unsigned int len = s[0] < 0x80	 ? 1
			   : s[0] < 0xc2 ? 0
			   : s[0] < 0xe0 ? 2
			   : s[0] < 0xf0 ? 3
			   : s[0] < 0xf5 ? 4
					 : 0;
	int32_t c;

	*n = *s ? 1 : 0;
	if (len < 2)
		return len ? s[0] : -1;
	c = s[0] & (0xff >> (len + 1));
	for (unsigned int i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return -1;
	*n = len;
	return c;
}

bool text_harmful(int32_t c)
{
	static const struct {
		int32_t first, last;
	} ranges[] = {
		{ 0, 0x1f }, /* C0 */
		{ 0x7f, 0x9f }, /* DEL, C1 */
		{ 0xad, 0xad }, /* soft hyphen */
		{ 0x61c, 0x61c }, /* Arabic letter mark */
		{ 0x180e, 0x180e }, /* Mongolian vowel separator */
		{ 0x200b, 0x200f }, /* of no width; marks of direction */
		{ 0x2028,
		  0x202e }, /* separators of lines and paragraphs; embeddings and overrides */
		{ 0x2060, 0x206f }, /* word joiner, invisible operators, isolates */
		{ 0xfeff, 0xfeff }, /* byte order mark */
		{ 0xfff9, 0xfffb }, /* interlinear annotation */
		{ 0xe0000, 0xe007f }, /* tags */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

void text_clean(char *s)
{
	char *to = s;
	unsigned int n;

	for (; *s; s += n) {
		int32_t c = text_char(s, &n);

		if (c < 0 || text_harmful(c)) {
			*to++ = '?';
		} else {
			memmove(to, s, n);
			to += n;
		}
	}
	*to = '\0';
}

char *text_utf8(const char *s)
{
	char *copy = malloc(strlen(s) * strlen(REPLACEMENT) + 1), *p = copy;
	unsigned int n;

	if (!copy)
		return NULL;
	for (; *s; s += n)
		p = text_char(s, &n) < 0 ? stpcpy(p, REPLACEMENT) : mempcpy(p, s, n);
	*p = '\0';
	return copy;
}

char *text_json(const char *json)
{
	/* one byte (DEL) becomes six */
	char *copy = malloc(strlen(json) * 6 + 1), *p = copy;
	unsigned int n;

	if (!copy)
		return NULL;
	for (; *json; json += n) {
		int32_t c = text_char(json, &n);

		/* outside of strings there are only blanks between tokens; in them json-c escapes C0 */
		if (c < 0x20 || !text_harmful(c))
			p = mempcpy(p, json, n);
		else if (c < 0x10000)
			p += sprintf(p, "\\u%04x", (unsigned int)c);
		else
			p += sprintf(p, "\\u%04x\\u%04x",
				     0xd800 + ((unsigned int)(c - 0x10000) >> 10),
				     0xdc00 + ((unsigned int)c & 0x3ff));
	}
	*p = '\0';
	return copy;
}
