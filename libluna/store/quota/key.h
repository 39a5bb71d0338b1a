/*
 * key.h: API keys: random UUIDv4 outside, UUIDv8 of HMAC-SHA-256 inside. Private to the store.
 */
#ifndef LUNA_STORE_KEY_H
#define LUNA_STORE_KEY_H

#include "client/digest.h"
#include "luna/store/account.h"

#include <stdbool.h>
#include <stddef.h>

/* 36 characters, hexadecimal and dashes. What is stored of a key, in PostgreSQL and Redis. */
struct luna_key_digest {
    char text[37];
};

/* A fresh key from the system's randomness. */
void luna_key_generate(struct luna_key_text *ret_key);
/* The digest of a key as sent. Case does not matter. False when it is not a UUID of version 4
 * (others are guessable). */
bool luna_key_digest(const char *key, size_t key_len, const struct luna_digest_key *pepper,
                     struct luna_key_digest *ret_digest);

#endif
