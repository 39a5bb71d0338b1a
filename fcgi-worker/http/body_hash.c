#include "http/body_hash.h"

#include <sodium.h>
#include <string.h>

/* Its code is in its header: nothing is linked. */
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { KEY_PART_BYTES = crypto_auth_hmacsha512_BYTES };

void body_fingerprint_key_make(const unsigned char *pepper, size_t pepper_len,
                               struct body_fingerprint_key *ret_key)
{
    for (size_t part = 0; part < BODY_FINGERPRINT_KEY_BYTES / KEY_PART_BYTES; part++) {
        const unsigned char purpose[] = {'b', 'o', 'd', 'y', (unsigned char)part};
        /* HMAC accepts a pepper of any length; a key of BLAKE2b has at most 64 bytes. */
        crypto_auth_hmacsha512_state state;
        (void)crypto_auth_hmacsha512_init(&state, pepper, pepper_len);
        (void)crypto_auth_hmacsha512_update(&state, purpose, sizeof purpose);
        (void)crypto_auth_hmacsha512_final(&state, ret_key->bytes + part * KEY_PART_BYTES);
        sodium_memzero(&state, sizeof state);
    }
}

void body_fingerprint(const struct body_fingerprint_key *key, int route, const void *body,
                      size_t len, unsigned char ret_fingerprint[BODY_FINGERPRINT_BYTES])
{
    XXH128_hash_t hash = XXH3_128bits_withSecret(body, len, key->bytes, sizeof key->bytes);
    hash.low64 ^= (XXH64_hash_t)route;
    XXH128_canonical_t bytes;
    XXH128_canonicalFromHash(&bytes, hash);
    memcpy(ret_fingerprint, bytes.digest, BODY_FINGERPRINT_BYTES);
}

void body_hash_make(int route, const void *body, size_t len,
                    unsigned char ret_hash[BODY_HASH_BYTES])
{
    const unsigned char prefix[] = {(unsigned char)route};
    crypto_generichash_state state;
    /* Cannot fail with this length and no key. */
    (void)crypto_generichash_init(&state, NULL, 0, BODY_HASH_BYTES);
    (void)crypto_generichash_update(&state, prefix, sizeof prefix);
    (void)crypto_generichash_update(&state, body, len);
    (void)crypto_generichash_final(&state, ret_hash, BODY_HASH_BYTES);
}
