/*
 * hex.h: bytes written as hexadecimal digits, such as secrets in settings and digests in names.
 */
#ifndef LUNA_BASE_HEX_H
#define LUNA_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>

/* The value of one digit of either case; -1 for any other character. */
int luna_hex_digit(char c);
/* Decodes all of `text`, two digits of either case a byte, into `out`. False, with `out` in an
 * undefined state, for an odd count, any other character, or more than `out_bytes_max` bytes. */
bool luna_hex_decode(const char *text, unsigned char *out, size_t out_bytes_max, size_t *ret_len);
/* Writes 2 * len digits in lower case, and a NUL, to `out`. */
void luna_hex_encode(const unsigned char *bytes, size_t len, char *out);

#endif
