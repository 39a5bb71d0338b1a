/*
 * escape.h: UTF-8 validation and JSON escapes, for strings of unknown origin.
 *
 * Pure functions: no allocation, no locale, no state.
 */
#ifndef LUNA_BASE_ESCAPE_H
#define LUNA_BASE_ESCAPE_H

#include <stddef.h>

/* Length (1–4) of the well-formed UTF-8 sequence at the start of text[0..len); 0 when there is
 * none: a stray or missing continuation byte, an overlong form, a surrogate, a value past U+10FFFF,
 * or len == 0. */
size_t luna_utf8_length(const char *text, size_t len);

enum { LUNA_ESCAPE_BYTES = 6 }; /* the longest escape of one character */

/* Writes the first character of text[0..len), len > 0, escaped for a JSON string; returns the
 * number of bytes written to `out` and sets *ret_used to the number of bytes read, at least 1.
 * Control characters (C0, DEL, C1) become \uXXXX, so that they have no effect on a terminal; a byte
 * that is not UTF-8 becomes U+FFFD. */
size_t luna_escape_json(const char *text, size_t len, char out[LUNA_ESCAPE_BYTES],
                        size_t *ret_used);

/* Length of the character at the start of text[0..len) when it is a control (C0, DEL, C1) or turns
 * the direction of text (U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069): it would act on a
 * terminal, or make a name look like another. 0 for any other character, and for len == 0. */
size_t luna_escape_control_length(const char *text, size_t len);

/* Length of the longest prefix of text[0..len) that needs no escape in a JSON string, ASCII
 * only. */
size_t luna_escape_plain_run(const char *text, size_t len);

#endif
