/*
 * body_hash.h: fingerprint and hash of a body.
 *
 * The fingerprint is on the scoreboard while a body is worked on, to recognise one that has killed
 * workers: 128 bits of XXH3, fast enough for every body. Its key is derived from the pepper:
 * without it nobody can make two bodies collide, and it is the same on all hosts and after every
 * start, so that an operator finds a body in another log. The hash is BLAKE2b-256, for
 * Idempotency-Key and ETag: it needs no key.
 */
#ifndef FCGI_WORKER_BODY_HASH_H
#define FCGI_WORKER_BODY_HASH_H

#include <stddef.h>

enum { BODY_HASH_BYTES = 32, BODY_FINGERPRINT_BYTES = 16, BODY_FINGERPRINT_KEY_BYTES = 192 };

struct body_fingerprint_key {
    unsigned char bytes[BODY_FINGERPRINT_KEY_BYTES];
};

/* Of a pepper of any length (pepper.h). */
void body_fingerprint_key_make(const unsigned char *pepper, size_t pepper_len,
                               struct body_fingerprint_key *ret_key);
/* Both are of the route's number and the bytes. */
void body_fingerprint(const struct body_fingerprint_key *key, int route, const void *body,
                      size_t len, unsigned char ret_fingerprint[BODY_FINGERPRINT_BYTES]);
void body_hash_make(int route, const void *body, size_t len,
                    unsigned char ret_hash[BODY_HASH_BYTES]);

#endif
