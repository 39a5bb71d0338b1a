#include "client/digest.h"

#include <sodium.h>
#include <string.h>

enum luna_code luna_digest_init(struct luna_error *err)
{
    if (sodium_init() < 0)
        return luna_error_set(err, LUNA_EIO, "libsodium found no source of randomness");
    return LUNA_OK;
}

void luna_digest_sha256(const void *bytes, size_t len, unsigned char out[LUNA_DIGEST_BYTES])
{
    crypto_hash_sha256(out, bytes, len);
}

_Static_assert(sizeof(struct luna_digest_key) == sizeof(crypto_auth_hmacsha256_state),
               "libsodium's state fits exactly");

void luna_digest_key_make(const unsigned char *key, size_t key_len, struct luna_digest_key *ret_key)
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, key_len);
    memcpy(ret_key, &state, sizeof state);
    sodium_memzero(&state, sizeof state);
}

void luna_digest_hmac(const struct luna_digest_key *key, const void *bytes, size_t len,
                      unsigned char out[LUNA_DIGEST_BYTES])
{
    crypto_auth_hmacsha256_state state;
    memcpy(&state, key, sizeof state);
    crypto_auth_hmacsha256_update(&state, bytes, len);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

void luna_digest_random(void *out, size_t len)
{
    randombytes_buf(out, len);
}

void luna_digest_wipe(void *bytes, size_t len)
{
    sodium_memzero(bytes, len);
}
