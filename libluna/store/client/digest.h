/*
 * digest.h: SHA-256, HMAC, random bytes. Private to the store; the only user of libsodium is
 * digest.c.
 */
#ifndef LUNA_STORE_DIGEST_H
#define LUNA_STORE_DIGEST_H

#include "luna/base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { LUNA_DIGEST_BYTES = 32 };

/* The state of HMAC-SHA-256 after its key was absorbed. As secret as the key. */
struct luna_digest_key {
    uint64_t state[26];
};

/* Call it once per process before the other functions; repeating is harmless. LUNA_EIO: no source
 * of randomness. */
enum luna_code luna_digest_init(struct luna_error *err) LUNA_MUSTCHECK;
void luna_digest_sha256(const void *bytes, size_t len, unsigned char out[LUNA_DIGEST_BYTES]);
/* Does the part of the work that depends on the key only, once. */
void luna_digest_key_make(const unsigned char *key, size_t key_len,
                          struct luna_digest_key *ret_key);
void luna_digest_hmac(const struct luna_digest_key *key, const void *bytes, size_t len,
                      unsigned char out[LUNA_DIGEST_BYTES]);
void luna_digest_random(void *out, size_t len);
void luna_digest_wipe(void *bytes, size_t len);

#endif
