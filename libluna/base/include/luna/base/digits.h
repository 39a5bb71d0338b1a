/*
 * digits.h: whole numbers as decimal text, and bytes as hexadecimal text.
 *
 * Pure functions: no allocation, no locale, no state.
 */
#ifndef LUNA_BASE_DIGITS_H
#define LUNA_BASE_DIGITS_H

#include "luna/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LUNA_DECIMAL_BYTES = 20 }; /* of the longest number, INT64_MIN; without a NUL */

/* Writes at most LUNA_DECIMAL_BYTES bytes, no NUL; returns how many. It exists because printf took
 * a tenth of the instructions of a small request. */
size_t luna_decimal_print(int64_t number, char *out);

/* The value of one hexadecimal digit of either case; -1 for any other character. */
int luna_hex_digit(char c);
/* Decodes all of `text`, two digits of either case per byte, into `out`. False, with `out` in an
 * undefined state, for an odd number of digits, any other character, or more than `out_bytes_max`
 * bytes. */
bool luna_hex_decode(const char *text, unsigned char *out, size_t out_bytes_max,
                     size_t *ret_len) LUNA_MUSTCHECK;
/* Writes 2 * len digits in lower case, and a NUL, to `out`. */
void luna_hex_encode(const unsigned char *bytes, size_t len, char *out);

#endif
