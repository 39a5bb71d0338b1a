/*
 * key.h: API keys: a client has a random UUIDv4, the stores hold a UUIDv8 made of its HMAC-SHA-256.
 * Private to the store.
 */
#ifndef LUNA_STORE_KEY_H
#define LUNA_STORE_KEY_H

#include "client/digest.h"
#include "luna/store/account.h"

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
/* The digest of a key as sent; upper and lower case are the same. False when it is not a version 4
 * UUID: other versions can be guessed. */
bool luna_key_digest(const char *key, size_t key_len, const struct luna_digest_key *pepper,
                     struct luna_key_digest *ret_digest) LUNA_MUSTCHECK;

#endif
