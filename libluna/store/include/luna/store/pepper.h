/*
 * pepper.h: the key of the API keys' digests, as every program reads it from LUNA_KEY_PEPPER.
 */
#ifndef LUNA_STORE_PEPPER_H
#define LUNA_STORE_PEPPER_H

#include "luna/base/error.h"

#include <stddef.h>

enum { LUNA_PEPPER_BYTES_MIN = 32, LUNA_PEPPER_BYTES_MAX = 128 };

/* Decodes hexadecimal digits. LUNA_ECONFIG names the setting and its length, never its value; `out`
 * is undefined then. */
enum luna_code luna_pepper_decode(const char *text, unsigned char out[LUNA_PEPPER_BYTES_MAX],
                                  size_t *ret_len, struct luna_error *err) LUNA_MUSTCHECK;

#endif
