/*
 * body_hash.h: what a body is known by.
 *
 * Its fingerprint is on the scoreboard while it is worked on, so that a body which kills workers is
 * known again: 128 bits of XXH3, quick enough to be taken of every body. Nobody can make two bodies
 * collide without its key, which is derived from the pepper: the same on all hosts and after every
 * start, so that an operator finds the body again in another log. Its hash is BLAKE2b-256, for an
 * Idempotency-Key and an ETag: it needs no key.
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
/* Of the route's number and the bytes, as is the hash. */
void body_fingerprint(const struct body_fingerprint_key *key, int route, const void *body,
                      size_t len, unsigned char ret_fingerprint[BODY_FINGERPRINT_BYTES]);
void body_hash_make(int route, const void *body, size_t len, unsigned char ret_hash[BODY_HASH_BYTES]);

#endif
