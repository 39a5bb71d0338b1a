/*
 * decimal.h: whole numbers as decimal text.
 *
 * For what is written many times a request: printf took a tenth of a small one's instructions.
 * Whatever the locale.
 */
#ifndef LUNA_BASE_DECIMAL_H
#define LUNA_BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

enum { LUNA_DECIMAL_BYTES = 20 }; /* of the longest, INT64_MIN's; no NUL */

/* Writes at most LUNA_DECIMAL_BYTES bytes, no NUL; returns how many. */
size_t luna_decimal_print(int64_t number, char *out);

#endif
