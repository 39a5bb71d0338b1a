/*
 * key_text.h: an API key in clear text, what it is made of, and the networks it may be bound to.
 */
#ifndef LUNA_STORE_KEY_TEXT_H
#define LUNA_STORE_KEY_TEXT_H

#include "luna/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* How a key begins, so that secret scanners recognise it. Keys of the old form are UUIDs. */
#define LUNA_KEY_MARK "luna_live_"

enum { LUNA_KEY_TEXT_BYTES = 44, LUNA_KEY_PREFIX_BYTES = 17 };

/* A key in clear text. The caller shows it once and wipes it with luna_key_text_wipe(). */
struct luna_key_text {
    char text[LUNA_KEY_TEXT_BYTES]; /* luna_live_…, or a UUID */
};
void luna_key_text_wipe(struct luna_key_text *key);

enum { LUNA_KEY_SEED_BYTES_MAX = 255 };

/* What a request that may be sent again makes its key of: the same seed gives the same key, so that
 * no key is made twice, and no key has to be stored to be shown again. */
struct luna_key_seed {
    const char *text; /* the Idempotency-Key: 1 … LUNA_KEY_SEED_BYTES_MAX bytes */
    size_t text_len;
    const unsigned char *request_hash; /* 32 bytes; of account, route and body */
};

/* An IPv4 or IPv6 address, or a network like 192.0.2.0/24, without bits after its length. */
bool luna_network_valid(const char *network) LUNA_MUSTCHECK;

#endif
