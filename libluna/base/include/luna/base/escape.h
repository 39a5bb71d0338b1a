/*
 * escape.h: UTF-8 and the JSON escapes of one character, shared by all that write strings of
 * unknown origin.
 *
 * Pure functions: no allocation, no locale, no state.
 */
#ifndef LUNA_BASE_ESCAPE_H
#define LUNA_BASE_ESCAPE_H

#include <stddef.h>

/* Bytes (1–4) of the well-formed UTF-8 sequence that text[0..len) begins with; 0 when it begins
 * with none: a stray or missing continuation, an overlong form, a surrogate, a value past U+10FFFF,
 * or len == 0. */
size_t luna_utf8_length(const char *text, size_t len);

enum { LUNA_ESCAPE_BYTES = 6 }; /* the most that one character can need */

/* Writes the first character of text[0..len), len > 0, as it stands inside a JSON string; returns
 * the bytes written to `out` and sets *ret_used to the bytes read, at least 1. Control characters
 * (C0, DEL, C1) become \uXXXX, so that no terminal obeys them; a byte that is not UTF-8 becomes
 * U+FFFD. */
size_t luna_escape_json(const char *text, size_t len, char out[LUNA_ESCAPE_BYTES],
                        size_t *ret_used);

/* How many bytes at the start of text[0..len) are ASCII that stands in a JSON string as it is:
 * to be copied in one piece. */
size_t luna_escape_plain_run(const char *text, size_t len);

#endif
