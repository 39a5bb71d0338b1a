/*
 * token.h: short-lived bearer tokens, JWT signed with HMAC-SHA-256 and nothing else. The only user
 * of libjwt.
 *
 * A token stands for one API key of one account, perhaps with fewer scopes, until it expires. It
 * carries the key's digest, as PostgreSQL does, so that admission finds it by the same look-up as
 * the key: when a key is revoked or expires, its tokens are invalid too.
 */
#ifndef FCGI_WORKER_TOKEN_H
#define FCGI_WORKER_TOKEN_H

#include "luna/base/error.h"
#include "shared/token_keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOKEN_BYTES_MAX = 4096, TOKEN_DIGEST_BYTES = 37, TOKEN_LIFE_S_MAX = 3600 };

struct token_claims {
    int64_t account_id;
    char key_digest[TOKEN_DIGEST_BYTES]; /* UUID text */
    unsigned scopes;                     /* enum luna_scope bits */
    int64_t issued_s, expires_s;         /* since 1970-01-01 UTC */
};

/* Adds a key derived from a pepper: the default when LUNA_TOKEN_KEYS is not set. Its kid is
 * "pepper", or with an id above 1 "pepper-<id>". */
enum luna_code token_keys_derive(struct token_keys *keys, int pepper_id,
                                 const unsigned char *pepper, size_t pepper_len,
                                 struct luna_error *err) LUNA_MUSTCHECK;

/* Does the text look like a token: three parts separated by dots? An API key (a UUID) does not. */
bool token_shaped(const char *text);
/* False: forged, expired, not yet valid, of another issuer or audience, or signed in any way but
 * HS256 by a known key. */
bool token_verify(const struct token_keys *keys, const char *text, int64_t now_s,
                  struct token_claims *ret_claims) LUNA_MUSTCHECK;
/* Writes the token, NUL-terminated. LUNA_ENOMEM, LUNA_ELIMIT when `size` is too small. */
enum luna_code token_issue(const struct token_keys *keys, const struct token_claims *claims,
                           char *out, size_t size, struct luna_error *err) LUNA_MUSTCHECK;

#endif
