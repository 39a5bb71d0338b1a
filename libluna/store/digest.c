#include "digest.h"

#include <sodium.h>

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

void luna_digest_hmac(const unsigned char *key, size_t key_len, const void *bytes, size_t len,
                      unsigned char out[LUNA_DIGEST_BYTES])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, key_len);
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
