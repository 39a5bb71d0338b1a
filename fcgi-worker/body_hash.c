#include "body_hash.h"

#include <sodium.h>

void body_hash(int route, const void *body, size_t len, unsigned char ret_hash[BODY_HASH_BYTES])
{
    const unsigned char prefix[] = {(unsigned char)route};
    crypto_generichash_state state;
    /* Cannot fail with this length and no key. */
    (void)crypto_generichash_init(&state, NULL, 0, BODY_HASH_BYTES);
    (void)crypto_generichash_update(&state, prefix, sizeof prefix);
    (void)crypto_generichash_update(&state, body, len);
    (void)crypto_generichash_final(&state, ret_hash, BODY_HASH_BYTES);
}
