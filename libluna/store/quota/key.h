/*
 * key.h: API keys, of which the stores hold a UUIDv8 made of their HMAC-SHA-256.
 *
 * A key is "luna_live_", 26 characters of random base32 (RFC 4648, lower case) and 7 of a checksum:
 * the CRC-32 of what precedes it, in base32, which tells a key from another text without a store.
 * Random UUIDv4 are keys too: those that were made before this form. Private to the store.
 */
#ifndef LUNA_STORE_KEY_H
#define LUNA_STORE_KEY_H

#include "client/digest.h"
#include "luna/store/key_text.h"

#include <stdbool.h>
#include <stddef.h>

/* 36 characters, hexadecimal and dashes: what PostgreSQL and Redis store in place of a key. */
struct luna_key_digest {
    char text[37];
};

/* A new key from the system's randomness. */
void luna_key_generate(struct luna_key_text *ret_key);
/* The key of a seed: always the same under one pepper, and as hard to guess as a random one. */
void luna_key_derive(const struct luna_key_seed *seed, const struct luna_digest_key *pepper,
                     struct luna_key_text *ret_key);
/* What a list of keys may show of a key: a UUID's first 8 characters, else 6 of the random ones. */
void luna_key_prefix(const struct luna_key_text *key, char ret_prefix[LUNA_KEY_PREFIX_BYTES]);
/* The digest of a key as sent; of a UUID upper and lower case are the same. False when the text
 * does not have the form of a key. A UUID is one of version 4: other versions can be guessed. */
bool luna_key_digest(const char *key, size_t key_len, const struct luna_digest_key *pepper,
                     struct luna_key_digest *ret_digest) LUNA_MUSTCHECK;

#endif
