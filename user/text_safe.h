/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text that others wrote (SIP headers, SDP, names in captures) where people and terminals see it: one rule for
 * plain output, JSON and log lines.
 */
#ifndef RF_TEXT_SAFE_H
#define RF_TEXT_SAFE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The character at s, in *n bytes (1 and -1: no valid UTF-8, RFC 3629; 0 bytes at the end). A sequence that the string's end
 * cuts off is not valid.
 */
int32_t text_char(const char *s, unsigned int *n);

/*
 * Not shown as it is: controls of C0 and C1 (a terminal obeys them) and DEL; what turns the direction of what follows,
 * breaks lines or cannot be seen.
 */
bool text_harmful(int32_t c);

/* In place: harmful characters and invalid bytes become '?', one each. */
void text_clean(char *s);

/* A copy that is valid UTF-8: U+FFFD for each invalid byte, the rest as it is. NULL: out of memory. */
char *text_utf8(const char *s);

/* A copy of JSON (valid UTF-8) in which harmful characters of its strings are escapes. NULL: out of memory. */
char *text_json(const char *json);

#endif
