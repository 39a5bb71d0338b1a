/*
 * token_keys.h: the keys that sign bearer tokens (http/token.h), as LUNA_TOKEN_KEYS lists them.
 *
 * The first key signs, all of them verify, and a token names its own by `kid`. To rotate, put a new
 * key in front and drop the last one when its tokens have expired.
 */
#ifndef FCGI_WORKER_TOKEN_KEYS_H
#define FCGI_WORKER_TOKEN_KEYS_H

#include "luna/base/error.h"

#include <stddef.h>

enum {
    TOKEN_KEYS_MAX = 4,
    TOKEN_KID_BYTES = 17,
    TOKEN_SECRET_BYTES_MIN = 32,
    TOKEN_SECRET_BYTES_MAX = 64
};

struct token_key {
    char kid[TOKEN_KID_BYTES];
    unsigned char secret[TOKEN_SECRET_BYTES_MAX];
    size_t secret_len;
};

struct token_keys {
    struct token_key list[TOKEN_KEYS_MAX];
    size_t count;
};

/* "kid:hex,kid:hex", 32 to 64 bytes each. NULL or "": no key, count 0. LUNA_ECONFIG says what is
 * wrong. */
enum luna_code token_keys_parse(const char *text, struct token_keys *ret_keys,
                                struct luna_error *err) LUNA_MUSTCHECK;

#endif
