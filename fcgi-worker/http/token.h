/*
 * token.h: short-lived bearer tokens, JWT signed with HMAC-SHA-256 and nothing else. The only user
 * of libjwt.
 *
 * A token stands for one API key of one account, perhaps with fewer scopes, until it expires. It
 * carries the key's digest, as PostgreSQL does, so that admission finds it by the same look-up as
 * the key: a revoked or expired key takes its tokens with it. Keys to sign with are a list; the
 * first one signs, all of them verify, and a token names its own by `kid`. To rotate, put a new one
 * in front and drop the last one when its tokens have expired.
 */
#ifndef FCGI_WORKER_TOKEN_H
#define FCGI_WORKER_TOKEN_H

#include "luna/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TOKEN_KEYS_MAX = 4,
    TOKEN_KID_BYTES = 17,
    TOKEN_SECRET_BYTES_MIN = 32,
    TOKEN_SECRET_BYTES_MAX = 64,
    TOKEN_BYTES_MAX = 4096,
    TOKEN_DIGEST_BYTES = 37,
    TOKEN_LIFE_S_MAX = 3600
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

struct token_claims {
    int64_t account_id;
    char key_digest[TOKEN_DIGEST_BYTES]; /* UUID text */
    unsigned scopes;                     /* enum luna_scope bits */
    int64_t issued_s, expires_s;         /* since 1970-01-01 UTC */
};

/* "kid:hex,kid:hex", 32 to 64 bytes each. NULL or "": one key, derived from the pepper.
 * LUNA_ECONFIG says what is wrong. */
enum luna_code token_keys_init(const char *text, const unsigned char *pepper, size_t pepper_len,
                               struct token_keys *ret_keys, struct luna_error *err) LUNA_MUSTCHECK;

/* Has it a token's shape, three parts with dots between? An API key, a UUID, never has. */
bool token_shaped(const char *text);
/* False: forged, expired, not yet valid, of another issuer or audience, or signed in any way but
 * HS256 by a known key. */
bool token_verify(const struct token_keys *keys, const char *text, int64_t now_s,
                  struct token_claims *ret_claims) LUNA_MUSTCHECK;
/* Writes the token, NUL-terminated. LUNA_ENOMEM, LUNA_ELIMIT when `size` is too small. */
enum luna_code token_issue(const struct token_keys *keys, const struct token_claims *claims,
                           char *out, size_t size, struct luna_error *err) LUNA_MUSTCHECK;

#endif
