#include "http/body_hash.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

/* Its code is in its header: nothing is linked. */
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { KEY_PART_BYTES = crypto_auth_hmacsha512_BYTES };

void body_fingerprint_key_make(const unsigned char *pepper, size_t pepper_len,
                               struct body_fingerprint_key *ret_key)
{
    static_assert(BODY_FINGERPRINT_KEY_BYTES % KEY_PART_BYTES == 0 &&
                      BODY_FINGERPRINT_KEY_BYTES >= XXH3_SECRET_SIZE_MIN,
                  "whole parts, and as long as XXH3 wants");
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

/* Of a text in 64 bits; what is empty in most requests takes no time. */
static uint64_t text_hash(const struct body_fingerprint_key *key, const char *text)
{
    return *text == '\0'
               ? 0
               : XXH3_64bits_withSecret(text, strlen(text), key->bytes, sizeof key->bytes);
}

void body_fingerprint(const struct body_fingerprint_key *key, const struct body_identity *of,
                      unsigned char ret_fingerprint[BODY_FINGERPRINT_BYTES])
{
    assert(of->body != NULL || of->body_len == 0);
    XXH128_hash_t body =
        XXH3_128bits_withSecret(of->body, of->body_len, key->bytes, sizeof key->bytes);
    const uint64_t parts[] = {body.low64,
                              body.high64,
                              text_hash(key, of->query),
                              text_hash(key, of->content_type),
                              text_hash(key, of->content_encoding),
                              (uint64_t)of->account_id,
                              (uint64_t)of->key_id,
                              (uint64_t)of->route,
                              (uint64_t)of->format_out};
    XXH128_canonical_t bytes;
    XXH128_canonicalFromHash(
        &bytes, XXH3_128bits_withSecret(parts, sizeof parts, key->bytes, sizeof key->bytes));
    static_assert(sizeof bytes.digest >= BODY_FINGERPRINT_BYTES, "no more than there is");
    memcpy(ret_fingerprint, bytes.digest, BODY_FINGERPRINT_BYTES);
}

void body_hash_make(const struct body_identity *of, unsigned char ret_hash[BODY_HASH_BYTES])
{
    assert(of->body != NULL || of->body_len == 0);
    const size_t query_len = strlen(of->query), type_len = strlen(of->content_type),
                 encoding_len = strlen(of->content_encoding);
    /* The lengths keep texts apart that would be the same when joined. */
    const uint64_t parts[] = {query_len,
                              type_len,
                              encoding_len,
                              (uint64_t)of->account_id,
                              (uint64_t)of->key_id,
                              (uint64_t)of->route,
                              (uint64_t)of->format_out};
    crypto_generichash_state state;
    /* Cannot fail with this length and no key. */
    (void)crypto_generichash_init(&state, NULL, 0, BODY_HASH_BYTES);
    (void)crypto_generichash_update(&state, (const unsigned char *)parts, sizeof parts);
    (void)crypto_generichash_update(&state, (const unsigned char *)of->query, query_len);
    (void)crypto_generichash_update(&state, (const unsigned char *)of->content_type, type_len);
    (void)crypto_generichash_update(&state, (const unsigned char *)of->content_encoding,
                                    encoding_len);
    (void)crypto_generichash_update(&state, of->body, of->body_len);
    (void)crypto_generichash_final(&state, ret_hash, BODY_HASH_BYTES);
}
